package import Clock

/// How many control frames one side may send: so many at once, and then as many each second.
///
/// A token bucket, kept as the one moment at which it will be full again: a frame takes a token
/// and moves that moment on by 1/rate of a second, and it may not lie more than a second ahead.
package struct ControlRate: Sendable, Equatable {
    /// When the bucket is full again: nanoseconds, and a fraction of one in parts of `perSecond`.
    private var full = Instant(nanoseconds: .min)
    private var fraction: UInt32 = 0
    private let perSecond: UInt32

    private static let second: UInt32 = 1_000_000_000

    /// - Parameter perSecond: at least 1; a frame a nanosecond is the most that makes sense.
    package init(perSecond: Int) {
        precondition(perSecond > 0, "a rate of at least one control frame a second")
        self.perSecond = UInt32(min(perSecond, Int(Self.second)))
    }

    /// Counts a frame that came at `now`; false when it is one too many. Time never runs backwards.
    package mutating func allows(at now: Instant) -> Bool {
        var next = self
        if next.full < now {
            next.full = now
            next.fraction = 0
        }
        next.fraction += Self.second % perSecond
        let carry = next.fraction >= perSecond
        if carry { next.fraction -= perSecond }
        next.full = next.full + .nanoseconds(Int64(Self.second / perSecond) + (carry ? 1 : 0))
        let limit = now + .seconds(1)
        guard next.full < limit || (next.full == limit && next.fraction == 0) else { return false }
        self = next
        return true
    }
}
