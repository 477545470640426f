import Clock
import Locks
import Settings
import Synchronization

/// What all workers count of one group, kept over reloads: requests that wait for a place or for an
/// answer, attempts, and which client sticks to which server.
package final class GroupLedger: Sendable {
    /// What happened since the start of the process.
    package struct Totals: Sendable, Equatable {
        package var retries = 0
        /// Retries that the budget did not allow.
        package var refusedRetries = 0
        /// Requests that found the queue full.
        package var refusedPlaces = 0
        /// Requests that waited in the queue for too long.
        package var latePlaces = 0
        /// Requests that were one too many of those without an answer.
        package var refusedPending = 0
    }

    package let group: String
    private let pendingCount = Atomic(0)
    private let waitingCount = Atomic(0)
    private let requestCount = Atomic(0)
    /// Nanoseconds of an `Instant`: when the window of retries looks at the requests again.
    private let nextLookNanoseconds = Atomic(Int64.min)
    private let queue = Guarded(PlaceQueue())
    private let retries = Guarded(RetryWindow())
    private let sticky = Guarded(StickyTable())
    private let counts = Guarded(Totals())
    /// Tells the worker of a waiter that it is called.
    private let call: @Sendable (PlaceQueue.Waiter, GroupLedger) -> Void

    init(group: String, call: @escaping @Sendable (PlaceQueue.Waiter, GroupLedger) -> Void) {
        self.group = group
        self.call = call
    }

    package var totals: Totals { counts.withLock { $0 } }

    package func note(_ total: WritableKeyPath<Totals, Int>) {
        counts.withLock { $0[keyPath: total] += 1 }
    }

    // MARK: Answers that have not begun

    /// Requests that a server was chosen for, and of which no answer has begun.
    package var pending: Int { pendingCount.load(ordering: .relaxed) }

    /// - Returns: false when that would be more than `limit`.
    func beginPending(limit: Int?) -> Bool {
        let before = pendingCount.wrappingAdd(1, ordering: .relaxed).oldValue
        guard let limit, before >= limit else { return true }
        endPending()
        note(\.refusedPending)
        return false
    }

    func endPending() { pendingCount.wrappingSubtract(1, ordering: .relaxed) }

    // MARK: Attempts

    /// A request comes.
    func requestBegan(at now: Instant) {
        let count = requestCount.wrappingAdd(1, ordering: .relaxed).newValue
        guard now.nanoseconds >= nextLookNanoseconds.load(ordering: .relaxed) else { return }
        retries.withLock { window in
            window.look(at: now, requests: count - 1)
            nextLookNanoseconds.store(window.nextLook.nanoseconds, ordering: .relaxed)
        }
    }

    /// A request is to be tried once more.
    ///
    /// - Returns: false when too many were.
    func takeRetry(_ budget: GroupBounds.RetryBudget?, at now: Instant) -> Bool {
        let count = requestCount.load(ordering: .relaxed)
        let isAllowed =
            budget.map { budget in
                retries.withLock { $0.take(budget, at: now, requests: count) }
            } ?? true
        note(isAllowed ? \.retries : \.refusedRetries)
        return isAllowed
    }

    // MARK: Places

    /// Requests that wait for a place.
    package var waiting: Int { waitingCount.load(ordering: .sequentiallyConsistent) }

    func enter(_ waiter: PlaceQueue.Waiter, limit: Int, inFront: Bool) -> Bool {
        queue.withLock { queue in
            defer { waitingCount.store(queue.count, ordering: .sequentiallyConsistent) }
            return queue.enter(waiter, limit: limit, inFront: inFront)
        }
    }

    package func leave(_ waiter: PlaceQueue.Waiter) {
        queue.withLock { queue in
            queue.leave(waiter)
            waitingCount.store(queue.count, ordering: .sequentiallyConsistent)
        }
    }

    /// A place is free, or may be: who has waited longest is called.
    package func callNext() {
        guard waiting > 0 else { return }
        let waiter = queue.withLock { queue in
            defer { waitingCount.store(queue.count, ordering: .sequentiallyConsistent) }
            return queue.call()
        }
        if let waiter { call(waiter, self) }
    }

    // MARK: Who sticks to which server

    func server(for key: UInt64, memory: Duration, at now: Instant) -> ServerState? {
        sticky.withLock { $0.server(for: key, memory: memory, at: now) }
    }

    func stick(_ key: UInt64, to server: ServerState, memory: Duration, at now: Instant) {
        sticky.withLock { $0.stick(key, to: server, memory: memory, at: now) }
    }
}
