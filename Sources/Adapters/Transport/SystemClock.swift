internal import CLinux
package import Clock
internal import Glibc

/// The only reader of the clocks.
package enum SystemClock {
    /// CLOCK_MONOTONIC.
    package static func now() -> Instant {
        var time = timespec()
        // A local structure.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// CLOCK_REALTIME.
    package static func wallTime() -> WallTime {
        var time = timespec()
        // A local structure.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }

    package static func reading() -> ClockReading {
        ClockReading(now: now(), wallTime: wallTime())
    }
}
