/// Requests that wait for a place at a server of one group, all of which have `max_connections`.
/// Who came first is called first, when a place is free; who finds it taken comes back in front.
///
///     none --enter--> waiting --call--> called --a place: nothing to be said--> gone
///     waiting --leave--> gone                called --no place: enter, in front--> waiting
package struct PlaceQueue: Sendable {
    /// A request, by where it is handled.
    package struct Waiter: Sendable, Hashable {
        /// The number of the worker.
        package let worker: Int
        /// The worker's name for the client's connection.
        package let client: UInt64

        package init(worker: Int, client: UInt64) {
            self.worker = worker
            self.client = client
        }
    }

    /// In the order they came, those who have left included.
    private var order: [(waiter: Waiter, ticket: Int)] = []
    private var first = 0
    /// The tickets of those who wait.
    private var tickets: [Waiter: Int] = [:]
    private var nextTicket = 0

    package init() {}

    /// How many wait.
    package var count: Int { tickets.count }

    /// - Parameters:
    ///   - limit: how many may wait; who was called has been counted before.
    ///   - inFront: it was called, and found no place.
    /// - Returns: false when too many wait.
    package mutating func enter(_ waiter: Waiter, limit: Int, inFront: Bool) -> Bool {
        if tickets[waiter] != nil { return true }
        guard inFront || tickets.count < limit else { return false }
        nextTicket += 1
        tickets[waiter] = nextTicket
        if inFront, first > 0 {
            first -= 1
            order[first] = (waiter, nextTicket)
        } else if inFront {
            order.insert((waiter, nextTicket), at: 0)
        } else {
            order.append((waiter, nextTicket))
        }
        return true
    }

    /// The request waits no more.
    ///
    /// - Returns: false for one that was called already, or never waited.
    @discardableResult
    package mutating func leave(_ waiter: Waiter) -> Bool {
        tickets.removeValue(forKey: waiter) != nil
    }

    /// A place is free, for this one; nil when nobody waits.
    package mutating func call() -> Waiter? {
        while first < order.count {
            let (waiter, ticket) = order[first]
            first += 1
            // What is behind is let go of now and then, so that this costs nothing a request.
            if first > 64, first * 2 > order.count {
                order.removeFirst(first)
                first = 0
            }
            guard tickets[waiter] == ticket else { continue }
            tickets[waiter] = nil
            return waiter
        }
        return nil
    }
}
