package import HTTP

/// What came from the server, in this order: informational heads, then either a tunnel, or a
/// head, data, and one end, also where there is no body.
package enum ResponseEvent: Sendable {
    /// A head of 1xx, except 101.
    case informational(ResponseHead)
    /// The head of the response, and how its body is framed.
    case head(ResponseHead, BodyFraming)
    /// Octets of the body, as a range of the input at hand.
    case data(Range<Int>)
    /// The response is whole. Trailers may follow a chunked body; nil when none did.
    case end(trailers: Fields?)
    /// 101, or a 2xx to CONNECT: whatever stands in the input from here on, and comes later,
    /// is no HTTP any more, and not for this value.
    case tunnel(ResponseHead)
}
