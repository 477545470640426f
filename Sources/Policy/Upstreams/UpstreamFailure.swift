package import Endings

/// Why a request got no answer of its server, or only a part of one: whose fault it is, whether
/// anything is to be tried again, and what the client hears if not. What is tried again, and how
/// often, decides `Attempt`.
package enum UpstreamFailure: Sendable, Hashable {
    /// No connection can be made.
    case unreachable
    /// The TLS handshake failed: the server is not who it should be, or speaks no TLS.
    case insecure
    /// No server of the group works as far as is known, and none is tried (`fail_fast`).
    case noneUp
    /// The server listens, and has no room in the queue for one more connection.
    case busy
    /// This machine has no descriptor, port or memory for another connection.
    case exhausted
    /// Every server has as many requests as it may (`max_connections`), and so has the queue.
    case queueFull
    /// The request waited in the queue, and its turn did not come in time.
    case queueTimeout
    /// Too many requests of the group wait for an answer (`max_pending`).
    case tooManyPending
    /// Closed before it answered.
    case closedEarly
    /// Answered with something that is no HTTP, or that nobody asked for.
    case badResponse
    /// Did not take the request in time.
    case takesNothing
    /// Did not answer in time.
    case silent
    /// Did not go on with its response in time.
    case paused
    /// Broke off in the middle of its response.
    case cut
    /// Answered the handshake of a socket that is open here with another status than 101.
    case socketRefused(status: Int)

    /// The side whose fault it is.
    package enum Blame: Sendable, Hashable, CaseIterable {
        case server
        /// The server refused what the client asked for.
        case client
        /// This process, or this machine.
        case gateway
    }

    /// The server had the request, and this is what became of it: it speaks against the server
    /// (`eject`). Who refuses connections is passed over anyway, and a status has been counted.
    package var isAnswer: Bool {
        switch self {
        case .closedEarly, .badResponse, .takesNothing, .silent, .paused, .cut: true
        case .unreachable, .insecure, .noneUp, .busy, .exhausted, .queueFull, .queueTimeout,
            .tooManyPending, .socketRefused:
            false
        }
    }

    /// What may help. Of the request nothing was consumed where it is another attempt.
    package enum Remedy: Sendable, Hashable, CaseIterable {
        /// To ask another server.
        case anotherServer
        /// To ask the same server a moment later.
        case patience
        /// To send the request on a new connection, when it was an accident of keeping the old one;
        /// and what `anotherAnswer` says.
        case newConnection
        /// To send the request to another server, where `retry_on` says so.
        case anotherAnswer
        case none
    }

    package var blame: Blame {
        switch self {
        case .unreachable, .insecure, .noneUp, .busy, .closedEarly, .badResponse, .takesNothing,
            .silent, .paused, .cut:
            .server
        case .socketRefused(let status): (400..<500).contains(status) ? .client : .server
        case .exhausted, .queueFull, .queueTimeout, .tooManyPending: .gateway
        }
    }

    package var remedy: Remedy {
        switch self {
        case .unreachable, .insecure: .anotherServer
        case .busy: .patience
        case .closedEarly: .newConnection
        case .takesNothing, .silent: .anotherAnswer
        case .noneUp, .exhausted, .queueFull, .queueTimeout, .tooManyPending, .badResponse,
            .paused, .cut, .socketRefused:
            .none
        }
    }

    /// What the client hears.
    package var refusal: Refusal {
        switch self {
        case .unreachable, .busy:
            Refusal(
                .upstreamUnavailable, status: 502, detail: "unreachable",
                message: "The application cannot be reached", retryAfterSeconds: 1)
        case .insecure:
            Refusal(
                .upstreamUnavailable, status: 502, detail: "tls",
                message: "The application cannot be reached", retryAfterSeconds: 1)
        case .noneUp:
            Refusal(
                .upstreamUnavailable, status: 503, detail: "none_up",
                message: "The application is down at the moment", retryAfterSeconds: 1)
        case .exhausted:
            Refusal(
                .overloaded, detail: "connections",
                message: "The gateway has no connection to spare", retryAfterSeconds: 1)
        case .queueFull: .crowded("queue", "Too many requests wait for the application")
        case .queueTimeout:
            .crowded("queue_timeout", "The application had no time for the request")
        case .tooManyPending: .crowded("pending", "The application has too many requests to answer")
        case .closedEarly:
            .upstream(502, "closed_early", "The application closed the connection")
        case .badResponse:
            .upstream(502, "bad_response", "The application's answer is not valid HTTP")
        case .takesNothing:
            .upstream(504, "takes_nothing", "The application did not take the request in time")
        case .silent: .upstream(504, "timeout", "The application did not answer in time")
        case .paused:
            .upstream(504, "pause", "The application did not continue its answer in time")
        case .cut: .upstream(502, "cut", "The application broke off its answer")
        case .socketRefused(let status):
            Refusal(
                Self.reason(ofStatus: status), detail: "status_\(status)",
                message: "The application refused the WebSocket")
        }
    }

    /// What a client hears in place of a status that it cannot see any more.
    private static func reason(ofStatus status: Int) -> EndReason {
        switch status {
        case 401: .unauthenticated
        case 403: .forbidden
        case 429: .rateLimited
        case 400..<500: .policy
        default: .upstreamUnavailable
        }
    }
}

extension Refusal {
    /// The servers have enough to do.
    fileprivate static func crowded(_ detail: String, _ message: String) -> Refusal {
        Refusal(.overloaded, detail: detail, message: message, retryAfterSeconds: 1)
    }

    fileprivate static func upstream(
        _ status: Int, _ detail: String, _ message: String
    ) -> Refusal {
        Refusal(.upstreamUnavailable, status: status, detail: detail, message: message)
    }
}
