import Clock
package import Settings

/// How fast a bucket fills up, and what it holds, in time: a request costs as long as it takes
/// until there is room for the next one.
package struct TokenRate: Sendable, Hashable {
    /// Nanoseconds until one token more is in the bucket.
    let step: Int64
    /// Nanoseconds until an empty bucket is full.
    let size: Int64

    package init(_ limit: RateLimit) {
        let count = min(max(1, limit.count), RateLimit.mostRequests)
        let burst = min(max(1, limit.burst), RateLimit.mostRequests)
        // No period is longer than an hour, so neither product leaves 64 bits.
        step = limit.period.duration.wholeNanoseconds / Int64(count)
        size = step * Int64(burst)
    }
}
