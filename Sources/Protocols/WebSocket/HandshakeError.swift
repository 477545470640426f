/// What is wrong with the WebSocket fields of a request, which is answered with 400, or of a
/// server's answer, which fails the connection (RFC 6455 §4.1).
package enum HandshakeError: Error, Sendable, Equatable {
    /// `Sec-WebSocket-Extensions` is not what RFC 6455 §9.1 says.
    case malformedExtensions
    /// More extensions or parameters than `ExtensionList` takes.
    case tooManyExtensions
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    case malformedSubprotocols
    case duplicateSubprotocol
    case tooManySubprotocols
    /// An answer names an extension that was not offered.
    case unofferedExtension
    /// An answer has permessage-deflate more than once.
    case repeatedExtension
    /// An answer has unknown, repeated or illegal parameters of permessage-deflate.
    case illegalDeflateAnswer
    /// An answer is legal, but asks for what we cannot do, or lacks what we cannot do without.
    case unsupportedDeflateAnswer
}

extension HandshakeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformedExtensions: "malformed Sec-WebSocket-Extensions"
        case .tooManyExtensions: "too many WebSocket extensions"
        case .malformedSubprotocols: "malformed Sec-WebSocket-Protocol"
        case .duplicateSubprotocol: "WebSocket subprotocol offered twice"
        case .tooManySubprotocols: "too many WebSocket subprotocols"
        case .unofferedExtension: "WebSocket extension that was not offered"
        case .repeatedExtension: "WebSocket extension answered twice"
        case .illegalDeflateAnswer: "illegal answer to permessage-deflate"
        case .unsupportedDeflateAnswer: "answer to permessage-deflate that is not supported"
        }
    }
}
