/// How a group finds out which of its servers work, and what follows.
package struct HealthSettings: Sendable, Equatable {
    /// A server that could not be connected to is passed over for this long.
    package var failTimeout: Duration = .seconds(10)
    /// `check …`: servers are asked whether they work; nil when only requests find out.
    package var check: CheckSettings?
    /// `eject after N [for DURATION]`: servers that answer badly are left out for a time.
    package var ejection: EjectionSettings?
    /// `fail_fast`: while no server may be chosen requests are refused at once.
    package var failsFast = false
    /// `on_down close`: WebSockets and event streams of a server that checks say is down are ended,
    /// little by little; else they stay for as long as they live.
    package var endsLive = false

    package init() {}
}

/// `check GET /path …`: one question, asked of every server of a group again and again.
package struct CheckSettings: Sendable, Equatable {
    package enum Question: Sendable, Equatable {
        /// `tcp`: can a connection be made?
        case connection
        /// `GET /path` and `HEAD /path`: is there a whole answer with an expected status?
        case request(method: CheckMethod, target: String)
        /// `websocket /path`: is a handshake accepted?
        case webSocket(target: String)
    }

    package var question: Question
    /// The `Host` of what is asked; nil for the server's address.
    package var host: String?
    /// From the beginning of one check to that of the next, at most.
    package var interval: Duration = .seconds(4)
    /// For one check, from connecting to the end of the answer. At most `interval`.
    package var timeout: Duration = .seconds(2)
    /// Checks in a row that have to pass until a server that is down is up.
    package var rise = 2
    /// Checks in a row that have to fail until a server that is up is down.
    package var fall = 3
    /// The statuses of a good answer.
    package var expected: [ClosedRange<Int>] = [200...399]

    package init(_ question: Question) { self.question = question }
}

/// How an app is asked over HTTP.
package enum CheckMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
}

/// `eject after N [for DURATION]`.
package struct EjectionSettings: Sendable, Equatable {
    /// Failed answers in a row.
    package var failures: Int
    /// The first time; each ejection that follows soon takes as much longer.
    package var time: Duration = .seconds(30)

    package init(after failures: Int) { self.failures = failures }
}
