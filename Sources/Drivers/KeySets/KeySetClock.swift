package import Clock
import Transport

/// The time of a service. In tests it may run faster than the system's, so that an hour passes in
/// a moment.
package struct KeySetClock: Sendable {
    private let start: Instant
    private let speed: Int

    /// - Parameter speed: how many times faster than the system's, at least 1.
    package init(speed: Int = 1) {
        start = SystemClock.now()
        self.speed = max(1, speed)
    }

    package var now: Instant {
        let now = SystemClock.now()
        return speed == 1 ? now : start + (now - start) * speed
    }

    /// How long a poller waits for `instant`, rounded up, so that it is there then; -1 for without
    /// end.
    func milliseconds(until instant: Instant?) -> Int32 {
        guard let instant else { return -1 }
        return Int32(clamping: max(0, ((instant - now) / speed).wholeMilliseconds + 1))
    }
}
