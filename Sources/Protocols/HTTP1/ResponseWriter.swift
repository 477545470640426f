import Bytes
import HTTP

/// The server's half of a `ServerConnection`: what of an answer was written, and how its body is
/// framed (RFC 9112 §6).
///
///     none --a request came--> due --status line--> head --empty line--> body --end--> whole
///                               ↑────────1xx──────────┘└──101, or 2xx to CONNECT──> tunnel
///     whole --next request may come--> none
struct ResponseWriter: Sendable {
    enum State: Sendable, Equatable {
        /// No request waits for an answer.
        case none
        /// An answer has to be given, or the final one behind informational ones.
        case due
        /// The field lines of an answer with this status are being written.
        case head(status: Int)
        /// The head is out, and there is no body (RFC 9110 §6.4.1).
        case bodiless
        /// The head is out, and the body goes on.
        case body(BodyEncoder)
        case whole
        /// What is sent is not HTTP/1.
        case tunnel
    }

    private(set) var state = State.none

    /// A request came that has to be answered.
    mutating func requestCame() { state = .due }

    /// The answer is of the past: the next request may come.
    mutating func beginNext() { state = .none }

    mutating func headBegan(status: Int) { state = .head(status: status) }

    mutating func headEnded(_ framing: BodyFraming) {
        state = framing == .none ? .bodiless : .body(BodyEncoder(framing))
    }

    /// An informational head was not the answer.
    mutating func informationEnded() { state = .due }

    mutating func beginTunnel() { state = .tunnel }

    mutating func ended() { state = .whole }

    // MARK: Body

    /// How `count` octets of the body go out; nil when there is no body that they could belong to,
    /// or they are more than its length. The header of a chunk is written to `output`.
    mutating func passage(of count: Int, to output: inout [UInt8]) -> DataPassage? {
        switch state {
        case .bodiless: return .withheld
        case .tunnel: return .bare
        case .body(var encoder):
            guard (try? encoder.beginData(count, to: &output)) != nil else { return nil }
            state = .body(encoder)
            guard encoder.framesData else { return .bare }
            return count > 0 ? .chunk : .withheld
        case .none, .due, .head, .whole: return nil
        }
    }

    /// Writes the end of the body; false when there is none that could end here.
    mutating func end(trailers: Fields?, to output: inout [UInt8]) -> Bool {
        switch state {
        case .bodiless: break
        case .body(var encoder):
            guard (try? encoder.end(trailers: trailers, to: &output)) != nil else { return false }
        case .none, .due, .head, .whole, .tunnel: return false
        }
        state = .whole
        return true
    }
}

/// How data of a response's body goes to the client.
package enum DataPassage: Sendable, Equatable {
    /// Not at all: the answer has no body (RFC 9110 §6.4.1).
    case withheld
    /// As it is.
    case bare
    /// As a chunk: its header is written already, and `HeadEncoder.appendChunkEnd` follows it.
    case chunk
}
