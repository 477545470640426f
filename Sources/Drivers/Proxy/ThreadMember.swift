internal import Transport

/// A connection that a thread's poller and timers find by its token.
class ThreadMember {
    /// What the poller says of it.
    func becameReady(_ readiness: Readiness) {}

    /// A timer that it has set may be due.
    func timerFired() {}

    /// Ends it at once.
    func close() {}
}
