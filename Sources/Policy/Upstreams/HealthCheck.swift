package import Clock
package import Settings

/// The checks of one server: when the next is due, and what those that are over say of the server.
/// It knows no socket: its owner begins a check when `due` has come, and says what came of it.
///
///     waiting --due: begin--> running --passed, failed or out of time--> waiting
///
/// The first check decides alone. From then on a server that is up goes down by `fall` failures
/// in a row, and one that is down comes up when `rise` checks in a row have passed (as HAProxy has
/// it).
package struct HealthCheck: Sendable {
    package enum Change: Sendable, Hashable {
        case up
        /// - Parameter failures: so many checks in a row failed.
        case down(failures: Int)
    }

    /// By how much an interval may be shorter than it was said, so that servers of a group, and
    /// gateways beside each other, do not all ask at once.
    package static let jitter = 0.1
    /// When the first check is made, at the latest.
    package static let firstDelay: Duration = .seconds(1)

    package private(set) var settings: CheckSettings
    /// Nil before the first check.
    package private(set) var isUp: Bool?
    /// Checks in a row that speak against that.
    private var streak = 0
    private var next: Instant
    private var isRunning = false

    /// - Parameters:
    ///   - isUp: what is known from before; nil for nothing.
    ///   - randomness: 0 to 1.
    package init(_ settings: CheckSettings, isUp: Bool?, now: Instant, randomness: Double) {
        self.settings = settings
        self.isUp = isUp
        next = now + min(settings.interval, Self.firstDelay) * randomness
    }

    /// When a check is to begin; nil while one is running.
    package var due: Instant? { isRunning ? nil : next }

    /// The configuration says something else from now on. What is known stays.
    package mutating func adopt(_ settings: CheckSettings, now: Instant) {
        if settings == self.settings { return }
        self.settings = settings
        next = min(next, now + settings.interval)
    }

    /// A check begins.
    ///
    /// - Parameter randomness: 0 to 1.
    /// - Returns: when it has failed unless it is over.
    package mutating func began(at now: Instant, randomness: Double) -> Instant {
        isRunning = true
        next = now + settings.interval * (1 - Self.jitter * randomness)
        return now + settings.timeout
    }

    /// The check that was running found out nothing.
    package mutating func abandoned() { isRunning = false }

    /// The check that was running is over.
    ///
    /// - Returns: what it changes. That a first check passed is nothing new: until then the server
    ///   counted as one that works.
    package mutating func ended(passed: Bool) -> Change? {
        isRunning = false
        guard passed != isUp else {
            streak = 0
            return nil
        }
        streak += 1
        let wanted = isUp == nil ? 1 : passed ? settings.rise : settings.fall
        if streak < wanted { return nil }
        let (failures, isFirst) = (streak, isUp == nil)
        streak = 0
        isUp = passed
        if passed { return isFirst ? nil : .up }
        return .down(failures: failures)
    }
}
