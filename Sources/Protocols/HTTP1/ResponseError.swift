/// What is wrong with what a server sent. After it the connection is of no use any more.
package enum ResponseError: Error, Sendable, Hashable {
    case head(HeadError)
    case body(BodyError)
    /// The body is larger than it may be.
    case bodyTooLarge
    /// Informational responses without end.
    case tooManyInformational
    /// 101 without an offer, to another protocol than the one offered, or before the whole request
    /// was sent (RFC 9110 §7.8).
    case unaskedSwitch
    /// Octets that answer no request.
    case unasked
    /// A 408 that answers no request: with it some servers say that they close an idle connection
    /// (RFC 9110 §15.5.9).
    case unaskedTimeout
    /// The connection ended, or broke, before the head of the answer was whole.
    case ended

    /// One sentence for people; never anything of what was received.
    package var message: String {
        switch self {
        case .head(let error): error.message
        case .body(let error): error.message
        case .bodyTooLarge: "The body of the response is too large."
        case .tooManyInformational: "Too many informational responses came."
        case .unaskedSwitch: "The server changed to a protocol that was not asked for."
        case .unasked: "The server sent a response that nobody asked for."
        case .unaskedTimeout: "The server closed a connection on which no request came."
        case .ended: "The connection ended early."
        }
    }
}
