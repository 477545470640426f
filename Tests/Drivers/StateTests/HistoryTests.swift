import Clock
import Peers
import Records
import State
import Testing

@Suite struct HistoryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func name(_ number: Int) -> String { "s\(number)" }

    /// Session `n` of store `n % 3` and device `n % 5`.
    private func fill(_ desk: Desk, _ numbers: Range<Int>) {
        for number in numbers {
            desk.store.record(
                entry(
                    Self.name(number), store: "\(number % 3)", device: "d\(number % 5)",
                    ended: Int64(number)))
        }
    }

    /// All pages, one after the other.
    private func all(_ desk: Desk, _ scope: HistoryQuery.Scope, limit: Int) throws -> [String] {
        var names: [String] = []
        var cursor: HistoryCursor?
        repeat {
            let page = try desk.page(scope, after: cursor, limit: limit)
            #expect(page.entries.count <= limit)
            #expect(page.next == nil || page.entries.count == limit)
            names += page.entries.map(\.session)
            cursor = page.next
        } while cursor != nil
        return names
    }

    @Test(arguments: Kind.allCases) func `a session is kept as it ended`(kind: Kind) throws {
        let desk = try kind.desk(folder)
        let full = entry("s1", ended: 1_800_000_000)
        var bare = full
        (bare.session, bare.role, bare.user, bare.rule) = ("s2", nil, nil, nil)
        bare.began = WallTime(seconds: -1, nanoseconds: 999_999_999)
        desk.store.record(full)
        desk.store.record(bare)
        #expect(try desk.page() == HistoryPage(entries: [bare, full], next: nil))
    }

    struct Scope: Sendable {
        var scope: HistoryQuery.Scope
        var holds: @Sendable (Int) -> Bool
    }

    static let scopes: [Scope] = [
        .init(scope: .all, holds: { _ in true }),
        .init(scope: .store(block: "boards", store: "1"), holds: { $0 % 3 == 1 }),
        .init(scope: .device(block: "boards", store: nil, device: "d2"), holds: { $0 % 5 == 2 }),
        .init(
            scope: .device(block: "boards", store: "0", device: "d2"),
            holds: { $0 % 3 == 0 && $0 % 5 == 2 }),
        .init(scope: .some(blocks: nil, store: nil, device: nil), holds: { _ in true }),
        .init(
            scope: .some(blocks: ["other", "boards"], store: "1", device: nil),
            holds: { $0 % 3 == 1 }),
        .init(
            scope: .some(blocks: ["boards", "other"], store: nil, device: "d2"),
            holds: { $0 % 5 == 2 }),
        .init(scope: .some(blocks: [], store: "1", device: nil), holds: { _ in false }),
        .init(scope: .store(block: "other", store: "1"), holds: { _ in false }),
        .init(scope: .device(block: "other", store: nil, device: "d2"), holds: { _ in false }),
        .init(scope: .store(block: "boards", store: "' OR 1 --"), holds: { _ in false }),
    ]

    @Test(arguments: scopes, [1, 7, 10, 500])
    func `pages lead through the history, newest first`(scope: Scope, limit: Int) throws {
        let desk = try Kind.memory.desk(folder)
        fill(desk, 0..<90)
        let wanted = (0..<90).reversed().filter(scope.holds).map(Self.name)
        #expect(try all(desk, scope.scope, limit: limit) == wanted)
    }

    @Test func `what comes between two pages moves neither`() throws {
        let desk = try Kind.memory.desk(folder)
        fill(desk, 0..<10)
        let first = try desk.page(limit: 4)
        fill(desk, 10..<20)
        let second = try desk.page(after: first.next, limit: 4)
        #expect(second.entries.map(\.session) == ["s5", "s4", "s3", "s2"])
        let third = try desk.page(after: second.next, limit: 4)
        #expect(third.entries.map(\.session) == ["s1", "s0"])
        #expect(third.next == nil)
    }

    @Test func `clocks that jump do not change the order`() throws {
        let desk = try Kind.memory.desk(folder)
        for (name, ended) in [("a", 500), ("b", 100), ("c", 900), ("d", 0)] as [(String, Int64)] {
            desk.store.record(entry(name, ended: ended))
        }
        #expect(try desk.page().entries.map(\.session) == ["d", "c", "b", "a"])
    }

    @Test func `it is there after a restart, in the same order`() throws {
        let path = folder.path("state")
        for round in 0..<3 {
            let desk = try Desk(folder: path)
            fill(desk, round * 700..<(round + 1) * 700)
            // What nobody waited for is written before the store is closed.
            desk.store.close()
        }
        let desk = try Desk(folder: path)
        #expect(try all(desk, .all, limit: 500) == (0..<2100).reversed().map(Self.name))
        #expect(
            desk.notices.map(\.text) == [
                "state: '\(path)/gateway.db': 0 policies, 0 device names, 0 revocations,"
                    + " 2100 past sessions"
            ])
    }

    @Test func `an ended session is written although nobody asks`() throws {
        let desk = try Kind.memory.desk(folder)
        desk.store.record(entry("s"))
        try desk.wait { $0.store.statistics.recorded == 1 }
        #expect(desk.store.statistics.historyCount == 1)
    }

    // MARK: Bounds

    @Test(arguments: Kind.allCases)
    func `when there are too many the oldest go`(kind: Kind) throws {
        let desk = try kind.desk(folder, history: HistoryLimits(count: 1000))
        fill(desk, 0..<3000)
        try desk.wait {
            $0.store.statistics.recorded == 3000 && $0.store.statistics.historyCount == 1000
        }
        #expect(try all(desk, .all, limit: 500) == (2000..<3000).reversed().map(Self.name))
        #expect(desk.store.statistics.pruned == 2000)
    }

    @Test func `what is too old goes when time passes, in steps`() throws {
        let limits = HistoryLimits(age: .seconds(100), count: 10_000)
        let desk = try Kind.memory.desk(folder, history: limits)
        fill(desk, 0..<3000)
        _ = try desk.page()
        let now = WallTime(seconds: 2100, nanoseconds: 5)
        try desk.timePassed(to: now)
        try desk.wait { $0.store.statistics.pruned == 2000 }
        // It ended 100 s ago, to the nanosecond.
        #expect(try all(desk, .all, limit: 500).last == "s2000")
        try desk.timePassed(to: WallTime(seconds: 2100, nanoseconds: 6))
        try desk.wait { $0.store.statistics.pruned == 2001 }
        #expect(try all(desk, .all, limit: 500).last == "s2001")
    }

    @Test func `an entry from the future does not keep others from going`() throws {
        let limits = HistoryLimits(age: .seconds(100), count: 10_000)
        let desk = try Kind.memory.desk(folder, history: limits)
        desk.store.record(entry("future", ended: 9_000_000_000))
        fill(desk, 0..<10)
        _ = try desk.page()
        try desk.timePassed(to: WallTime(seconds: 1000))
        try desk.wait { $0.store.statistics.pruned == 10 }
        #expect(try all(desk, .all, limit: 500) == ["future"])
    }

    @Test func `a smaller limit counts at once, a larger one from then on`() throws {
        let desk = try Kind.memory.desk(folder, history: HistoryLimits(count: 5000))
        fill(desk, 0..<2500)
        _ = try desk.page()
        try desk.get { $0.keepHistory(HistoryLimits(count: 10), $1) }
        try desk.wait { $0.store.statistics.historyCount == 10 }
        try desk.get { $0.keepHistory(HistoryLimits(count: 20), $1) }
        fill(desk, 2500..<2505)
        #expect(try all(desk, .all, limit: 500) == (2490..<2505).reversed().map(Self.name))
    }

    @Test func `a limit of none keeps none`() throws {
        let desk = try Kind.memory.desk(folder, history: HistoryLimits(count: 0))
        fill(desk, 0..<100)
        #expect(try desk.page().entries == [])
        #expect(desk.store.statistics.recorded == 0)
        #expect(desk.store.statistics.lost == 0)
    }

    @Test func `an age without end`() throws {
        let desk = try Kind.memory.desk(folder, history: .init(age: .seconds(Int64.max), count: 10))
        fill(desk, 0..<5)
        try desk.timePassed(to: WallTime(seconds: .max))
        #expect(try desk.page().entries.count == 5)
    }
}
