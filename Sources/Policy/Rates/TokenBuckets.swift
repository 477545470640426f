import Clock

/// Buckets by key, at most so many. Only when a bucket will be full is kept, and a full bucket is
/// as good as none.
///
/// Where a bucket more does not fit, those go that are full. When nearly all of them are wanting,
/// an eighth of them goes, those first that would be full soonest: the next request of theirs finds
/// a full bucket, so nobody is ever refused for want of a place. As long as fewer than seven
/// eighths are wanting, every bucket is exact.
struct TokenBuckets: Sendable {
    let capacity: Int
    /// Nanoseconds of the instant at which a bucket is full.
    private var fullAt: [RateKey: Int64] = [:]

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { fullAt.count }

    /// Takes one token.
    /// - Returns: nil when there was one; else how long until there is.
    mutating func take(_ draw: RateDraw, now: Instant) -> Duration? {
        let known = fullAt[draw.key]
        let wanting = known.map { max(0, $0 - now.nanoseconds) } ?? 0
        let excess = wanting + draw.rate.step - draw.rate.size
        if excess > 0 { return .nanoseconds(excess) }
        if known == nil, fullAt.count >= capacity { makeRoom(now) }
        fullAt[draw.key] = now.nanoseconds + wanting + draw.rate.step
        return nil
    }

    /// Puts a token back that was taken for nothing.
    mutating func giveBack(_ draw: RateDraw, now: Instant) {
        guard let full = fullAt[draw.key] else { return }
        let before = full - draw.rate.step
        fullAt[draw.key] = before > now.nanoseconds ? before : nil
    }

    private mutating func makeRoom(_ now: Instant) {
        fullAt = fullAt.filter { $0.value > now.nanoseconds }
        let excess = fullAt.count - capacity * 7 / 8
        guard excess > 0 else { return }
        for (key, _) in fullAt.sorted(by: { $0.value < $1.value }).prefix(excess) {
            fullAt[key] = nil
        }
    }
}
