import Sessions
import Settings
import Testing

/// The scenarios of the reports that the product began with, to the letter.
@Suite struct ScenarioTests {
    @Test func `block_new with 1: a refresh stays, another device is refused`() throws {
        let store = Scenario(.blockNew, max: 1)
        #expect(try store.connect("A") == ["A in"])
        #expect(try store.connect("A") == ["A out: replaced", "A in"])
        #expect(try store.connect("B") == ["B refused"])
        #expect(store.connected == ["A"])
    }

    @Test func `block_new with 2: A and B, refresh of A, C is refused`() throws {
        let store = Scenario(.blockNew, max: 2)
        #expect(try store.connect("A") == ["A in"])
        #expect(try store.connect("B") == ["B in"])
        #expect(try store.connect("A") == ["A out: replaced", "A in"])
        #expect(try store.connect("C") == ["C refused"])
        #expect(store.connected == ["A", "B"])
    }

    @Test func `eject_old with 2: C ends A, then A comes back and ends B`() throws {
        let store = Scenario(.ejectOld, max: 2)
        #expect(try store.connect("A", at: 0) == ["A in"])
        #expect(try store.connect("B", at: 60) == ["B in"])
        #expect(try store.connect("C", at: 120) == ["A out: eject_old", "C in"])
        #expect(store.connected == ["B", "C"])
        #expect(try store.connect("A", at: 180) == ["B out: eject_old", "A in"])
        #expect(store.connected == ["A", "C"])
    }

    @Test func `eject_old with 2: after C came, a refresh of B leaves C alone`() throws {
        let store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        #expect(try store.connect("C", at: 2) == ["A out: eject_old", "C in"])
        #expect(try store.connect("B", at: 3) == ["B out: replaced", "B in"])
        #expect(store.connected == ["B", "C"])
    }

    @Test func `same Wi-Fi: a phone is another device than the PC at the same address`() throws {
        let store = Scenario(.blockNew, max: 1)
        #expect(try store.connect("PC") == ["PC in"])
        #expect(try store.connect("phone") == ["phone refused"])
        #expect(try store.connect("PC") == ["PC out: replaced", "PC in"])
    }

    @Test func `without ClientId, address and role and User-Agent make the device`() throws {
        func guess(_ userAgent: String) -> DeviceKey {
            .fallback(address: "192.168.0.100", role: "admin", userAgent: userAgent)
        }
        let store = Scenario(.blockNew, max: 2)
        #expect(try store.connect("Chrome", key: guess("Chrome")) == ["Chrome in"])
        #expect(try store.connect("Safari", key: guess("Safari")) == ["Safari in"])
        #expect(
            try store.connect("Chrome", key: guess("Chrome"))
                == ["Chrome out: replaced", "Chrome in"])
        #expect(try store.connect("Edge", key: guess("Edge")) == ["Edge refused"])
    }

    @Test func `a refresh neither saves a device from being ejected nor hastens it`() throws {
        let store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        _ = try store.connect("A", at: 2)
        #expect(try store.connect("C", at: 3) == ["A out: eject_old", "C in"])
        _ = try store.connect("B", at: 4)
        #expect(try store.connect("D", at: 5) == ["B out: eject_old", "D in"])
    }

    @Test func `a device that left and came back is the youngest`() throws {
        let store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        store.disconnect("A")
        _ = try store.connect("A", at: 2)
        #expect(try store.connect("C", at: 3) == ["B out: eject_old", "C in"])
    }

    @Test func `devices of one instant are as old as their order says`() throws {
        let store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("B")
        _ = try store.connect("A")
        #expect(try store.connect("C") == ["B out: eject_old", "C in"])
    }

    @Test func `block_new lets the next one in when a place is free again`() throws {
        let store = Scenario(.blockNew, max: 1)
        _ = try store.connect("A")
        #expect(try store.connect("B") == ["B refused"])
        store.disconnect("A")
        #expect(try store.connect("B") == ["B in"])
    }
}
