/// Why a request cannot be sent, or not be finished. It is the caller's doing, never the server's.
package enum SendError: Error, Sendable, Hashable {
    /// Another request is under way, or none is; or its head has not ended, or has.
    case outOfOrder
    /// The connection carries no request any more.
    case spent
    /// The method is no token, the target not visible ASCII, or the protocol that is offered no
    /// value of a field.
    case illegalHead
    case body(BodyMismatch)
}
