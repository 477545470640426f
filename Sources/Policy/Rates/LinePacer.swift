package import Clock

/// At most one line a second in the log about something that clients can cause as often as they
/// like.
package struct LinePacer: Sendable {
    private var next = Instant(nanoseconds: .min)
    private var leftOut = 0

    package init() {}

    /// - Returns: how many lines were left out since the last one; nil for a line that is left out
    ///   itself.
    package mutating func lineIsDue(now: Instant) -> Int? {
        guard now >= next else {
            leftOut += 1
            return nil
        }
        defer { leftOut = 0 }
        next = now + .seconds(1)
        return leftOut
    }
}
