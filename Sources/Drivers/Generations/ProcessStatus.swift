package import Clock
internal import Locks
internal import Synchronization
internal import Transport

/// What there is to be said of the process as a whole: by which configuration it serves, why the
/// newest one was refused, whether it stops. The control thread writes it, the console reads it,
/// and workers read whether it is ready.
package final class ProcessStatus: Sendable {
    /// A configuration that was not taken over.
    package struct Refused: Sendable, Hashable {
        package var at: WallTime
        /// What is wrong with it, as the log has it.
        package var reason: String
    }

    /// How the process stops.
    package struct Stopping: Sendable, Hashable {
        package var since: Instant
        /// When the listeners are closed.
        package var closes: Instant
        /// The end of the time to finish.
        package var ends: Instant

        package init(since: Instant, closes: Instant, ends: Instant) {
            self.since = since
            self.closes = closes
            self.ends = ends
        }
    }

    package struct Report: Sendable {
        /// Nil before the first one is ready.
        package var generation: Generation?
        package var loaded: WallTime?
        /// Nil when the newest configuration is the one that serves.
        package var refused: Refused?
        /// Nil while it serves.
        package var stopping: Stopping?
        package var version = ""
    }

    /// Characters that are kept of why a configuration was refused.
    private static let longestReason = 8192

    package let started = SystemClock.reading()
    private let state = Guarded(Report())
    private let hasStopped = Atomic(false)

    package init() {}

    package var report: Report { state.withLock { $0 } }

    /// Whether load balancers shall send anybody new: true until the process is told to stop.
    package var isReady: Bool { !hasStopped.load(ordering: .relaxed) }

    package func began(version: String) { state.withLock { $0.version = version } }

    /// A configuration serves from now on.
    package func adopted(_ generation: Generation) {
        let now = SystemClock.wallTime()
        state.withLock {
            $0.generation = generation
            $0.loaded = now
            $0.refused = nil
        }
    }

    /// A configuration was not taken over; the one at hand goes on.
    package func refused(_ reason: String) {
        let refused = Refused(
            at: SystemClock.wallTime(), reason: String(reason.prefix(Self.longestReason)))
        state.withLock { $0.refused = refused }
    }

    package func stops(_ stopping: Stopping) {
        hasStopped.store(true, ordering: .relaxed)
        state.withLock { $0.stopping = stopping }
    }
}
