internal import Clock

/// How a worker comes to its end.
///
///     serving --told to stop--> finishing --time is over--> lastWords --a second--> stopped
///     finishing, lastWords --nobody is left--> stopped
struct DrainSchedule {
    /// What a worker has to do that was told to stop.
    enum Step: Equatable {
        case wait
        /// Whoever was not answered is now, everybody else is cut; it is asked again then, at the
        /// latest.
        case sayLast(until: Instant)
        case stop
    }

    private enum State {
        case serving
        case finishing(until: Instant)
        case lastWords(until: Instant)
    }

    /// How long an answer may take that a request gets when the time to finish is over.
    private static let lastWords: Duration = .seconds(1)
    /// Clients whose end is looked for behind what they have sent, of each worker: of each some
    /// megabytes are read ahead.
    private static let lookAheadLimit = 8

    private var state = State.serving
    private var lookAheads = 0

    /// The process stops.
    var isRunning: Bool { if case .serving = state { false } else { true } }

    /// It is told to stop.
    ///
    /// - Parameter timeout: for who is here to finish (`drain`).
    /// - Returns: when it is to be asked, at the latest; nil when it was told before.
    mutating func begin(at now: Instant, timeout: Duration) -> Instant? {
        guard case .serving = state else { return nil }
        state = .finishing(until: now + timeout)
        return now + timeout
    }

    /// Asked after every turn while it stops.
    ///
    /// - Parameter isEmpty: nobody is served any more.
    mutating func judge(isEmpty: Bool, at now: Instant) -> Step {
        switch state {
        case .serving: return .wait
        case .finishing where isEmpty, .lastWords where isEmpty: return .stop
        case .finishing(let end):
            guard now >= end else { return .wait }
            state = .lastWords(until: now + Self.lastWords)
            return .sayLast(until: now + Self.lastWords)
        case .lastWords(let end): return now >= end ? .stop : .wait
        }
    }

    /// False when enough clients are read ahead from.
    mutating func takeLookAhead() -> Bool {
        guard isRunning, lookAheads < Self.lookAheadLimit else { return false }
        lookAheads += 1
        return true
    }
}
