internal import Endings
internal import Entry
internal import HTTP
internal import Identity
internal import Settings

/// How a request is told that it is refused: in the way that its client can understand, and that
/// lets it do what is right. One list for every refusal.
enum RefusalForm: Hashable {
    /// A WebSocket that is opened to be closed, which is all that a page can see.
    case socket
    /// An event stream whose only event says why there is no seat.
    case rejectionEvent
    /// An event stream that says when to come back, and ends: after any status but 200 an
    /// `EventSource` would never come back (HTML §9.2.3).
    case comeBack
    /// A status with a problem document.
    case status

    /// - Parameters:
    ///   - isOpen: the handshake was answered already: nothing but a close frame can follow.
    ///   - isEventStream: the client asked for an event stream, and reads one.
    ///   - hasRejection: there is no seat for it.
    ///   - settings: those of the route; nil where none is known yet.
    ///   - opensEngine: the request is for a new session of Engine.IO, on a WebSocket.
    init(
        of refusal: Refusal, isWebSocket: Bool, isOpen: Bool = false, isEventStream: Bool,
        hasRejection: Bool, by settings: RouteSettings?, opensEngine: Bool = false
    ) {
        if isOpen {
            self = .socket
        } else if isWebSocket {
            let isOpened = settings.map { !$0.refusesWithStatus } ?? false
            // A client of Socket.IO that may come back waits longer each time after a status.
            let isHeard =
                settings?.socketIO == nil || opensEngine && refusal.reason.isFinal
            self = isOpened && refusal.isByRule && isHeard ? .socket : .status
        } else if isEventStream, hasRejection {
            self = .rejectionEvent
        } else if isEventStream, refusal.passes, settings?.whileAway != .error {
            self = .comeBack
        } else {
            self = .status
        }
    }
}

extension Refusal {
    /// It is about who asks. Malformed requests, unknown routes and wrong methods are not, nor is
    /// an application or a gateway that is not there.
    var isByRule: Bool {
        switch status {
        case 401, 403, 409, 429: true
        default: false
        }
    }

    /// The same request may be let in a moment later, and nobody has to do anything for that.
    var passes: Bool {
        switch reason {
        case .upstreamUnavailable, .draining, .overloaded: true
        case .normal, .clientGone, .upstreamClosed, .protocolError, .invalidPayload, .policy,
            .tooBig, .internalError, .rateLimited, .slowConsumer, .unauthenticated, .forbidden,
            .connectionRejected, .forceDisconnect, .replaced, .timeout:
            false
        }
    }
}

extension RequestContext {
    /// A message in front of the close frame says why the WebSocket ends: where its client reads
    /// what the gateway says, or its front end is written for that (`explain`).
    ///
    /// - Parameter head: while admission has not asked what the client reads.
    func explains(_ reason: EndReason, to head: RequestHead? = nil) -> Bool {
        if found.speaksControl { return true }
        if let head, SubprotocolOffers(head.fields).offersControl { return true }
        switch ruledBy?.settings.explanation ?? .rules {
        case .all: return true
        case .rules: return session != nil || reason.isAboutClient
        case .off: return false
        }
    }
}
