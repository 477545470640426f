internal import Forwarding
internal import Relays

/// Where a client's connection by HTTP/1 stands.
enum HTTP1Stage {
    /// A trusted proxy says first whom it speaks for.
    indirect case proxyHeader(ProxyHeaderDecoder)
    case handshake
    /// Not an octet of the next request has come.
    case idle
    case partial
    /// Something is done for a request, or for the WebSocket that it has become.
    case inUse
    /// A WebSocket that was told that it ends, and waits for the client's close.
    case closing(ClosingSocket)
    /// Everything is sent; what still comes is discarded, so that the answer is not lost to a
    /// reset (RFC 9112 §9.6).
    case lingering
    case closed

    /// No request is at hand: it is between two of them, or before the first.
    var isBetweenRequests: Bool {
        switch self {
        case .proxyHeader, .handshake, .idle, .partial: true
        case .inUse, .closing, .lingering, .closed: false
        }
    }

    var isInUse: Bool { if case .inUse = self { true } else { false } }

    var isClosed: Bool { if case .closed = self { true } else { false } }
}
