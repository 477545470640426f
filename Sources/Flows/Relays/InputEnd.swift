package import Routing
package import Sessions

/// What it means for the request at hand that its client finished sending (FIN, close_notify).
///
/// A client that has closed its connection and one that goes on reading look the same until
/// something is sent to them: the system of the first answers with a reset. Browsers, `fetch`, curl
/// and every HTTP library close when they give up, so while nothing can be sent they are taken to
/// have left, as nginx, Envoy and Caddy do. To an event stream something can always be sent. With
/// TLS there is no question: close_notify is how clients close, and they wait for ours (RFC 5246
/// §7.2.1).
package enum InputEnd: Sendable, Hashable {
    /// The client has left: what goes on for it ends.
    case leaves
    /// The client may read on. A comment is sent, which a reset answers if it does not.
    case isAsked
    /// The request goes on, and who is there for its answer is seen when there is one.
    case goesOn

    /// Where the request stands.
    package enum Standing: Sendable, Hashable, CaseIterable {
        /// The client was to send more of its body.
        case body
        /// The whole request has come, and no head of a response.
        case awaiting
        /// Something can be put in between the events that are sent.
        case events
        /// Comments cannot go between events: they are compressed, or one is only half sent.
        case closedEvents
        /// Any other response is being sent.
        case response
    }

    /// - Parameters:
    ///   - isTLS: the client speaks TLS with the gateway.
    ///   - finishesWithoutClient: the route says `finish_without_client`.
    package init(
        _ kind: RequestKind, _ standing: Standing, isTLS: Bool, finishesWithoutClient: Bool
    ) {
        self =
            switch standing {
            case .body: .leaves
            case .events: isTLS ? .leaves : .isAsked
            case .closedEvents: .leaves
            // The client is asked as soon as its stream begins.
            case .awaiting where kind == .events: isTLS ? .leaves : .goesOn
            case .awaiting, .response:
                finishesWithoutClient && kind != .webSocket ? .goesOn : .leaves
            }
    }
}

extension InputEnd.Standing {
    /// - Parameters:
    ///   - body: what the client was to send more.
    ///   - isClosed: nothing can be put into the event stream that is sent; nil when none is.
    ///   - isAnswered: the head of the response has come.
    package init(_ body: MissingBody?, isClosed: Bool?, isAnswered: Bool) {
        if let body, !body.mayBeThere {
            self = .body
        } else if let isClosed {
            self = isClosed ? .closedEvents : .events
        } else {
            self = isAnswered ? .response : .awaiting
        }
    }
}

/// What a client that finished sending has not sent of its request's body, or so it seems.
package struct MissingBody: Sendable {
    /// Octets, as far as the framing says; nil when it does not.
    private let remaining: Int?
    /// Octets that have come and were not used yet, at least; nil when all that came was used.
    private let unused: Int?

    package init(remaining: Int?, unused: Int?) {
        self.remaining = remaining
        self.unused = unused
    }

    /// What has come may be the rest of it.
    fileprivate var mayBeThere: Bool {
        guard let unused else { return false }
        return remaining.map { $0 <= unused } ?? true
    }
}

/// What becomes of a request when the connection of its client is broken.
package enum ClientLoss: Sendable, Hashable {
    /// The request ends. A client that has finished sending before has said goodbye.
    case ends(Departure)
    /// The app finishes it all the same, and nobody hears the answer.
    case goesOn

    /// - Parameters:
    ///   - finishesWithoutClient: the route says `finish_without_client`.
    ///   - isStream: it is a WebSocket, or an event stream has begun.
    ///   - hasServer: a server has the request, or is connected to.
    ///   - isWhole: no more of the body was to come.
    ///   - hasFinished: the client had finished sending.
    package init(
        finishesWithoutClient: Bool, isStream: Bool, hasServer: Bool, isWhole: Bool,
        hasFinished: Bool
    ) {
        if finishesWithoutClient, !isStream, hasServer, isWhole {
            self = .goesOn
        } else {
            self = .ends(hasFinished ? .normal : .abnormal)
        }
    }
}
