package import Clock

/// How long one request waits for a server, however often it tries meanwhile: while none can be
/// reached, or while all have as many requests as they may. Its worker says when it is its turn
/// (`WaitingRoom`, `PlaceQueue`).
///
///     none --no server--> waiting --its turn--> trying --reached, or given up--> over
///                         waiting <--in vain--- trying
package struct ServerWait: Sendable {
    package enum State: Hashable, Sendable { case none, waiting, trying, over }

    package enum Cause: Hashable, Sendable {
        /// No server can be reached.
        case away
        /// Every server has `max_connections`.
        case full
    }

    package private(set) var state = State.none
    package private(set) var cause = Cause.away
    /// When it has waited long enough, counted from the first time for this cause.
    private var deadlines = (away: Instant.never, full: Instant.never)

    package init() {}

    package var deadline: Instant {
        switch cause {
        case .away: deadlines.away
        case .full: deadlines.full
        }
    }

    /// The request waits still.
    package var isActive: Bool { state == .waiting || state == .trying }

    /// The request waits for a place, and is not called yet.
    package var isQueued: Bool { state == .waiting && cause == .full }

    /// The request has waited for a place, and it is its turn.
    package var isCalled: Bool { state == .trying && cause == .full }

    /// No server was had: it waits, for the first time or once more.
    ///
    /// - Returns: false when it has waited for as long as it may.
    package mutating func begin(
        at now: Instant, patience: Duration, for cause: Cause = .away
    ) -> Bool {
        self.cause = cause
        switch cause {
        case .away: if deadlines.away == .never { deadlines.away = now + patience }
        case .full: if deadlines.full == .never { deadlines.full = now + patience }
        }
        guard now < deadline else { return false }
        state = .waiting
        return true
    }

    /// The turn of this request has come.
    ///
    /// - Returns: false for one that does not wait any more, or for something else.
    package mutating func tryNow(_ cause: Cause = .away) -> Bool {
        guard state == .waiting, cause == self.cause else { return false }
        state = .trying
        return true
    }

    /// - Returns: false when there was nothing to be ended.
    package mutating func end() -> Bool {
        guard isActive else { return false }
        state = .over
        return true
    }
}
