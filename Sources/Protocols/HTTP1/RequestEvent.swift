package import HTTP

/// What a client said on a connection.
///
/// Of a request that is read to its end come a `head`, any number of `data` and one `end`, also
/// when there is no body.
package enum RequestEvent: Sendable {
    /// A request began. Its body is not read before `ServerConnection.wantBody` or `discardBody`.
    case head(RequestHead, BodyFraming)
    /// Octets of the body, as a range of the input at hand.
    case data(Range<Int>)
    /// The request is whole. Trailers may follow a chunked body; nil when none did.
    case end(trailers: Fields?)
    /// Octets of the protocol that the connection was switched to, or of a tunnel, as a range of
    /// the input at hand.
    case octets(Range<Int>)
}

/// Why a request cannot be read to its end. It is answered, if no response has begun, and that is
/// the last answer on its connection: where a next request would begin is unknown (RFC 9112 §11.2).
package enum RequestError: Error, Sendable {
    case head(HeadError)
    /// The head can be understood, but not where the body ends. The head is only there to say in
    /// the log what was asked for.
    case framing(HeadError, of: RequestHead)
    case body(BodyError)
    /// The body is larger than whoever wanted it takes.
    case bodyTooLarge

    /// The status that answers the request.
    package var status: Int {
        switch self {
        case .head(let error), .framing(let error, _): error.status
        case .body(let error): error.status
        case .bodyTooLarge: 413
        }
    }

    /// One sentence for people; never anything of what was received.
    package var message: String {
        switch self {
        case .head(let error), .framing(let error, _): error.message
        case .body(let error): error.message
        case .bodyTooLarge: "The body of the request is too large."
        }
    }
}
