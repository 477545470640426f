import Clock
import Sessions
import Settings
import Testing

/// Who is the same device, and what becomes of its sessions.
@Suite struct DeviceRuleTests {
    // MARK: Groups of roles

    @Test func `groups of roles are counted side by side`() throws {
        var store = Scenario(
            .limiting(
                .of("admin", "manager", max: 2, .blockNew), .of("kiosk", max: 1, .ejectOld)))
        #expect(try store.connect("A", role: "admin") == ["A in"])
        #expect(try store.connect("B", role: "manager") == ["B in"])
        #expect(try store.connect("C", role: "admin") == ["C refused"])
        #expect(try store.connect("K", role: "kiosk") == ["K in"])
        #expect(try store.connect("L", role: "kiosk") == ["K out: eject_old", "L in"])
        #expect(try store.connect("A", role: "manager") == ["A out: replaced", "A2 in"])
        #expect(store.connected == ["A2", "B", "L"])
    }

    @Test func `a limit without roles is for all that have none of their own`() throws {
        var store = Scenario(
            .limiting(.of("kiosk", max: 2, .blockNew), .of(max: 1, .blockNew)))
        #expect(try store.connect("A", role: "admin") == ["A in"])
        #expect(try store.connect("N", role: nil) == ["N refused"])
        #expect(try store.connect("K", role: "kiosk") == ["K in"])
    }

    @Test(arguments: [("board", "reception"), ("admin", "board"), ("admin", "kiosk")])
    func `one device may hold these two roles at once`(first: String, second: String) throws {
        var store = Scenario(
            .limiting(.of("admin", max: 1, .blockNew), .of("kiosk", max: 1, .blockNew)))
        #expect(try store.connect("A", role: first) == ["A in"])
        #expect(try store.connect("A", role: second) == ["A2 in"])
    }

    @Test func `an unlimited role of the same device and name is replaced by its refresh`() throws {
        var store = Scenario(.limiting(.of("admin", max: 1, .blockNew)))
        #expect(try store.connect("A", role: "board") == ["A in"])
        #expect(try store.connect("A", role: "board") == ["A out: replaced", "A2 in"])
        #expect(store.engine.deviceCount == 0)
    }

    @Test func `eject_old never ends an unlimited role`() throws {
        var store = Scenario(.limiting(.of("admin", max: 1, .ejectOld)))
        _ = try store.connect("board", role: "board")
        _ = try store.connect("A")
        #expect(try store.connect("B") == ["A out: eject_old", "B in"])
        #expect(store.connected == ["B", "board"])
    }

    @Test func `of several roles the first that a limit names is counted`() {
        let rules = SessionRules(
            .limiting(.of("admin", max: 1, .blockNew), .of("kiosk", max: 1, .blockNew)),
            generation: 1)
        for (roles, counted) in [
            ([], nil), (["board"], "board"), (["board", "admin"], "admin"),
            (["board", "desk"], "board"), (["kiosk", "admin"], "kiosk"),
        ] as [([String], String?)] {
            #expect(rules.role(among: roles) == counted)
        }
    }

    @Test func `what the token claims is the limit, under the policy of the block`() throws {
        var store = Scenario(.limiting(.of(max: 1, .blockNew, claim: "devices")))
        #expect(try store.connect("A") == ["A in"])
        #expect(try store.connect("B", claimed: 2) == ["B in"])
        #expect(try store.connect("C") == ["C refused"])
        #expect(try store.connect("D", claimed: 2) == ["D refused"])
        #expect(try store.connect("E", claimed: 3) == ["E in"])
    }

    @Test(
        arguments: [
            (nil, nil), ("", nil), ("0", nil), ("1", 1), ("1000000", 1_000_000), ("1000001", nil),
            ("-1", nil), ("2.0", nil), ("two", nil),
        ] as [(String?, Int?)])
    func `a claim that is no whole number in range says nothing`(text: String?, devices: Int?) {
        #expect(SessionRules.devices(claimed: text) == devices)
    }

    @Test func `a claim says nothing where the limit does not ask for it`() throws {
        var store = Scenario(.blockNew, max: 1)
        _ = try store.connect("A")
        #expect(try store.connect("B", claimed: 5) == ["B refused"])
    }

