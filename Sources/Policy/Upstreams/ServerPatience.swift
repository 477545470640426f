package import Clock
package import Settings

/// How long a server may take for what it has to do next: `response_timeout` (for WebSockets
/// `handshake_timeout`) to take the request and to begin its response, `response_pause` to go on
/// with it. Every turn begins with the whole time, and so does every step within one.
///
///     not waited for --turn--> waited for --step--> waited for, with all its time
///     waited for --the client's turn--> not waited for      waited for --judge--> out of time
///
/// Of a large request the server's system holds megabytes, so what it has acknowledged is looked at
/// now and then: that counts as a step.
package struct ServerPatience: Sendable {
    package enum Verdict: Sendable, Equatable {
        /// To be asked again then; `.never` for not before something happens.
        case inTime(until: Instant)
        case outOfTime(ServerTurn)
    }

    /// Looks at what the server has acknowledged, within its time.
    private static let looks = 8

    private let response: Duration
    private let pause: Duration?
    private var turn: ServerTurn?
    private var due = Instant.never
    private var nextLook = Instant.never
    /// What it had taken when that was last looked at; nil where that is not of interest.
    private var taken: Int64?

    package init(response: Duration, pause: Duration?) {
        self.response = response
        self.pause = pause
    }

    package init(_ settings: BackendSettings, isWebSocket: Bool) {
        self.init(
            response: isWebSocket ? settings.webSocketHandshakeTimeout : settings.responseTimeout,
            pause: settings.responsePause)
    }

    /// The time of this turn begins.
    ///
    /// - Parameter hasMoved: the server did some of what it has to do.
    /// - Parameter taken: octets that it has acknowledged, asked for at the beginning of a turn in
    ///   which that counts; nil for a request that its system holds at once.
    /// - Returns: when it is to be judged; `.never` while it is not waited for.
    package mutating func now(
        _ turn: ServerTurn?, hasMoved: Bool, taken: @autoclosure () -> Int64?, at now: Instant
    ) -> Instant {
        if turn == self.turn, !hasMoved { return next }
        let isNew = turn != self.turn
        self.turn = turn
        due = limit.map { now + $0 } ?? .never
        switch turn {
        case .take, .answer: if isNew { self.taken = taken() }
        case .goOn, nil: self.taken = nil
        }
        look(at: now)
        return next
    }

    /// Asked when that is due.
    ///
    /// - Parameter taken: as for `now`.
    package mutating func judge(taken: @autoclosure () -> Int64, at now: Instant) -> Verdict {
        guard let turn else { return .inTime(until: .never) }
        if now >= nextLook, let before = self.taken {
            let count = taken()
            self.taken = count
            if count > before { due = limit.map { now + $0 } ?? .never }
            look(at: now)
        }
        return now >= due ? .outOfTime(turn) : .inTime(until: next)
    }

    private var next: Instant { min(due, nextLook) }

    private var limit: Duration? {
        switch turn {
        case .take, .answer: response
        case .goOn: pause
        case nil: nil
        }
    }

    private mutating func look(at now: Instant) {
        nextLook = taken == nil ? .never : now + response / Self.looks
    }
}
