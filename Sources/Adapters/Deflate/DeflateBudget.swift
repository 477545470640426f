internal import Synchronization

/// How many octets the contexts of all connections hold together (`Deflater.memorySize` and
/// `Inflater.memorySize`): one counter for all workers. A context is made after its octets are
/// reserved here; without room the connection agrees on no context takeover, or continues without
/// one.
package final class DeflateBudget: Sendable {
    // Counts only; no other memory depends on its order.
    private let taken = Atomic<Int>(0)

    package init() {}

    /// What is reserved now, in octets.
    package var reserved: Int { taken.load(ordering: .relaxed) }

    /// Room for `octets`, or nil when more than `limit` were taken then: however many threads ask
    /// at once, reservations within the same limit never go beyond it. The limit may change from
    /// call to call; a lower one takes nothing back.
    package func reserve(_ octets: Int, within limit: Int) -> Reservation? {
        precondition(octets >= 0, "a reservation of less than nothing")
        var known = taken.load(ordering: .relaxed)
        while octets <= limit, known <= limit - octets {
            let (isDone, now) = taken.weakCompareExchange(
                expected: known, desired: known + octets, ordering: .relaxed)
            if isDone { return Reservation(octets, of: self) }
            known = now
        }
        return nil
    }

    /// Room that was reserved, given back when its owner lets go of it.
    package struct Reservation: ~Copyable, Sendable {
        package let octets: Int
        private let budget: DeflateBudget

        fileprivate init(_ octets: Int, of budget: DeflateBudget) {
            self.octets = octets
            self.budget = budget
        }

        deinit { budget.taken.subtract(octets, ordering: .relaxed) }
    }
}
