/// What is wrong with the WebSocket fields of a request, which is answered with 400, or of a
/// server's answer, which fails the connection (RFC 6455 §4.1).
package enum HandshakeError: Error, Sendable, Equatable {
    /// The request asks for another version than 13, or for none (RFC 6455 §4.4).
    case unsupportedVersion
    /// There is not exactly one proper key, or there is a body.
    case malformedRequest
    /// `Sec-WebSocket-Extensions` is not what RFC 6455 §9.1 says.
    case malformedExtensions
    /// More extensions or parameters than `ExtensionList` takes.
    case tooManyExtensions
    /// An answer names an extension that was not offered.
    case unofferedExtension
    /// An answer has permessage-deflate more than once.
    case repeatedExtension
    /// An answer has unknown, repeated or illegal parameters of permessage-deflate.
    case illegalDeflateAnswer
    /// An answer is legal, but asks for what we cannot do, or lacks what we cannot do without.
    case unsupportedDeflateAnswer

    /// The status that answers a request. With 426 goes `Sec-WebSocket-Version: 13` (§4.4).
    package var status: Int { self == .unsupportedVersion ? 426 : 400 }

    /// One sentence for people, about a request; never anything of what was received.
    package var message: String {
        self == .unsupportedVersion
            ? "Only version 13 of the WebSocket protocol is supported."
            : "The WebSocket handshake is malformed."
    }
}

extension HandshakeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unsupportedVersion: "unsupported Sec-WebSocket-Version"
        case .malformedRequest: "malformed WebSocket handshake"
        case .malformedExtensions: "malformed Sec-WebSocket-Extensions"
        case .tooManyExtensions: "too many WebSocket extensions"
        case .unofferedExtension: "WebSocket extension that was not offered"
        case .repeatedExtension: "WebSocket extension answered twice"
        case .illegalDeflateAnswer: "illegal answer to permessage-deflate"
        case .unsupportedDeflateAnswer: "answer to permessage-deflate that is not supported"
        }
    }
}
