internal import Synchronization

/// What the connections of all workers hold in buffers, and whether that is too much: `memory`.
///
/// Workers add what has changed, once a turn; nobody waits for anybody.
final class MemoryLedger: Sendable {
    enum Change: Equatable {
        case began
        case ended
    }

    /// What was done about it, for metrics.
    struct Measures: Sendable, Equatable {
        var refusedConnections: UInt64 = 0
        var refusedRequests: UInt64 = 0
        var endedConnections: UInt64 = 0
    }

    private let total = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let refusedConnections = Atomic<UInt64>(0)
    private let refusedRequests = Atomic<UInt64>(0)
    private let endedConnections = Atomic<UInt64>(0)

    /// Octets that are held.
    var held: Int { total.load(ordering: .relaxed) }

    /// It was more than the limit, and is still more than the low mark.
    var isOverloaded: Bool { isOver.load(ordering: .relaxed) }

    /// Once it was too much, so many are few enough.
    static func lowMark(of limit: Int) -> Int { limit / 8 * 7 }

    /// So many octets more are held, or fewer.
    ///
    /// - Parameter limit: as the generation of the worker says; nil for none.
    /// - Returns: what became of it by this; told to one worker only.
    func add(_ difference: Int, limit: Int?) -> Change? {
        let held = total.add(difference, ordering: .relaxed).newValue
        let limit = limit ?? .max
        if held > limit { return turn(to: true) ? .began : nil }
        if held <= Self.lowMark(of: limit) { return turn(to: false) ? .ended : nil }
        return nil
    }

    private func turn(to value: Bool) -> Bool {
        isOver.compareExchange(expected: !value, desired: value, ordering: .relaxed).exchanged
    }

    func noteRefusedConnection() { refusedConnections.add(1, ordering: .relaxed) }
    func noteRefusedRequest() { refusedRequests.add(1, ordering: .relaxed) }
    func noteEndedConnection() { endedConnections.add(1, ordering: .relaxed) }

    var measures: Measures {
        Measures(
            refusedConnections: refusedConnections.load(ordering: .relaxed),
            refusedRequests: refusedRequests.load(ordering: .relaxed),
            endedConnections: endedConnections.load(ordering: .relaxed))
    }
}

/// The part of one worker.
struct MemoryShare {
    /// Octets that its connections hold.
    private(set) var held = 0
    /// What the ledger knows of it.
    private var published = 0

    /// A connection holds `count` octets now, instead of what it said before.
    mutating func count(_ count: Int, insteadOf before: inout Int) {
        held += count - before
        before = count
    }

    /// What the ledger does not know yet; it does from now on.
    mutating func takeDifference() -> Int {
        defer { published = held }
        return held - published
    }

    /// How much of what is too much this worker has to get rid of: as much of it as it holds of all.
    ///
    /// - Parameter total: what all hold, this one included.
    func excess(of total: Int, over limit: Int) -> Int {
        guard total > limit, held > 0 else { return 0 }
        let excess = Double(total - MemoryLedger.lowMark(of: limit))
        return min(held, Int((excess * Double(held) / Double(total)).rounded(.up)))
    }

    /// The connections to end, those that hold most first, until so much would be free.
    ///
    /// - Parameter holders: what each would set free.
    static func shed(
        _ excess: Int, of holders: [(token: UInt64, held: Int)]
    ) -> ArraySlice<(token: UInt64, held: Int)> {
        let largest = holders.sorted { $0.held > $1.held }
        var free = 0
        let count = largest.firstIndex { holder in
            if free >= excess { return true }
            free += holder.held
            return false
        }
        return largest.prefix(count ?? largest.count)
    }
}
