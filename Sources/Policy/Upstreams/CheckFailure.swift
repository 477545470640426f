/// Why a check failed.
package enum CheckFailure: Sendable, Hashable {
    /// No connection was made, and why.
    case unreachable(String)
    /// The server is not who it should be, or speaks no TLS, and why.
    case insecure(String)
    /// The time of a check was over.
    case timeout(Phase)
    /// An answer with a status that was not expected.
    case status(Int)
    /// The connection was closed before the answer was whole.
    case closed
    /// The answer is no HTTP.
    case badAnswer
    /// The answer to the handshake was not what RFC 6455 wants.
    case badHandshake

    package enum Phase: Sendable, Hashable { case connect, answer, body }

    /// For the log, behind "the last one: ".
    package var text: String {
        switch self {
        case .unreachable(let reason), .insecure(let reason): reason
        case .timeout(.connect): "no connection in time"
        case .timeout(.answer): "no answer in time"
        case .timeout(.body): "the answer was not whole in time"
        case .status(let status): "answered \(status)"
        case .closed: "closed the connection before it answered"
        case .badAnswer: "answered with something that is not HTTP"
        case .badHandshake: "did not accept the WebSocket properly"
        }
    }
}
