/// What is wrong with the WebSocket fields of a request; always answered with 400.
package enum HandshakeError: Error, Sendable, Equatable {
    /// `Sec-WebSocket-Extensions` is not what RFC 6455 §9.1 says.
    case malformedExtensions
    /// More extensions or parameters than `ExtensionList` takes.
    case tooManyExtensions
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    case malformedSubprotocols
    case duplicateSubprotocol
    case tooManySubprotocols
}

extension HandshakeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformedExtensions: "malformed Sec-WebSocket-Extensions"
        case .tooManyExtensions: "too many WebSocket extensions"
        case .malformedSubprotocols: "malformed Sec-WebSocket-Protocol"
        case .duplicateSubprotocol: "WebSocket subprotocol offered twice"
        case .tooManySubprotocols: "too many WebSocket subprotocols"
        }
    }
}
