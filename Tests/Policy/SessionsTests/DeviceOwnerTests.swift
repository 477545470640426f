import Clock
import Sessions
import Settings
import Testing

/// Devices belong to users: a ClientId that somebody else knows is no key to her place.
@Suite struct DeviceOwnerTests {
    private let mina = DeviceOwner.user("mina")
    private let joon = DeviceOwner.user("joon")

    // MARK: Whose

    @Test(
        arguments: [
            (.user, nil, nil, .anyone), (.user, nil, "7", .anyone), (.store, nil, "7", .anyone),
            (.user, "app", nil, .bearer), (.store, "app", nil, .bearer),
            (.store, "app", "7", .bearer), (.store, "staff", "8", .bearer),
            (.user, "app", "7", .user([0x61, 0x70, 0x70, 0, 0x37])),
        ] as [(SessionSettings.DeviceOwnership, String?, String?, DeviceOwner)])
    func `a device is its user's, or its store's`(
        ownership: SessionSettings.DeviceOwnership, rule: String?, user: String?,
        expected: DeviceOwner
    ) {
        #expect(DeviceOwner(ownership, rule: rule, user: user) == expected)
    }

    @Test func `users of two issuers, and names that only look alike, are two`() {
        let owners: Set = [
            DeviceOwner(.user, rule: "app", user: "7"),
            DeviceOwner(.user, rule: "staff", user: "7"),
            DeviceOwner(.user, rule: "app", user: "\u{E9}"),
            DeviceOwner(.user, rule: "app", user: "e\u{301}"),
        ]
        #expect(owners.count == 4)
    }

    // MARK: Places

    @Test func `another user with the same ClientId is another device`() throws {
        var store = Scenario(.blockNew, max: 2)
        #expect(try store.connect("mina", as: .named("A", of: mina)) == ["mina in"])
        #expect(try store.connect("joon", as: .named("A", of: joon)) == ["joon in"])
        #expect(store.engine.deviceCount == 2)
        // Each refreshes her own.
        #expect(
            try store.connect("mina", as: .named("A", of: mina))
                == ["mina out: replaced", "mina2 in"])
        #expect(store.connected == ["joon", "mina2"])
    }

    @Test func `where the store is full, knowing a ClientId opens no place`() throws {
        var store = Scenario(.blockNew, max: 1)
        _ = try store.connect("mina", as: .named("A", of: mina))
        for owner in [joon, .anyone, .bearer] {
            let told = try store.connect("X", as: .named("A", of: owner))
            #expect(told.last?.hasSuffix("refused") == true)
        }
        #expect(store.connected == ["mina"])
    }

    @Test func `who fights for somebody's ClientId does not lock her out`() throws {
        var store = Scenario(.blockNew, max: 2)
        _ = try store.connect("mina", as: .named("A", of: mina), at: 0)
        for number in 0..<40 {
            _ = try store.connect("joon", as: .named("A", of: joon), at: Double(number) / 10)
        }
        #expect(
            try store.connect("mina", as: .named("A", of: mina), at: 4)
                == ["mina out: replaced", "mina2 in"])
    }

    @Test func `a visitor without a token is none of a user's devices`() throws {
        var store = Scenario(.blockNew, max: 3)
        _ = try store.connect("mina", as: .named("A", of: mina))
        #expect(try store.connect("visitor", as: .named("A")) == ["visitor in"])
        #expect(
            try store.connect("visitor", as: .named("A"))
                == ["visitor out: replaced", "visitor2 in"])
    }

    @Test func `looks and issued ids are those of one user's devices, too`() throws {
        var store = Scenario(.blockNew, max: 4)
        #expect(try store.connect("A", as: .looking(like: "x", of: mina)) == ["A in"])
        #expect(try store.connect("B", as: .looking(like: "x", of: joon)) == ["B in"])
        #expect(try store.connect("C", as: .issued("c", like: "x", of: .user("third"))) == ["C in"])
        #expect(
            try store.connect("D", as: .issued("d", like: "x", of: joon))
                == ["B out: replaced", "D in"])
        #expect(store.connected == ["A", "C", "D"])
    }

    @Test func `a newcomer that waits gives way to its own user's newer one only`() throws {
        var store = Scenario(.limiting(.of(max: 1, .blockNew), probe: .seconds(2)))
        _ = try store.connect("A", as: .named("A", of: mina), at: 0)
        #expect(try store.connect("B", as: .named("B", of: mina), at: 10) == ["B waits", "A?"])
        #expect(try store.connect("C", as: .named("B", of: joon), at: 10) == ["C waits"])
        #expect(
            try store.connect("D", as: .named("B", of: mina), at: 10)
                == ["D waits", "B refused: replaced"])
    }

    @Test func `windows of different users share no place`() throws {
        var store = Scenario(.limiting(.of(max: 2, .blockNew), sameDevice: .share))
        _ = try store.connect("mina", as: .named("A", of: mina))
        _ = try store.connect("mina", as: .named("A", of: mina))
        _ = try store.connect("joon", as: .named("A", of: joon))
        #expect(store.engine.deviceCount == 2 && store.engine.sessionCount == 3)
    }

    // MARK: Orders

    @Test func `a kick by ClientId is for every user's, and with a user for hers`() throws {
        for (user, left) in [(nil, []), ("mina", ["joon"])] as [(String?, [String])] {
            let table = SessionTable(deliver: { _ in })
            let rules = SessionRules.plain(5, .blockNew)
            var leases: [String: SessionLease] = [:]
            for (number, name) in ["mina", "joon"].enumerated() {
                let arrival = arrival(
                    number + 1, device: try .named("A", of: .user(name)), rules: rules, user: name)
                guard case .seated(let lease, _) = table.admit(arrival, now: .zero) else {
                    Issue.record("not admitted")
                    return
                }
                leases[name] = lease
            }
            let filter = SessionFilter(user: user, device: "A")
            guard case .ended(let ended) = table.ask(.kick(filter, Kick()), now: .zero),
                case .page(let entries, _) = table.ask(
                    .list(SessionFilter(device: "A"), after: nil, most: 9), now: .zero)
            else {
                Issue.record("no answer")
                return
            }
            #expect(ended.count == 2 - left.count)
            #expect(entries.compactMap(\.arrival.user) == left)
            _ = leases
        }
    }
}
