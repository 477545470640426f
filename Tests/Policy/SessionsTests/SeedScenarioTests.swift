import Sessions
import Settings
import Testing

/// The scenarios of the reports that the product began with, to the letter.
@Suite struct SeedScenarioTests {
    @Test func `block_new with 1: a refresh stays, another device is refused`() throws {
        var store = Scenario(.blockNew, max: 1)
        #expect(try store.connect("A") == ["A in"])
        #expect(try store.connect("A") == ["A out: replaced", "A2 in"])
        #expect(try store.connect("B") == ["B refused"])
        #expect(store.connected == ["A2"])
    }

    @Test func `block_new with 2: A and B, refresh of A, C is refused`() throws {
        var store = Scenario(.blockNew, max: 2)
        #expect(try store.connect("A") == ["A in"])
        #expect(try store.connect("B") == ["B in"])
        #expect(try store.connect("A") == ["A out: replaced", "A2 in"])
        #expect(try store.connect("C") == ["C refused"])
        #expect(store.connected == ["A2", "B"])
    }

    @Test func `eject_old with 2: C ends A, then A comes back and ends B`() throws {
        var store = Scenario(.ejectOld, max: 2)
        #expect(try store.connect("A", at: 0) == ["A in"])
        #expect(try store.connect("B", at: 60) == ["B in"])
        #expect(try store.connect("C", at: 120) == ["A out: eject_old", "C in"])
        #expect(store.connected == ["B", "C"])
        #expect(try store.connect("A", at: 180) == ["B out: eject_old", "A2 in"])
        #expect(store.connected == ["A2", "C"])
    }

    @Test func `eject_old with 2: after C came, a refresh of B leaves C alone`() throws {
        var store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        #expect(try store.connect("C", at: 2) == ["A out: eject_old", "C in"])
        #expect(try store.connect("B", at: 3) == ["B out: replaced", "B2 in"])
        #expect(store.connected == ["B2", "C"])
    }

    @Test func `same Wi-Fi: a phone is another device than the PC at the same address`() throws {
        var store = Scenario(.blockNew, max: 1)
        #expect(try store.connect("PC") == ["PC in"])
        #expect(try store.connect("phone") == ["phone refused"])
        #expect(try store.connect("PC") == ["PC out: replaced", "PC2 in"])
    }

    @Test func `without ClientId, address and role and User-Agent make the device`() throws {
        var store = Scenario(.blockNew, max: 2)
        func looks(_ name: String) -> DeviceIdentity { .looking(like: name) }
        #expect(try store.connect("Chrome", as: looks("Chrome")) == ["Chrome in"])
        #expect(try store.connect("Safari", as: looks("Safari")) == ["Safari in"])
        #expect(
            try store.connect("Chrome", as: looks("Chrome"))
                == ["Chrome out: replaced", "Chrome2 in"])
        #expect(try store.connect("Edge", as: looks("Edge")) == ["Edge refused"])
    }

    @Test func `boards and reception desks are not limited, dashboards are`() throws {
        var store = Scenario(.limiting(.of("admin", "manager", max: 1, .blockNew)))
        for number in 1...5 {
            #expect(
                try store.connect("board\(number)x", role: "board") == ["board\(number)x in"])
        }
        #expect(try store.connect("A", role: "admin") == ["A in"])
        #expect(try store.connect("B", role: "manager") == ["B refused"])
        #expect(try store.connect("R", role: "reception") == ["R in"])
        #expect(try store.connect("N", role: nil) == ["N in"])
    }

    @Test func `a refresh neither saves a device from being ejected nor hastens it`() throws {
        var store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        _ = try store.connect("A", at: 2)
        #expect(try store.connect("C", at: 3) == ["A2 out: eject_old", "C in"])
        _ = try store.connect("B", at: 4)
        #expect(try store.connect("D", at: 5) == ["B2 out: eject_old", "D in"])
    }

    @Test func `a device that left and came back is the youngest`() throws {
        var store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        #expect(try store.disconnect("A") == ["A out: left"])
        _ = try store.connect("A", at: 2)
        #expect(try store.connect("C", at: 3) == ["B out: eject_old", "C in"])
    }

    @Test func `devices of one instant are as old as their order says`() throws {
        var store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("B")
        _ = try store.connect("A")
        #expect(try store.connect("C") == ["B out: eject_old", "C in"])
    }

    @Test func `block_new lets the next one in when a place is free again`() throws {
        var store = Scenario(.blockNew, max: 1)
        _ = try store.connect("A")
        #expect(try store.connect("B") == ["B refused"])
        _ = try store.disconnect("A")
        #expect(try store.connect("B") == ["B2 in"])
    }
}
