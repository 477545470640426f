package import HTTP
package import Settings

/// What a request asks for, as far as that decides what the gateway does with its answer.
///
/// Seats, comments, events of the gateway's own and ends by rule belong to WebSockets and to event
/// streams as an `EventSource` reads them (WHATWG HTML §9.2). Any other response may be of type
/// `text/event-stream` as well (completions of language models, MCP): it is a download, which is
/// never written into, takes no seat and is finished when the process stops. Those of a `stream`
/// route are listed among what lives, and so is any other that turns out to be such a stream.
package enum RequestKind: Sendable, Hashable {
    case webSocket
    /// A GET for an event stream.
    case events
    /// A GET that did not say what it wants, on a route that has no word for it: an event stream,
    /// if that is what is answered.
    case undeclared
    /// A request on a route that says `stream`.
    case stream
    case plain

    /// - Parameters:
    ///   - upgrades: it asks to become a WebSocket.
    ///   - acceptsEvents: its `Accept` names `text/event-stream`.
    package init(
        _ method: Method, upgrades: Bool, acceptsEvents: Bool, on route: RouteSettings.Kind
    ) {
        if upgrades {
            self = .webSocket
        } else {
            self =
                switch route {
                case .stream: .stream
                case .events where method == .get: .events
                case .any where method == .get: acceptsEvents ? .events : .undeclared
                case .events, .any, .webSocket: .plain
                }
        }
    }

    /// A response of type `text/event-stream` is an event stream of that kind.
    package var mayBeEvents: Bool {
        switch self {
        case .events, .undeclared: true
        case .webSocket, .stream, .plain: false
        }
    }
}
