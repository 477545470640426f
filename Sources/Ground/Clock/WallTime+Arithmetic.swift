extension WallTime {
    /// Saturates at the ends of the clock.
    package func advanced(by duration: Duration) -> WallTime {
        let farthest = WallTime(seconds: duration < .zero ? .min : .max)
        let (whole, attoseconds) = duration.components
        var (sum, overflow) = seconds.addingReportingOverflow(whole)
        if overflow { return farthest }
        var nanoseconds = nanoseconds + Int32(attoseconds / 1_000_000_000)
        if nanoseconds < 0 {
            nanoseconds += 1_000_000_000
            (sum, overflow) = sum.subtractingReportingOverflow(1)
        } else if nanoseconds >= 1_000_000_000 {
            nanoseconds -= 1_000_000_000
            (sum, overflow) = sum.addingReportingOverflow(1)
        }
        if overflow { return farthest }
        return WallTime(seconds: sum, nanoseconds: nanoseconds)
    }

    /// The time from `earlier` to here; negative when `earlier` is later.
    package func duration(since earlier: WallTime) -> Duration {
        .seconds(seconds) - .seconds(earlier.seconds)
            + .nanoseconds(Int64(nanoseconds) - Int64(earlier.nanoseconds))
    }
}
