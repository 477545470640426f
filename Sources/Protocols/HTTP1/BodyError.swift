/// What is wrong with a body. After it the connection cannot be used any more.
package enum BodyError: Error, Sendable, Hashable, CaseIterable {
    case malformedChunk
    case chunkTooLarge
    case extensionsTooLarge
    case malformedTrailers
    case trailersTooLarge
    /// The connection ended before the body did.
    case incomplete

    /// The status that answers a request, if there was no response yet. A body of an *upstream*
    /// with any of these is 502, or the end of the connection once the head is out.
    package var status: Int {
        switch self {
        case .malformedChunk, .extensionsTooLarge, .malformedTrailers, .incomplete: 400
        case .chunkTooLarge: 413
        case .trailersTooLarge: 431
        }
    }

    /// One sentence for people; never anything of what was received.
    package var message: String {
        switch self {
        case .malformedChunk: "The chunked body is malformed."
        case .chunkTooLarge: "A chunk of the body is too large."
        case .extensionsTooLarge: "The chunk extensions of the body are too large."
        case .malformedTrailers: "The trailers of the body are malformed."
        case .trailersTooLarge: "The trailers of the body are too large."
        case .incomplete: "The body ended early."
        }
    }
}
