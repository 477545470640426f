/// Both clocks, read at one moment: says when on the wall an instant was, or will be.
package struct ClockReading: Sendable, Hashable {
    package let now: Instant
    package let wallTime: WallTime

    package init(now: Instant, wallTime: WallTime) {
        self.now = now
        self.wallTime = wallTime
    }

    package func wallTime(of instant: Instant) -> WallTime {
        wallTime.advanced(by: instant - now)
    }

    package func instant(of time: WallTime) -> Instant { now + time.duration(since: wallTime) }
}