    @Test func `a store's own limit holds, unless the token claims another`() throws {
        var limit = SessionSettings.RoleLimit.of(max: 1, .blockNew, claim: "devices")
        limit.stores = ["17": .init(devices: 2, policy: .ejectOld)]
        var store = Scenario(.limiting(limit))
        _ = try store.connect("A")
        #expect(try store.connect("B") == ["B in"])
        #expect(try store.connect("C", claimed: 3) == ["C in"])
        #expect(
            try store.connect("D") == ["A out: eject_old", "B out: eject_old", "D in"])
    }

    // MARK: The same device

    @Test func `a device that shares its place counts once`() throws {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), sameDevice: .share))
        #expect(try store.connect("A") == ["A in"])
        #expect(try store.connect("A") == ["A2 in"])
        #expect(try store.connect("B") == ["B refused"])
        #expect(try store.disconnect("A") == ["A out: left"])
        #expect(try store.connect("B") == ["B2 refused"])
        #expect(try store.disconnect("A2") == ["A2 out: left"])
        #expect(try store.connect("B") == ["B3 in"])
    }

    @Test func `all sessions of a device that shares its place are ejected, eldest first`() throws {
        var store = Scenario(.limiting(.of(max: 1, .ejectOld), sameDevice: .share))
        for _ in 1...3 { _ = try store.connect("A") }
        #expect(
            try store.connect("B")
                == ["A out: eject_old", "A2 out: eject_old", "A3 out: eject_old", "B in"])
    }

    @Test func `a device holds so many sessions at most, then its eldest ends`() throws {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), sameDevice: .share))
        for _ in 0..<StoreEngine.mostShared { _ = try store.connect("A") }
        let last = "A\(StoreEngine.mostShared + 1)"
        #expect(try store.connect("A") == ["A out: replaced", "\(last) in"])
        #expect(store.engine.sessionCount == StoreEngine.mostShared)
    }

    @Test func `an issued id and the looks of a device mean the same place until it is back`()
        throws
    {
        var store = Scenario(.blockNew, max: 1)
        #expect(try store.connect("A", as: .issued("i1", like: "x")) == ["A in"])
        // A front end that keeps no cookies.
        #expect(
            try store.connect("A", as: .issued("i2", like: "x")) == ["A out: replaced", "A2 in"])
        // One that does.
        #expect(try store.connect("A", as: .named("i2")) == ["A2 out: replaced", "A3 in"])
        // From now on nobody is taken for it.
        #expect(try store.connect("B", as: .issued("i3", like: "x")) == ["B refused"])
        #expect(try store.connect("B", as: .named("i1")) == ["B2 refused"])
    }

    @Test func `a device without ClientId has a name for as long as it stays`() throws {
        var store = Scenario(.blockNew, max: 2)
        _ = try store.connect("A", as: .looking(like: "x"))
        let name = try #require(store.engine.records.first?.deviceName)
        #expect(name.hasPrefix("temporary-") && name.utf8.count == 26)
        _ = try store.connect("A", as: .looking(like: "x"))
        #expect(store.engine.records.map(\.deviceName) == [name])
        _ = try store.disconnect("A2")
        _ = try store.connect("B")
        #expect(store.engine.records.map(\.deviceName) == ["B"])
    }

    @Test func `a record says since when the session and its device are there`() throws {
        var store = Scenario(.blockNew, max: 1)
        _ = try store.connect("A", at: 10)
        _ = try store.connect("A", at: 20)
        let record = try #require(store.engine.records.first)
        #expect(record.connectedSince == .seconds(20))
        #expect(record.deviceSince == .seconds(10))
    }

    // MARK: Fights

    @Test func `two windows that fight are sent away for longer and longer, and named once`() throws
    {
        var store = Scenario(.blockNew, max: 1)
        _ = try store.connect("A", at: 0)
        for number in 2...6 {
            #expect(
                try store.connect("A", at: Double(number))
                    == [
                        number == 2 ? "A out: replaced" : "A\(number - 1) out: replaced",
                        "A\(number) in",
                    ])
        }
        #expect(try store.connect("A", at: 7) == ["A6 flaps", "A7 sent away for 1"])
        #expect(try store.connect("A", at: 7.5) == ["A8 sent away for 2"])
        #expect(try store.connect("A", at: 9) == ["A9 sent away for 4"])
        #expect(store.connected == ["A6"])
        // The window has passed and so has the wait.
        #expect(try store.connect("A", at: 16.5) == ["A6 out: replaced", "A10 in"])
    }

    @Test func `nobody is sent away for longer than a minute`() throws {
        var store = Scenario(.blockNew, max: 1)
        for _ in 1...6 { _ = try store.connect("A", at: 0) }
        let waits = try (0..<9).map { _ in try store.connect("A", at: 1).last ?? "" }
        #expect(
            waits.map { $0.split(separator: " ").last ?? "" } == [
                "1", "2", "4", "8", "16", "32", "60", "60", "60",
            ])
    }

    @Test func `after a minute of peace a fight is forgotten`() throws {
        var store = Scenario(.blockNew, max: 1)
        for _ in 1...6 { _ = try store.connect("A", at: 0) }
        #expect(try store.connect("A", at: 0) == ["A6 flaps", "A7 sent away for 1"])
        for _ in 1...5 { _ = try store.connect("A", at: 61) }
        #expect(try store.connect("A", at: 61) == ["A12 flaps", "A13 sent away for 1"])
    }

    @Test func `whoever left does not fight with who comes`() throws {
        var store = Scenario(.blockNew, max: 1)
        for number in 1...20 {
            let name = number == 1 ? "A" : "A\(number)"
            #expect(try store.connect("A", at: 0) == ["\(name) in"])
            _ = try store.disconnect(name)
        }
    }

    @Test(arguments: ["leaves", "is ejected"])
    func `whoever gets the place of one who fought has not fought`(how: String) throws {
        var store = Scenario(.ejectOld, max: 1)
        for _ in 1...6 { _ = try store.connect("A", at: 0) }
        if how == "leaves" { _ = try store.disconnect("A6") }
        #expect(try store.connect("B", at: 0).last == "B in")
        #expect(try store.connect("B", at: 0) == ["B out: replaced", "B2 in"])
    }

    @Test func `whoever gets a place that a reload left over has not fought for it`() throws {
        var store = Scenario(
            .limiting(.of("admin", max: 2, .blockNew), .of("kiosk", max: 2, .blockNew)))
        _ = try store.connect("A", role: "admin", at: 0)
        for _ in 1...6 { _ = try store.connect("A", role: "kiosk", at: 0) }
        store.rules = SessionRules(
            .limiting(.of("admin", "kiosk", max: 2, .blockNew)), generation: 2)
        _ = store.handle(.adopt(store.rules))
        #expect(store.connected.count == 2 && store.engine.deviceCount == 1)
        #expect(try store.connect("B", at: 0) == ["B in"])
        #expect(try store.connect("B", at: 0) == ["B out: replaced", "B2 in"])
    }

    @Test func `slow refreshes are no fight`() throws {
        var store = Scenario(.blockNew, max: 1)
        for number in 1...40 {
            #expect(try store.connect("A", at: Double(number) * 2).last?.hasSuffix(" in") == true)
        }
    }
}
