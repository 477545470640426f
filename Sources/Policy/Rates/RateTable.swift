package import Clock
import Locks

/// The buckets of all `rate` limits, shared by the workers and kept over reloads, so that a limit
/// holds for the whole process.
///
/// Sharded by key, one lock a shard, held for one look into a dictionary. How many buckets are kept
/// is bounded (`TokenBuckets` says which go).
package final class RateTable: Sendable {
    package static let shardCount = 64
    /// Buckets that are wanting at once, of the whole process; some 50 octets each when they are.
    package static let standardCapacity = 131_072

    private let shards: [Guarded<TokenBuckets>]

    package init(capacity: Int = standardCapacity) {
        shards = (0..<Self.shardCount).map { _ in
            Guarded(TokenBuckets(capacity: capacity / Self.shardCount))
        }
    }

    /// Takes a token from each of the buckets, or from none: a request that is refused costs
    /// nothing.
    ///
    /// - Returns: nil when there was a token in every one; else how long until there is one in the
    ///   first that had none.
    package func take(_ draws: [RateDraw], now: Instant) -> Duration? {
        for (index, draw) in draws.enumerated() {
            guard let wait = shard(of: draw).withLock({ $0.take(draw, now: now) }) else { continue }
            for taken in draws[..<index] {
                shard(of: taken).withLock { $0.giveBack(taken, now: now) }
            }
            return wait
        }
        return nil
    }

    /// How many buckets are kept; some of them may be full by now.
    package var count: Int { shards.reduce(0) { $0 + $1.withLock(\.count) } }

    private func shard(of draw: RateDraw) -> Guarded<TokenBuckets> {
        shards[Int(draw.key.low % UInt(Self.shardCount))]
    }
}
