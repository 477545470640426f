package import Clock
package import Settings

/// What becomes of a timer of whoever asks.
package enum TimerChange: Sendable, Hashable {
    case none
    case set(at: Instant)
    case clear
}

/// Whether a client does what is waited for as fast as it has to: `body_rate` and `response_rate`.
/// Its clocks run only while it is the client's turn. Octets count as taken when the client's
/// system has acknowledged them, not when ours took them: that may be megabytes.
package struct ClientPace: Sendable {
    /// The side whose turn it is while a request's body is read.
    package enum BodyTurn: Sendable, Hashable {
        /// No body is read.
        case nobody
        /// The client is not read from, or was not asked for its body yet.
        case others
        case client
    }

    /// Nil when no body is being read.
    private var sending: ProgressClock?
    /// Nil when nothing ever waited for the client, or it may take its time.
    private var taking: ProgressClock?

    package init() {}

    // MARK: Bodies

    /// Another request begins: the clock of its body is another one.
    package mutating func forgetSending() { sending = nil }

    /// The client's turn to send may have begun, or ended.
    ///
    /// - Parameter count: octets of bodies that the client has sent so far.
    /// - Returns: when `judgeSending` is to be called.
    package mutating func watchSending(
        _ turn: BodyTurn, rate: @autoclosure () -> LeastRate, count: @autoclosure () -> Int64,
        at now: Instant
    ) -> TimerChange {
        switch turn {
        case .nobody:
            if sending == nil { return .none }
            sending = nil
            return .clear
        case .others:
            guard sending?.isRunning == true else { return .none }
            sending?.pause(at: now)
            return .clear
        case .client:
            if sending?.isRunning == true { return .none }
            var clock = sending ?? ProgressClock(rate(), count: count())
            defer { sending = clock }
            return .set(at: clock.resume(at: now))
        }
    }

    /// - Returns: nil while it is not the client's turn.
    package mutating func judgeSending(
        count: @autoclosure () -> Int64, at now: Instant
    ) -> ProgressClock.Verdict? {
        guard sending?.isRunning == true else { return nil }
        return sending?.judge(count: count(), at: now)
    }

    // MARK: Responses

    /// From here on other rules may hold, and what was so far is another matter.
    package mutating func forgetTaking() { taking = nil }

    /// Something may wait for the client, or nothing any more.
    ///
    /// - Parameters:
    ///   - pending: octets that wait.
    ///   - rate: nil for a client that may take its time.
    ///   - taken: octets that the client has acknowledged so far.
    /// - Returns: when `judgeTaking` is to be called.
    package mutating func watchTaking(
        pending: Int, rate: @autoclosure () -> LeastRate?, taken: @autoclosure () -> Int64,
        at now: Instant
    ) -> TimerChange {
        if pending == 0 {
            guard taking?.isRunning == true else { return .none }
            taking?.pause(at: now)
            return .clear
        }
        guard taking?.isRunning != true, let rate = rate() else { return .none }
        var clock = taking ?? ProgressClock(rate, count: taken())
        defer { taking = clock }
        return .set(at: clock.resume(at: now))
    }

    /// - Returns: nil while nothing waits for the client.
    package mutating func judgeTaking(
        taken: @autoclosure () -> Int64, at now: Instant
    ) -> ProgressClock.Verdict? {
        guard taking?.isRunning == true else { return nil }
        return taking?.judge(count: taken(), at: now)
    }
}

extension ProgressClock {
    fileprivate init(_ rate: LeastRate, count: Int64) {
        self.init(octetsPerSecond: rate.octetsPerSecond, patience: rate.patience, count: count)
    }
}

extension LeastRate {
    /// How fast responses have to be taken.
    ///
    /// - Parameter slow: what is said of the WebSocket or event stream that the connection carries;
    ///   nil when it carries none.
    /// - Returns: nil for who may take its time: with `slow wait`. With `slow cut` there is at
    ///   least as much time as that says.
    package func ofResponses(_ slow: RouteSettings.SlowClient?) -> LeastRate? {
        switch slow {
        case nil: return self
        case .wait: return nil
        case .cut(let least):
            var rate = self
            rate.patience = max(patience, least.savedPatience)
            return rate
        }
    }
}
