import Locks
import Synchronization

/// How many connections are open from where, in the whole process. Kept over reloads, and also
/// while there is no limit, so that a limit that is set later counts the connections of before.
///
/// Sharded, one lock a shard, taken when a connection is accepted and when it is closed. Grows with
/// the open connections, which the workers bound.
package final class ConnectionTable: Sendable {
    package static let shardCount = 64

    private let shards: [Guarded<[UInt64: Int]>] = (0..<shardCount).map { _ in Guarded([:]) }

    package init() {}

    /// One more connection of a addressKey's.
    /// - Parameter most: how many there may be; nil for any number.
    /// - Returns: nil when there are as many already.
    package func enter(_ addressKey: UInt64, most: Int?) -> ConnectionLease? {
        let isIn = shard(of: addressKey).withLock { counts in
            let count = counts[addressKey, default: 0]
            if let most, count >= most { return false }
            counts[addressKey] = count + 1
            return true
        }
        return isIn ? ConnectionLease(of: addressKey, in: self) : nil
    }

    package func count(of addressKey: UInt64) -> Int {
        shard(of: addressKey).withLock { $0[addressKey] ?? 0 }
    }

    /// How many addresses have connections.
    package var addressCount: Int { shards.reduce(0) { $0 + $1.withLock(\.count) } }

    fileprivate func leave(_ addressKey: UInt64) {
        shard(of: addressKey).withLock { counts in
            let count = counts[addressKey, default: 0]
            counts[addressKey] = count > 1 ? count - 1 : nil
        }
    }

    /// Neighbours differ in low bits here and in high bits there: all of them count.
    private func shard(of addressKey: UInt64) -> Guarded<[UInt64: Int]> {
        shards[Int(UInt(bitPattern: addressKey.hashValue) % UInt(Self.shardCount))]
    }
}

/// A connection's place in the count of its addressKey. It is given back by `end()`, or with the
/// last
/// reference.
package final class ConnectionLease: Sendable {
    private let addressKey: UInt64
    private let table: ConnectionTable
    private let hasEnded = Atomic(false)

    fileprivate init(of addressKey: UInt64, in table: ConnectionTable) {
        self.addressKey = addressKey
        self.table = table
    }

    /// Gives the place back now; a second call does nothing.
    package func end() {
        if hasEnded.exchange(true, ordering: .relaxed) { return }
        table.leave(addressKey)
    }

    deinit { end() }
}
