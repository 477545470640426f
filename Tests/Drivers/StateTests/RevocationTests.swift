import Clock
import Identity
import Peers
import Records
import State
import Testing

@Suite struct RevocationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    static let now = Desk.now
    static let later = WallTime(seconds: Desk.now.seconds + 100)
    static let latest = WallTime(seconds: Desk.now.seconds + 200)

    static let all: [Revocation] = [
        .init(.token(id: "5f0c9a")), .init(.token(id: "5f0c9a"), rule: "staff"),
        .init(.token(id: "5f0c9a"), rule: ""), .init(.token(id: "")), .init(.user("7")),
        .init(.user("김 \u{1F642}")), .init(.user("7"), rule: "staff", forgottenFrom: later),
        .init(.issuedBefore(now, user: nil)), .init(.issuedBefore(now, user: ""), rule: "staff"),
        .init(
            .issuedBefore(WallTime(seconds: -5, nanoseconds: 5), user: "7"), forgottenFrom: later),
    ]

    private func add(_ desk: Desk, _ revocation: Revocation, now: WallTime = Desk.now) throws
        -> Revocation
    {
        try desk.get { $0.addRevocation(revocation, now: now, $1) }
    }

    private func kept(_ desk: Desk, now: WallTime = Desk.now) throws -> Set<Revocation> {
        Set(try desk.get { $0.revocations(now: now, $1) })
    }

    @Test(arguments: Kind.allCases) func `they are kept as they were added`(kind: Kind) throws {
        let desk = try kind.desk(folder)
        for revocation in Self.all { #expect(try add(desk, revocation) == revocation) }
        #expect(try kept(desk) == Set(Self.all))
        for revocation in Self.all {
            _ = try desk.get { $0.removeRevocation(revocation, $1) }
            #expect(try !kept(desk).contains(revocation))
            #expect(
                throws: StateError.notFound,
                performing: { _ = try desk.get { $0.removeRevocation(revocation, $1) } })
        }
        #expect(try kept(desk) == [])
    }

    @Test func `they are there after a restart`() throws {
        let path = folder.path("state")
        let desk = try Desk(folder: path)
        for revocation in Self.all { _ = try add(desk, revocation) }
        desk.store.close()
        #expect(try kept(Desk(folder: path)) == Set(Self.all))
    }

    struct Merge: Sendable {
        var first: Revocation
        var second: Revocation
        var kept: Revocation
    }

    static let merges: [Merge] = [
        .init(
            first: .init(.user("7"), forgottenFrom: later), second: .init(.user("7")),
            kept: .init(.user("7"))),
        .init(
            first: .init(.user("7")), second: .init(.user("7"), forgottenFrom: later),
            kept: .init(.user("7"))),
        .init(
            first: .init(.token(id: "a"), forgottenFrom: latest),
            second: .init(.token(id: "a"), forgottenFrom: later),
            kept: .init(.token(id: "a"), forgottenFrom: latest)),
        .init(
            first: .init(.issuedBefore(later, user: nil)),
            second: .init(.issuedBefore(now, user: nil)),
            kept: .init(.issuedBefore(later, user: nil))),
        .init(
            first: .init(.issuedBefore(now, user: "7"), forgottenFrom: latest),
            second: .init(.issuedBefore(later, user: "7"), forgottenFrom: later),
            kept: .init(.issuedBefore(later, user: "7"), forgottenFrom: latest)),
    ]

    @Test(arguments: merges)
    func `of two for the same target the one that means more counts`(merge: Merge) throws {
        let desk = try Kind.memory.desk(folder)
        _ = try add(desk, merge.first)
        #expect(try add(desk, merge.second) == merge.kept)
        #expect(try kept(desk) == [merge.kept])
        // As it is in memory.
        var list = RevocationList()
        for revocation in [merge.first, merge.second] { _ = list.add(revocation, now: Self.now) }
        #expect(list.revocations == [merge.kept])
    }

    @Test func `what is decided counts, and not what is cleared away`() throws {
        let desk = try Kind.file.desk(folder)
        for _ in 0..<3 { _ = try desk.get { $0.timePassed(to: Self.now, $1) } }
        #expect(desk.store.statistics.acknowledged == 0)
        let revocation = Revocation(.user("7"), forgottenFrom: Self.later)
        _ = try add(desk, revocation)
        let removed = try desk.get { $0.timePassed(to: Self.latest, $1) }
        #expect(removed.revocationCount == 1)
        #expect(desk.store.statistics.acknowledged == 1)
    }

    @Test func `what may be forgotten is forgotten`() throws {
        let desk = try Kind.memory.desk(folder)
        let short = Revocation(.issuedBefore(Self.latest, user: "7"), forgottenFrom: Self.later)
        _ = try add(desk, short)
        _ = try add(desk, .init(.user("8")))
        #expect(try kept(desk, now: Self.later) == [.init(.user("8"))])
        // What is over means nothing for what comes after it.
        let next = Revocation(.issuedBefore(Self.now, user: "7"), forgottenFrom: Self.latest)
        #expect(try add(desk, next, now: Self.later) == next)
        #expect(try desk.timePassed(to: Self.later).revocationCount == 0)
        #expect(try desk.timePassed(to: Self.latest).revocationCount == 1)
        #expect(try kept(desk, now: Self.latest) == [.init(.user("8"))])
    }
}

@Suite struct AliasTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func alias(
        _ name: String, block: String = "boards", store: String? = nil, client: String = "c-1"
    ) -> DeviceAlias {
        DeviceAlias(
            key: .init(block: block, store: store, clientID: client), name: name,
            changed: Desk.now, changedBy: "kim")
    }

    @Test(arguments: Kind.allCases) func `the last name is the right one`(kind: Kind) throws {
        let desk = try kind.desk(folder)
        let names = [
            alias("office PC"), alias("접수 PC", store: "17"), alias("x", client: "c-2"),
            alias("y", block: "other"),
        ]
        for name in names {
            _ = try desk.get {
                $0.setAlias(
                    alias(
                        "z", block: name.key.block, store: name.key.store, client: name.key.clientID
                    ), $1)
            }
            #expect(try desk.get { $0.setAlias(name, $1) } == name)
        }
        #expect(try desk.get { $0.aliases(block: nil, $1) } == names)
        #expect(try desk.get { $0.aliases(block: "other", $1) } == [names[3]])
        #expect(try desk.get { $0.aliases(block: "none", $1) } == [])
        _ = try desk.get { $0.removeAlias(names[0].key, $1) }
        #expect(try desk.get { $0.aliases(block: nil, $1) } == Array(names[1...]))
        #expect(throws: StateError.notFound) {
            _ = try desk.get { $0.removeAlias(names[0].key, $1) }
        }
    }

    @Test func `what is no name is refused`() throws {
        let desk = try Kind.memory.desk(folder)
        let answer = try desk.ask { $0.setAlias(alias(""), $1) }
        guard case .failure(.invalid(let reason)) = answer else {
            Issue.record("it was kept")
            return
        }
        #expect(reason.field == "name")
        #expect(try desk.get { $0.aliases(block: nil, $1) } == [])
    }
}
