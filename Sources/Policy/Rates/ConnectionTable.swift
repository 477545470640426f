import Locks
import Synchronization

/// How many connections are open from where, in the whole process. Kept over reloads, and also
/// while there is no limit, so that one that is set later counts everybody.
///
/// Sharded, one lock a shard, taken when a connection is accepted and when it is closed. Grows with
/// the open connections, which the workers bound.
package final class ConnectionTable: Sendable {
    package static let shardCount = 64

    private let shards: [Guarded<[UInt64: Int]>] = (0..<shardCount).map { _ in Guarded([:]) }

    package init() {}

    /// One more connection of a customer's.
    /// - Parameter most: how many there may be; nil for any number.
    /// - Returns: nil when there are as many already.
    package func enter(_ customer: UInt64, most: Int?) -> ConnectionLease? {
        let isIn = shard(of: customer).withLock { counts in
            let count = counts[customer, default: 0]
            if let most, count >= most { return false }
            counts[customer] = count + 1
            return true
        }
        return isIn ? ConnectionLease(of: customer, in: self) : nil
    }

    package func count(of customer: UInt64) -> Int {
        shard(of: customer).withLock { $0[customer] ?? 0 }
    }

    /// How many customers have connections.
    package var customerCount: Int { shards.reduce(0) { $0 + $1.withLock(\.count) } }

    fileprivate func leave(_ customer: UInt64) {
        shard(of: customer).withLock { counts in
            let count = counts[customer, default: 0]
            counts[customer] = count > 1 ? count - 1 : nil
        }
    }

    /// Neighbours differ in low bits here and in high bits there: all of them count.
    private func shard(of customer: UInt64) -> Guarded<[UInt64: Int]> {
        shards[Int(UInt(bitPattern: customer.hashValue) % UInt(Self.shardCount))]
    }
}

/// A connection's place in the count of its customer. It is given back by `end()`, or with the last
/// reference.
package final class ConnectionLease: Sendable {
    private let customer: UInt64
    private let table: ConnectionTable
    private let hasEnded = Atomic(false)

    fileprivate init(of customer: UInt64, in table: ConnectionTable) {
        self.customer = customer
        self.table = table
    }

    /// Gives the place back now; a second call does nothing.
    package func end() {
        if hasEnded.exchange(true, ordering: .relaxed) { return }
        table.leave(customer)
    }

    deinit { end() }
}
