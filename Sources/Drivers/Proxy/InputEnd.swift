internal import Routing

/// What it means for the request at hand that its client finished sending (FIN, close_notify).
///
/// A client that has closed its connection and one that goes on reading look the same until
/// something is sent to them: the system of the first answers with a reset. Browsers, `fetch`, curl
/// and every HTTP library close when they give up, so while nothing can be sent they are taken to
/// have left, as nginx, Envoy and Caddy do. To an event stream something can always be sent. With
/// TLS there is no question: close_notify is how clients close, and they wait for ours (RFC 5246
/// §7.2.1).
enum InputEnd: Hashable {
    /// The client has left: what goes on for it ends.
    case leaves
    /// The client may read on. A comment is sent, which a reset answers if it does not.
    case isAsked
    /// The request goes on, and who is there for its answer is seen when there is one.
    case goesOn

    /// Where the request stands.
    enum Standing: Hashable, CaseIterable {
        /// The client was to send more of its body.
        case body
        /// The whole request has come, and no head of a response.
        case awaiting
        /// Something can be put in between the events that are sent.
        case events
        /// It cannot: they are compressed, or one is only half sent.
        case closedEvents
        /// Any other response is being sent.
        case response
    }

    /// - Parameters:
    ///   - isTLS: the client speaks TLS with the gateway.
    ///   - finishesWithoutClient: the route says `finish_without_client`.
    init(_ kind: RequestKind, _ standing: Standing, isTLS: Bool, finishesWithoutClient: Bool) {
        self =
            switch standing {
            case .body: .leaves
            case .events: isTLS ? .leaves : .isAsked
            case .closedEvents: .leaves
            // It is asked as soon as its stream begins.
            case .awaiting where kind == .events: isTLS ? .leaves : .goesOn
            case .awaiting, .response:
                finishesWithoutClient && kind != .webSocket ? .goesOn : .leaves
            }
    }
}

/// What is done for clients that have left, on routes with `finish_without_client`: counted, so
/// that it takes the place of a connection among `limits { connections }`.
final class UnattendedCount {
    private(set) var value = 0

    fileprivate func add(_ change: Int) { value += change }
}

/// One request whose client has left, until it is over.
final class UnattendedLease {
    private let count: UnattendedCount

    init(_ count: UnattendedCount) {
        self.count = count
        count.add(1)
    }

    deinit { count.add(-1) }
}
