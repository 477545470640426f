import Clock
import Records
import Testing

@Suite struct RecordTests {
    private static let now = WallTime(seconds: 1_800_000_000)

    private static func change(
        block: String = "boards", store: String = "17", group: String? = nil, devices: Int? = 2,
        policy: String? = "block_new", expires: WallTime? = nil, by: String = "kim",
        note: String? = nil
    ) -> StorePolicyChange {
        StorePolicyChange(
            key: .init(block: block, store: store, roleGroup: group), devices: devices,
            policy: policy, expires: expires, changedBy: by, note: note)
    }

    static let good = [
        change(), change(devices: nil), change(policy: nil), change(devices: 1_000_000),
        change(store: "강남점"), change(expires: WallTime(seconds: 1_800_000_000, nanoseconds: 1)),
        change(group: "staff", note: "one\n\ttwo"),
        change(store: String(repeating: "x", count: 256)),
    ]

    @Test(arguments: good) func `a policy that can be kept`(change: StorePolicyChange) throws {
        try change.check(now: Self.now)
    }

    static let bad: [(StorePolicyChange, String)] = [
        (change(block: ""), "block"), (change(block: String(repeating: "x", count: 65)), "block"),
        (change(store: ""), "store"), (change(store: "a\nb"), "store"),
        (change(store: "\u{85}"), "store"),
        (change(store: String(repeating: "한", count: 86)), "store"),
        (change(group: ""), "roleGroup"),
        (change(devices: 0), "devices"), (change(devices: 1_000_001), "devices"),
        (change(devices: nil, policy: nil), "devices"), (change(policy: "\0"), "policy"),
        (change(expires: now), "expires"), (change(by: ""), "changedBy"),
        (change(note: ""), "note"), (change(note: "a\u{1B}[0m"), "note"),
        (change(note: String(repeating: "x", count: 2001)), "note"),
    ]

    @Test(arguments: bad)
    func `a policy that cannot be kept says why`(change: StorePolicyChange, field: String) {
        let error = #expect(throws: InvalidRecord.self) { try change.check(now: Self.now) }
        #expect(error?.field == field)
    }

    private static let policy = StorePolicy(change: change(), version: 7, changed: now)

    static let conditions: [(PolicyCondition, forNone: Bool, forSeven: Bool)] = [
        (.always, true, true), (.absent, true, false), (.present, false, true),
        (.version(7), false, true), (.version(6), false, false),
    ]

    @Test(arguments: conditions)
    func `a condition`(condition: PolicyCondition, forNone: Bool, forSeven: Bool) {
        #expect(condition.holds(for: nil) == forNone)
        #expect(condition.holds(for: Self.policy) == forSeven)
        #expect(Self.policy.entityTag == "\"7\"")
    }

    @Test func `a policy counts until it expires`() {
        var policy = Self.policy
        #expect(policy.isInForce(at: WallTime(seconds: .max)))
        policy.change.expires = Self.now
        #expect(policy.isInForce(at: WallTime(seconds: 1_799_999_999, nanoseconds: 999_999_999)))
        #expect(!policy.isInForce(at: Self.now))
    }

    private static func alias(
        block: String = "boards", store: String? = nil, client: String = "c-1",
        name: String = "office PC", by: String = "kim"
    ) -> DeviceAlias {
        DeviceAlias(
            key: .init(block: block, store: store, clientID: client), name: name, changed: now,
            changedBy: by)
    }

    static let aliases: [(DeviceAlias, String?)] = [
        (alias(), nil), (alias(store: "17", name: "접수 PC"), nil), (alias(block: ""), "block"),
        (alias(store: ""), "store"), (alias(client: ""), "clientID"), (alias(name: ""), "name"),
        (alias(name: "a\u{7F}"), "name"), (alias(by: ""), "changedBy"),
    ]

    @Test(arguments: aliases) func `a name of a device`(alias: DeviceAlias, field: String?) {
        var found: String?
        do throws(InvalidRecord) { try alias.check() } catch { found = error.field }
        #expect(found == field)
    }

    // MARK: History

    static let cuts: [(String, String)] = [
        ("", ""), (String(repeating: "x", count: 256), String(repeating: "x", count: 256)),
        (String(repeating: "x", count: 257), String(repeating: "x", count: 256)),
        // Three octets each: 85 of them are 255.
        (String(repeating: "한", count: 90), String(repeating: "한", count: 85)),
        (String(repeating: "🙂", count: 90), String(repeating: "🙂", count: 64)),
        ("x" + String(repeating: "🙂", count: 90), "x" + String(repeating: "🙂", count: 63)),
    ]

    @Test(arguments: cuts) func `long texts are cut between characters`(text: String, kept: String)
    {
        let entry = HistoryEntry(
            session: text, block: text, store: text, device: text, deviceSource: text, role: text,
            user: text, address: text, transport: text, route: text, began: Self.now,
            ended: Self.now, reason: text, rule: text)
        let short = HistoryEntry(
            session: kept, block: kept, store: kept, device: kept, deviceSource: kept, role: kept,
            user: kept, address: kept, transport: kept, route: kept, began: Self.now,
            ended: Self.now, reason: kept, rule: kept)
        #expect(entry.shortened == short)
    }

    @Test(arguments: [1, 35, 36, 1_000_000, Int64.max])
    func `a cursor is read as it was written`(number: Int64) {
        let cursor = HistoryCursor(number: number)
        #expect(HistoryCursor(cursor.description) == cursor)
    }

    @Test(arguments: ["", "0", "-1", "+1", "A", "01", " 1", "1 ", "zzzzzzzzzzzzzz", "1'--"])
    func `what nobody wrote is no cursor`(text: String) {
        #expect(HistoryCursor(text) == nil)
    }

    @Test(arguments: [(-1, 1), (0, 1), (1, 1), (500, 500), (501, 500), (Int.max, 500)])
    func `a page has its bounds`(asked: Int, given: Int) {
        #expect(HistoryQuery(.all, limit: asked).limit == given)
    }
}
