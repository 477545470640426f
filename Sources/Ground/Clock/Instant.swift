/// A point on the monotonic clock, in nanoseconds since an arbitrary start. Machines take it as an
/// argument; only Transport reads the clock.
package struct Instant: Sendable, Hashable, Comparable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let zero = Instant(nanoseconds: 0)

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Saturates: what is beyond the clock's 292 years is its end, never the past.
    package static func + (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds.saturatingSum(with: duration.wholeNanoseconds))
    }

    /// The time from `right` to `left`; negative when `right` is later.
    package static func - (left: Instant, right: Instant) -> Duration {
        .nanoseconds(left.nanoseconds &- right.nanoseconds)
    }
}

extension Duration {
    /// The duration in nanoseconds, cut off below; durations beyond 292 years saturate.
    package var wholeNanoseconds: Int64 {
        Int64(clamping: attoseconds / 1_000_000_000)
    }

    /// The duration in milliseconds, cut off below.
    package var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}

extension Int64 {
    fileprivate func saturatingSum(with other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        if overflow { return other < 0 ? .min : .max }
        return sum
    }
}
