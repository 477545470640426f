internal import Locks
internal import Synchronization

/// What the connections of all workers hold in buffers, and whether that is too much: `memory`.
///
/// Workers add what has changed, once a turn; nobody waits for anybody.
package final class MemoryLedger: Sendable {
    package enum Change: Equatable {
        case began
        case ended
    }

    /// The worker that ends a connection next: those that hold most go first, whichever worker's
    /// they are.
    package enum Turn: Equatable {
        case own
        /// A connection of that worker's holds more.
        case other(Int)
        /// Not every worker has looked since it began.
        case unknown
    }

    /// What was done about it, for metrics.
    package struct Measures: Sendable, Equatable {
        package var refusedConnections: UInt64 = 0
        package var refusedRequests: UInt64 = 0
        package var endedConnections: UInt64 = 0
    }

    private let total = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let refusedConnections = Atomic<UInt64>(0)
    private let refusedRequests = Atomic<UInt64>(0)
    private let endedConnections = Atomic<UInt64>(0)
    /// What the largest of each worker's connections holds, of those that have looked. Asked for
    /// only while too much is held.
    private let largest: Guarded<[Int?]>

    package init(workerCount: Int) { largest = Guarded(Array(repeating: nil, count: workerCount)) }

    /// Octets that are held.
    package var held: Int { total.load(ordering: .relaxed) }

    /// Connections held more than the limit, and hold still more than the low mark.
    package var isOverloaded: Bool { isOver.load(ordering: .relaxed) }

    /// Once it was too much, so many are few enough.
    static func lowMark(of limit: Int) -> Int { limit / 8 * 7 }

    /// Connections hold so many octets more, or fewer.
    ///
    /// - Parameter limit: as the generation of the worker says; nil for none.
    /// - Returns: what became of it by this; told to one worker only.
    package func add(_ difference: Int, limit: Int?) -> Change? {
        let held = total.add(difference, ordering: .relaxed).newValue
        let limit = limit ?? .max
        if held > limit { return change(to: true) ? .began : nil }
        if held <= Self.lowMark(of: limit) { return change(to: false) ? .ended : nil }
        return nil
    }

    private func change(to value: Bool) -> Bool {
        let (hasChanged, _) = isOver.compareExchange(
            expected: !value, desired: value, ordering: .relaxed)
        // What was the largest the last time may be gone.
        if hasChanged, value {
            largest.withLock { all in all = Array(repeating: nil, count: all.count) }
        }
        return hasChanged
    }

    /// Asked by a worker whose largest connection holds so much, 0 for none worth ending.
    package func turn(of worker: Int, largest mine: Int) -> Turn {
        largest.withLock { all in
            all[worker] = mine
            var first = worker
            var most = mine
            for (index, held) in all.enumerated() {
                guard let held else { return .unknown }
                if held > most { (first, most) = (index, held) }
            }
            return first == worker ? .own : .other(first)
        }
    }

    package func noteRefusedConnection() { refusedConnections.add(1, ordering: .relaxed) }
    package func noteRefusedRequest() { refusedRequests.add(1, ordering: .relaxed) }
    package func noteEndedConnection() { endedConnections.add(1, ordering: .relaxed) }

    package var measures: Measures {
        Measures(
            refusedConnections: refusedConnections.load(ordering: .relaxed),
            refusedRequests: refusedRequests.load(ordering: .relaxed),
            endedConnections: endedConnections.load(ordering: .relaxed))
    }
}
