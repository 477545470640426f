import Clock
import Sessions
import Settings
import Testing

/// Ghosts, graces, and who waits meanwhile.
@Suite struct LivenessRuleTests {
    private func store(
        max: Int, _ policy: SessionSettings.Policy = .blockNew, grace: Duration? = nil,
        sameDevice: SessionSettings.SameDevice = .replace
    ) -> Scenario {
        Scenario(
            .limiting(
                .of(max: max, policy), sameDevice: sameDevice, grace: grace, probe: .seconds(2)))
    }

    // MARK: Probes

    @Test func `a ghost makes way for who waits`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("B", at: 60) == ["B waits", "A?"])
        #expect(store.wait(until: 61.9) == [])
        #expect(store.wait(until: 62) == ["A out: silent", "B in"])
        #expect(try store.disconnect("A") == [])
        #expect(store.connected == ["B"])
    }

    @Test func `when all holders live, who waits is refused at once`() throws {
        var store = store(max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        #expect(try store.connect("C", at: 60) == ["C waits", "A?", "B?"])
        #expect(try store.answer("B", at: 60.1) == [])
        #expect(try store.answer("A", at: 60.2) == ["C refused"])
        #expect(store.connected == ["A", "B"])
    }

    @Test func `who was just heard is not asked`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("B", at: 3) == ["B refused"])
        #expect(try store.connect("B", at: 3.1) == ["B2 waits", "A?"])
        #expect(try store.answer("A", at: 3.2) == ["B2 refused"])
        #expect(try store.connect("C", at: 6.2) == ["C refused"])
        #expect(try store.connect("C", at: 6.3) == ["C2 waits", "A?"])
    }

    @Test func `several newcomers wait, and free places go to them in order`() throws {
        var store = store(max: 3)
        for device in ["A", "B", "C"] { _ = try store.connect(device, at: 0) }
        #expect(try store.connect("D", at: 60) == ["D waits", "A?", "B?", "C?"])
        #expect(try store.connect("E", at: 60.5) == ["E waits"])
        #expect(try store.connect("F", at: 61) == ["F waits"])
        #expect(try store.answer("B", at: 61.1) == [])
        #expect(
            store.wait(until: 62) == [
                "A out: silent", "D in", "C out: silent", "E in", "F refused",
            ])
        #expect(store.connected == ["B", "D", "E"])
    }

    @Test func `no more ghosts end than are needed, the longest silent first`() throws {
        var store = store(max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        _ = try store.connect("A", at: 2)
        #expect(try store.connect("C", at: 60) == ["C waits", "B?", "A2?"])
        #expect(store.wait(until: 62) == ["B out: silent", "C in"])
        // The other one did not answer either: the next newcomer need not wait.
        #expect(try store.connect("D", at: 62) == ["A2 out: silent", "D in"])
        #expect(try store.connect("E", at: 62) == ["E refused"])
    }

    @Test func `a ghost that speaks is none`() throws {
        var store = store(max: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 0)
        _ = try store.connect("C", at: 60)
        #expect(store.wait(until: 62) == ["A out: silent", "C in"])
        #expect(try store.answer("B", at: 63) == [])
        #expect(try store.connect("D", at: 64) == ["D refused"])
    }

    @Test func `who leaves while it waits is forgotten, and nobody ends for it`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        #expect(try store.disconnect("B", at: 61) == [])
        #expect(store.wait(until: 70) == [])
        #expect(store.connected == ["A"])
        #expect(store.engine.waitingCount == 0)
    }

    @Test func `a place that is given back is the waiting one's`() throws {
        for departure in [Departure.normal, .abnormal] {
            var store = store(max: 1, grace: .seconds(5))
            _ = try store.connect("A", at: 0)
            _ = try store.connect("B", at: 60)
            // Who breaks while it is asked whether it lives has answered.
            #expect(
                try store.disconnect("A", departure, at: 60.3).last == "B in", "\(departure)")
        }
    }

    @Test func `a refresh of the holder shows that it lives`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        #expect(
            try store.connect("A", at: 60.5) == ["A out: replaced", "A2 in", "B refused"])
    }

    @Test func `who comes again while it waits keeps its turn`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        _ = try store.connect("C", at: 60.5)
        #expect(try store.connect("B", at: 61) == ["B2 waits", "B refused: replaced"])
        #expect(store.wait(until: 62) == ["A out: silent", "B2 in", "C refused"])
    }

    @Test func `sessions of a device that shares wait together`() throws {
        var store = store(max: 1, sameDevice: .share)
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("B", at: 60) == ["B waits", "A?"])
        #expect(try store.connect("B", at: 61) == ["B2 waits"])
        #expect(store.wait(until: 62) == ["A out: silent", "B in", "B2 in"])
        #expect(store.engine.deviceCount == 1)
    }

    @Test func `a device that shares lives while one of its sessions does`() throws {
        var store = store(max: 1, sameDevice: .share)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("A", at: 1)
        #expect(try store.connect("B", at: 60) == ["B waits", "A?", "A2?"])
        #expect(try store.answer("A", at: 60.1) == ["B refused"])
        #expect(try store.fallSilent("A2", at: 61) == [])
        #expect(try store.connect("B", at: 62) == ["B2 refused"])
        #expect(try store.fallSilent("A", at: 63) == [])
        #expect(
            try store.connect("B", at: 64) == ["A out: silent", "A2 out: silent", "B3 in"])
    }

    @Test func `a session that answered is silent no more when another one of the place is`()
        throws
    {
        var store = store(max: 1, sameDevice: .share)
        for _ in 1...2 { _ = try store.connect("A", at: 0) }
        #expect(try store.fallSilent("A", at: 1) == [])
        #expect(try store.answer("A", at: 2) == [])
        #expect(try store.fallSilent("A2", at: 3) == [])
        #expect(try store.connect("B", at: 4) == ["B refused"])
    }

    @Test func `a silent session that left does not make those silent who stay`() throws {
        var store = store(max: 1, sameDevice: .share)
        for _ in 1...3 { _ = try store.connect("A", at: 0) }
        #expect(try store.fallSilent("A", at: 1) == [])
        _ = try store.disconnect("A", at: 1)
        #expect(try store.fallSilent("A2", at: 2) == [])
        #expect(try store.connect("B", at: 2.5) == ["B refused"])
        #expect(try store.fallSilent("A3", at: 2.6) == [])
        #expect(
            try store.connect("B", at: 2.7) == ["A2 out: silent", "A3 out: silent", "B2 in"])
    }

    @Test func `a session that is known to be silent makes way at once`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        #expect(try store.fallSilent("A", at: 1) == [])
        #expect(try store.connect("B", at: 1) == ["A out: silent", "B in"])
    }

    @Test func `silence decides for who waits`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 60)
        #expect(try store.fallSilent("A", at: 60.1) == ["A out: silent", "B in"])
    }

    @Test func `eject_old asks nobody`() throws {
        var store = store(max: 1, .ejectOld)
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("B", at: 60) == ["A out: eject_old", "B in"])
    }

    @Test func `with probe off nobody is asked and nobody waits`() throws {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), grace: .seconds(1)))
        _ = try store.connect("A", at: 0)
        #expect(try store.connect("B", at: 60) == ["B refused"])
        _ = try store.disconnect("A", .abnormal, at: 60)
        #expect(try store.connect("B", at: 60.9) == ["B2 refused"])
        #expect(try store.connect("B", at: 61) == ["B3 in"])
    }

    @Test func `so many wait at most, whoever comes beyond is refused`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        for number in 1...StoreEngine.mostWaiting { _ = try store.connect("w\(number)x", at: 60) }
        #expect(try store.connect("Z", at: 60) == ["Z refused"])
        #expect(store.engine.waitingCount == StoreEngine.mostWaiting)
    }

    @Test func `one who crowds the line makes way for others`() throws {
        var store = store(max: 1)
        _ = try store.connect("A", at: 0)
        for number in 1...StoreEngine.mostWaiting {
            _ = try store.connect("w\(number)x", from: "203.0.113.9", at: 60)
        }
        // From somewhere else; until as many wait from there.
        for number in 0..<StoreEngine.mostWaiting / 2 {
            let words = try store.connect("z\(number)x", from: "198.51.100.1", at: 60.1)
            #expect(
                words == ["w\(StoreEngine.mostWaiting - number)x refused", "z\(number)x waits"])
        }
        #expect(try store.connect("Y", from: "198.51.100.1", at: 60.1) == ["Y refused"])
        #expect(try store.connect("X", from: "203.0.113.9", at: 60.1) == ["X refused"])
        #expect(store.engine.waitingCount == StoreEngine.mostWaiting)
        #expect(try store.connect("V", from: "198.51.100.2", at: 60.1).last == "V waits")
        // Whoever kept a place in the line is the next one still.
        #expect(store.wait(until: 62).prefix(2) == ["A out: silent", "w1x in"])
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8:0:1::1", "2001:db8:0:1:8000::", true),
        ("2001:db8:0:1::1", "2001:db8:0:1:2:3:4:5", true),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ("2001:db8::1", "2001:db8::1:0:0:2", true), ("2001:db8::1", "2001:db8:1::1", false),
        ("2001::5:6:7:8:9", "2001::6:6:7:8:9", false), ("::1", "::2", true),
        ("::1", "1::", false), ("unix", "unix", true),
    ]) func `an address counts for its network`(_ one: String, _ other: String, isSame: Bool) throws
    {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), probe: .seconds(2)))
        store.engine = StoreEngine(mostWaiting: 2)
        _ = try store.connect("A", at: 0)
        for device in ["B", "C"] { _ = try store.connect(device, from: one, at: 60) }
        let expected = isSame ? ["D refused"] : ["C refused", "D waits"]
        #expect(try store.connect("D", from: other, at: 60) == expected)
    }

    @Test func `a user counts wherever it comes from, and others beside it for themselves`() throws
    {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), probe: .seconds(2)))
        store.engine = StoreEngine(mostWaiting: 2)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", user: "eve", from: "192.0.2.1", at: 60)
        _ = try store.connect("C", user: "eve", from: "192.0.2.2", at: 60)
        #expect(try store.connect("D", user: "eve", from: "192.0.2.3", at: 60) == ["D refused"])
        #expect(
            try store.connect("E", user: "bob", from: "192.0.2.1", at: 60)
                == ["C refused", "E waits"])
    }

    @Test func `who is refused because the line is full has others asked all the same`() throws {
        var store = Scenario(
            .limiting(
                .of("admin", max: 1, .blockNew), .of("kiosk", max: 1, .blockNew),
                probe: .seconds(2)))
        store.engine = StoreEngine(mostWaiting: 1)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("K", role: "kiosk", at: 0)
        _ = try store.connect("B", at: 60)
        #expect(try store.connect("L", role: "kiosk", at: 60) == ["K?", "L refused"])
        _ = store.wait(until: 62)
        #expect(try store.connect("M", role: "kiosk", at: 63) == ["K out: silent", "M in"])
    }

    @Test func `so many are asked at once, and one more for each that answers`() throws {
        var store = store(max: StoreEngine.mostAsked + 2)
        for number in 1...StoreEngine.mostAsked + 2 {
            _ = try store.connect("d\(number)x", at: 0)
        }
        let asked = try store.connect("Z", at: 60)
        #expect(asked.count == 1 + StoreEngine.mostAsked)
        #expect(asked.last == "d\(StoreEngine.mostAsked)x?")
        #expect(try store.answer("d1x", at: 60.1) == ["d\(StoreEngine.mostAsked + 1)x?"])
        #expect(try store.answer("d2x", at: 60.1) == ["d\(StoreEngine.mostAsked + 2)x?"])
        #expect(try store.answer("d3x", at: 60.1) == [])
    }

    @Test func `nobody waits longer than the patience`() throws {
        var store = store(max: StoreEngine.mostAsked + 1)
        for number in 1...StoreEngine.mostAsked + 1 {
            _ = try store.connect("d\(number)x", at: 0)
        }
        _ = try store.connect("Z", at: 60)
        // The last one is asked so late that its silence proves nothing in time.
        for number in 1...StoreEngine.mostAsked {
            _ = try store.answer("d\(number)x", at: 61)
        }
        #expect(store.wait(until: 62.4) == [])
        #expect(store.wait(until: 62.5) == ["Z refused"])
    }

    // MARK: Grace

    @Test func `a device whose connection broke finds its place again`() throws {
        var store = store(max: 1, grace: .seconds(5))
        _ = try store.connect("A", at: 0)
        #expect(try store.disconnect("A", .abnormal, at: 10) == ["A out: broke"])
        #expect(try store.connect("B", at: 11) == ["B refused"])
        #expect(try store.connect("A", at: 14.9) == ["A2 in"])
        #expect(store.engine.records.map(\.deviceSince) == [.seconds(0)])
    }

    @Test func `a device that came back in vain keeps its place, a new one has none`() throws {
        var store = store(max: 1, grace: .seconds(5))
        _ = try store.connect("A", at: 0)
        _ = try store.disconnect("A", .unserved, at: 0)
        #expect(store.engine.isUnused)
        _ = try store.connect("A", at: 1)
        _ = try store.disconnect("A2", .abnormal, at: 2)
        _ = try store.connect("A", at: 6)
        #expect(try store.disconnect("A3", .unserved, at: 6) == ["A3 out: found nobody"])
        #expect(try store.connect("B", at: 8) == ["B refused"])
        #expect(store.wait(until: 11) == [])
        #expect(store.engine.isUnused)
    }

    @Test func `after the grace its place is free`() throws {
        var store = store(max: 1, grace: .seconds(5))
        _ = try store.connect("A", at: 0)
        _ = try store.disconnect("A", .abnormal, at: 10)
        #expect(store.engine.nextDeadline == .seconds(15))
        #expect(try store.connect("B", at: 15) == ["B in"])
        #expect(try store.connect("A", at: 15) == ["A2 refused"])
    }

    @Test func `who comes shortly before a grace is over waits for it`() throws {
        var store = store(max: 1, grace: .seconds(5))
        _ = try store.connect("A", at: 0)
        _ = try store.disconnect("A", .abnormal, at: 10)
        #expect(try store.connect("B", at: 12.4) == ["B refused"])
        #expect(try store.connect("B", at: 12.5) == ["B2 waits"])
        #expect(store.wait(until: 14.9) == [])
        #expect(store.wait(until: 15) == ["B2 in"])
    }

    @Test func `who waits for a grace is refused when the device is back`() throws {
        var store = store(max: 1, grace: .seconds(5))
        _ = try store.connect("A", at: 0)
        _ = try store.disconnect("A", .abnormal, at: 10)
        _ = try store.connect("B", at: 13)
        #expect(try store.connect("A", at: 14) == ["A2 in", "B refused"])
    }

    @Test func `no grace follows a goodbye, nor an end by rule, nor an unlimited role`() throws {
        var store = Scenario(
            .limiting(.of("admin", max: 1, .ejectOld), grace: .seconds(5), probe: .seconds(2)))
        _ = try store.connect("A", at: 0)
        _ = try store.disconnect("A", .normal, at: 1)
        #expect(store.engine.isUnused)
        _ = try store.connect("A", role: "board", at: 2)
        _ = try store.disconnect("A2", .abnormal, at: 3)
        #expect(store.engine.isUnused)
        _ = try store.connect("A", at: 4)
        _ = try store.connect("B", at: 5)
        #expect(try store.disconnect("A3", .abnormal, at: 6) == [])
        #expect(store.engine.graceCount == 0)
    }

    @Test func `eject_old gives up places in grace before it ends anybody`() throws {
        var store = store(max: 2, .ejectOld, grace: .seconds(5))
        _ = try store.connect("A", at: 0)
        _ = try store.connect("B", at: 1)
        _ = try store.disconnect("B", .abnormal, at: 2)
        #expect(try store.connect("C", at: 3) == ["C in"])
        #expect(try store.connect("D", at: 4) == ["A out: eject_old", "D in"])
    }

    @Test func `a device that shares has its grace when the last session broke`() throws {
        var store = store(max: 1, grace: .seconds(5), sameDevice: .share)
        _ = try store.connect("A", at: 0)
        _ = try store.connect("A", at: 0)
        _ = try store.disconnect("A2", .abnormal, at: 1)
        #expect(store.engine.graceCount == 0)
        _ = try store.disconnect("A", .abnormal, at: 2)
        #expect(store.engine.graceCount == 1)
        #expect(try store.connect("A", at: 3) == ["A3 in"])
        #expect(store.engine.graceCount == 0)
    }

    @Test func `a clock that lags changes nothing`() throws {
        var store = store(max: 1, grace: .seconds(5))
        _ = try store.connect("A", at: 100)
        _ = try store.disconnect("A", .abnormal, at: 90)
        #expect(store.engine.nextDeadline == .seconds(105))
    }
}
