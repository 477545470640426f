import Clock
import Sessions
import Settings
import Testing

/// What operators do: limits at run time, kicks, reports, reloads.
@Suite struct OperatorRuleTests {
    private func limit(
        _ devices: Int, _ policy: SessionSettings.Policy, role: String? = nil,
        until second: Double? = nil
    ) -> RuntimeLimit {
        RuntimeLimit(
            role: role, limit: .init(devices: devices, policy: policy),
            expires: second.map { .seconds($0) })
    }

    // MARK: Limits at run time

    @Test func `a lower limit ends nobody unless asked`() throws {
        var store = Scenario(.blockNew, max: 3)
        for device in ["A", "B", "C"] { _ = try store.connect(device) }
        #expect(store.handle(.setLimit(limit(1, .blockNew), endsExcess: false)) == [])
        #expect(store.connected == ["A", "B", "C"])
        _ = try store.disconnect("A")
        #expect(try store.connect("D") == ["D refused"])
        #expect(try store.connect("B") == ["B out: replaced", "B2 in"])
    }

    @Test func `a lower limit that has to hold at once ends the longest connected`() throws {
        var store = Scenario(.blockNew, max: 4)
        for device in ["A", "B", "C", "D"] { _ = try store.connect(device) }
        _ = try store.connect("A")
        #expect(store.excess(under: limit(2, .blockNew)) == ["A2", "B"])
        #expect(store.connected == ["A2", "B", "C", "D"])
        #expect(
            store.handle(.setLimit(limit(2, .blockNew), endsExcess: true))
                == ["A2 out: limited", "B out: limited"])
    }

    @Test func `places in grace are given up before anybody ends`() throws {
        var store = Scenario(.limiting(.of(max: 2, .blockNew), grace: .seconds(5)))
        _ = try store.connect("A")
        _ = try store.connect("B")
        _ = try store.disconnect("B", .abnormal)
        #expect(store.excess(under: limit(1, .blockNew)) == [])
        #expect(store.handle(.setLimit(limit(1, .blockNew), endsExcess: true)) == [])
        #expect(store.engine.deviceCount == 1)
    }

    @Test func `a lowered limit is met by the next newcomer, eldest first`() throws {
        var store = Scenario(.ejectOld, max: 4)
        for device in ["A", "B", "C", "D"] { _ = try store.connect(device) }
        _ = store.handle(.setLimit(limit(2, .ejectOld), endsExcess: false))
        _ = try store.connect("A")
        #expect(
            try store.connect("E") == [
                "A2 out: eject_old", "B out: eject_old", "C out: eject_old", "E in",
            ])
    }

    @Test func `a higher limit lets in who waits, and another policy does`() throws {
        for changed in [limit(2, .blockNew), limit(1, .ejectOld)] {
            var store = Scenario(.limiting(.of(max: 1, .blockNew), probe: .seconds(2)))
            _ = try store.connect("A", at: 0)
            _ = try store.connect("B", at: 60)
            #expect(
                store.handle(.setLimit(changed, endsExcess: false)).last == "B in", "\(changed)")
        }
    }

    @Test func `a limit at run time wins over the store's and over the token's`() throws {
        var own = SessionSettings.RoleLimit.of(max: 1, .blockNew, claim: "devices")
        own.stores = ["17": .init(devices: 5, policy: .ejectOld)]
        var store = Scenario(.limiting(own))
        _ = store.handle(.setLimit(limit(1, .blockNew), endsExcess: false))
        _ = try store.connect("A")
        #expect(try store.connect("B", claimed: 9) == ["B refused"])
        _ = store.handle(.clearLimit(role: nil))
        #expect(try store.connect("B", claimed: 9) == ["B2 in"])
    }

    @Test func `a limit at run time is over when its time is`() throws {
        var store = Scenario(.blockNew, max: 1)
        _ = store.handle(.setLimit(limit(2, .blockNew, until: 100), endsExcess: false), at: 0)
        _ = try store.connect("A", at: 1)
        _ = try store.connect("B", at: 99.9)
        _ = try store.disconnect("B", at: 99.9)
        #expect(try store.connect("B", at: 100) == ["B2 refused"])
        #expect(store.engine.limitsInForce == [])
        _ = store.handle(.setLimit(limit(2, .blockNew, until: 90), endsExcess: false), at: 100)
        #expect(store.engine.limitsInForce == [])
    }

    @Test func `a limit for a role is for its group, one for none is for each group`() throws {
        var store = Scenario(
            .limiting(.of("admin", max: 1, .blockNew), .of("kiosk", max: 1, .blockNew)))
        _ = store.handle(.setLimit(limit(2, .blockNew), endsExcess: false))
        _ = store.handle(.setLimit(limit(3, .blockNew, role: "kiosk"), endsExcess: false))
        var seen: [String] = []
        for role in ["admin", "kiosk"] {
            for number in 1...4 { seen += try store.connect("\(role)\(number)x", role: role) }
        }
        #expect(
            seen == [
                "admin1x in", "admin2x in", "admin3x refused", "admin4x refused",
                "kiosk1x in", "kiosk2x in", "kiosk3x in", "kiosk4x refused",
            ])
        #expect(store.excess(under: limit(1, .blockNew)) == ["admin1x"])
        #expect(store.excess(under: limit(1, .blockNew, role: "kiosk")) == ["kiosk1x", "kiosk2x"])
    }

    @Test func `a limit of none closes the store for newcomers, whatever the policy`() throws {
        for policy in SessionSettings.Policy.allCases {
            var store = Scenario(policy, max: 2)
            _ = try store.connect("A")
            _ = store.handle(.setLimit(limit(0, policy), endsExcess: false))
            #expect(try store.connect("B") == ["B refused"])
            #expect(try store.connect("A") == ["A out: replaced", "A2 in"])
        }
    }

    @Test func `so many limits are kept for a store`() throws {
        var store = Scenario(.blockNew, max: 1)
        for number in 0..<200 {
            _ = store.handle(
                .setLimit(limit(1, .blockNew, role: "r\(number)"), endsExcess: false))
        }
        #expect(store.engine.limitsInForce.count == StoreEngine.mostRuntimeLimits)
        #expect(store.engine.limitsInForce.map(\.role) == (136..<200).reversed().map { "r\($0)" })
        #expect(!store.engine.isUnused)
    }

    // MARK: Kicks

    @Test func `a kick ends one session, a device, or all`() throws {
        func fill() throws -> Scenario {
            var store = Scenario(.limiting(.of(max: 9, .blockNew), sameDevice: .share))
            for device in ["A", "B", "A", "C"] { _ = try store.connect(device) }
            return store
        }
        var store = try fill()
        let one = SessionFilter(id: try store.id("B"))
        #expect(store.handle(.kick(one, Kick())) == ["B out: kicked"])
        store = try fill()
        let device = SessionFilter(clientID: try ClientID("A"))
        #expect(store.handle(.kick(device, Kick())) == ["A out: kicked", "A2 out: kicked"])
        store = try fill()
        #expect(store.handle(.kick(SessionFilter(store: "17"), Kick())).count == 4)
        #expect(store.engine.isUnused)
        store = try fill()
        #expect(store.handle(.kick(SessionFilter(store: "18"), Kick())) == [])
    }

    @Test func `a kick frees the place for who waits, also one in grace`() throws {
        var store = Scenario(
            .limiting(.of(max: 1, .blockNew), grace: .seconds(5), probe: .seconds(2)))
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        let device = SessionFilter(clientID: try ClientID("A"))
        #expect(store.handle(.kick(device, Kick())) == ["A out: kicked", "B in"])
        _ = try store.disconnect("B", .abnormal, at: 61)
        let other = SessionFilter(clientID: try ClientID("B"))
        #expect(store.handle(.kick(other, Kick())) == [])
        #expect(store.engine.isUnused)
    }

    @Test func `whoever is kicked hears the words and when to come back`() throws {
        var engine = StoreEngine()
        _ = engine.handle(
            .arrive(arrival(1, device: try .named("A"), rules: .plain(1, .blockNew))), at: .zero)
        let kick = Kick(message: "점검 중입니다", reconnect: .after(.seconds(30)))
        guard
            case .ended(let end) = engine.handle(
                .kick(SessionFilter(), kick), at: .seconds(5)
            ).first, let ending = end.ending
        else { throw Unexpected() }
        #expect(ending.message == "점검 중입니다")
        #expect(ending.reconnect == .after(.seconds(30)))
        #expect(ending.cause == .kicked)
        #expect(ending.connection == ConnectionAddress(worker: 0, connection: 1))
        #expect(end.record.connectedSince == .zero && end.ended == .seconds(5))
    }

    private struct Unexpected: Error {}

    // MARK: Reports

    @Test func `report_only refuses nobody and says whom it would have refused`() throws {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), probe: .seconds(2)))
        #expect(try store.connect("A", isReportOnly: true, at: 0) == ["A in"])
        #expect(
            try store.connect("B", isReportOnly: true, at: 60)
                == ["B in", "B would be refused"])
        #expect(store.engine.deviceCount == 1)
        // Who came in uncounted takes no place from anybody.
        _ = try store.disconnect("A", at: 61)
        #expect(try store.connect("C", at: 62) == ["C in"])
        #expect(store.connected == ["B", "C"])
    }

    @Test func `report_only ends nobody and says whom it would have ended`() throws {
        var store = Scenario(.ejectOld, max: 2)
        _ = try store.connect("A", isReportOnly: true)
        _ = try store.connect("B", isReportOnly: true)
        #expect(try store.connect("C", isReportOnly: true) == ["C in", "C would eject A"])
        #expect(try store.connect("A", isReportOnly: true) == ["A2 in"])
        #expect(try store.connect("C", isReportOnly: true) == ["C2 in", "C2 would eject A A2"])
        #expect(store.connected == ["A", "A2", "B", "C", "C2"])
        #expect(store.engine.deviceCount == 2)
    }

    @Test func `report_only sends no fighting window away`() throws {
        var store = Scenario(.blockNew, max: 1)
        for number in 1...20 {
            let name = number == 1 ? "A" : "A\(number)"
            #expect(try store.connect("A", isReportOnly: true) == ["\(name) in"])
        }
    }

    // MARK: Reloads

    @Test func `the newest generation's rules hold, also for older connections`() throws {
        var store = Scenario(.blockNew, max: 1)
        let old = store.rules
        _ = try store.connect("A")
        store.rules = SessionRules(.limiting(.of(max: 2, .blockNew)), generation: 2)
        #expect(try store.connect("B") == ["B in"])
        store.rules = old
        #expect(try store.connect("C") == ["C refused"])
        _ = try store.disconnect("B")
        #expect(try store.connect("C") == ["C2 in"])
    }

    @Test func `sessions are counted anew when roles are put together in another way`() throws {
        var store = Scenario(
            .limiting(.of("admin", max: 2, .blockNew), .of("kiosk", max: 2, .blockNew)))
        for device in ["A", "B"] { _ = try store.connect(device, role: "admin") }
        for device in ["A", "K"] { _ = try store.connect(device, role: "kiosk") }
        _ = try store.connect("board", role: "board")
        #expect(store.engine.deviceCount == 4)
        store.rules = SessionRules(
            .limiting(.of("admin", "kiosk", max: 3, .ejectOld)), generation: 2)
        // The two places of A have become one, as old as the elder.
        #expect(
            try store.connect("C", role: "admin")
                == ["A out: eject_old", "A2 out: eject_old", "C in"])
        #expect(store.connected == ["B", "C", "K", "board"])
        store.rules = SessionRules(.limiting(.of("board", max: 1, .ejectOld)), generation: 3)
        #expect(
            try store.connect("other", role: "board") == ["board out: eject_old", "other in"])
        #expect(store.engine.deviceCount == 1)
    }

    @Test func `a reload holds for orders that come before anybody else does`() throws {
        var store = Scenario(.limiting(.of("admin", max: 1, .blockNew), probe: .seconds(2)))
        for device in ["K", "L"] { _ = try store.connect(device, role: "kiosk", at: 0) }
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        let lower = limit(1, .blockNew, role: "kiosk")
        #expect(store.excess(under: lower) == [])
        let rules = SessionRules(
            .limiting(.of("admin", max: 2, .blockNew), .of("kiosk", max: 2, .blockNew)),
            generation: 2)
        #expect(store.handle(.adopt(rules)) == ["B in"])
        #expect(store.excess(under: lower) == ["K"])
        #expect(store.handle(.setLimit(lower, endsExcess: true)) == ["K out: limited"])
        #expect(store.handle(.adopt(store.rules)) == [], "an older generation changes nothing")
        #expect(store.engine.deviceCount == 3)
    }

    @Test func `who is counted only since a reload hides nobody that is silent`() throws {
        var store = Scenario(.limiting(.of("admin", max: 2, .blockNew), probe: .seconds(2)))
        _ = try store.connect("board", role: "board", at: 0)
        _ = try store.connect("A", at: 1)
        #expect(try store.answer("board", at: 60) == [])
        store.rules = SessionRules(
            .limiting(.of(max: 2, .blockNew), probe: .seconds(2)), generation: 2)
        #expect(try store.connect("B", at: 61) == ["B waits", "A?"])
        #expect(store.wait(until: 63) == ["A out: silent", "B in"])
    }

    @Test(arguments: [["admin"], ["board", "kiosk"], ["board"]])
    func `sessions that waited together wait each in its own count after a reload`(
        limited: [String]
    ) throws {
        var store = Scenario(
            .limiting(.of(max: 1, .blockNew), sameDevice: .share, probe: .seconds(2)))
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("W", role: "board", at: 60) == ["W waits", "A?"])
        #expect(try store.connect("W", role: "kiosk", at: 60) == ["W2 waits"])
        let limits = limited.map { SessionSettings.RoleLimit.of($0, max: 1, .blockNew) }
        var settings = SessionSettings(name: "b", store: .query("s"), limits: limits)
        settings.sameDevice = .share
        #expect(
            store.handle(.adopt(SessionRules(settings, generation: 2))) == ["W in", "W2 in"])
        #expect(store.engine.deviceCount == limited.count)
        for session in ["A", "W", "W2"] { _ = try store.disconnect(session) }
        #expect(store.engine.isUnused)
    }

    @Test func `a probe goes on over a reload that counts anew`() throws {
        var store = Scenario(.limiting(.of("admin", max: 1, .blockNew), probe: .seconds(2)))
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("B", at: 60) == ["B waits", "A?"])
        store.rules = SessionRules(
            .limiting(.of("admin", "kiosk", max: 1, .blockNew), probe: .seconds(2)),
            generation: 2)
        #expect(try store.connect("K", role: "kiosk", at: 61) == ["K waits"])
        #expect(store.wait(until: 62) == ["A out: silent", "B in", "K refused"])
    }

    @Test func `who waits comes in when a reload makes its role unlimited`() throws {
        var store = Scenario(.limiting(.of("admin", max: 1, .blockNew), probe: .seconds(2)))
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        store.rules = SessionRules(.limiting(.of("kiosk", max: 1, .blockNew)), generation: 2)
        #expect(try store.connect("K", role: "kiosk", at: 61) == ["K in", "B in"])
        #expect(store.engine.deviceCount == 1)
    }
}
