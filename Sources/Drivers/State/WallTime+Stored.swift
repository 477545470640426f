import Clock

/// Points in time as they are kept: whole nanoseconds since 1970. What lies beyond (before 1677,
/// after 2262) is kept as the first or last one there is.
extension WallTime {
    var stored: Int64 {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: Self.perSecond)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, isBeyond) = product.addingReportingOverflow(Int64(nanoseconds))
        return isBeyond ? (seconds < 0 ? .min : .max) : sum
    }

    init(stored: Int64) {
        // Rounded down, so that the rest is not negative.
        let rest = stored % Self.perSecond
        let seconds = stored / Self.perSecond - (rest < 0 ? 1 : 0)
        self.init(
            seconds: seconds, nanoseconds: Int32(rest < 0 ? rest + Self.perSecond : rest))
    }

    /// The point in time that is read when this one is written.
    var asStored: WallTime { WallTime(stored: stored) }

    private static let perSecond: Int64 = 1_000_000_000
}
