package import Clock
package import Endings
package import Identity
package import Rates
package import Routing
package import Sessions
package import Settings
package import SocketIO
package import Upstreams

/// What is to be done next with a request that comes in. What is large and seldom stands apart, so
/// that a step is small: it is answered many times a request.
package enum EntryStep {
    /// Find this out, and tell; whatever can be waited for may be told later.
    case ask(EntryQuestion)
    /// An answer is still due.
    case wait
    case respond(status: Int, body: String)
    /// Whether new clients shall come.
    case ready
    case redirect(status: Int, location: String)
    /// Which requests a page of another origin may make, or which methods are served.
    case options([CrossOriginRule.Field])
    /// A JSON object that nobody keeps.
    case json([UInt8])
    /// A one-time ticket, for this identity.
    indirect case ticket(VerifiedIdentity)
    /// A session of Engine.IO cannot be opened so that its client could bring a token.
    case refuseEngine(EngineError)
    case forward(ForwardOrder)
    /// A response that turned out to be an event stream has its seat.
    case seated
    /// A request that had a place, or waited for one, is sent away like those that have one.
    indirect case end(SeatEnd)

    /// What a WebSocket can be done with that was opened already.
    var isForSockets: Bool {
        switch self {
        case .ask(let question): question.isForSockets
        case .wait, .forward, .seated, .end: true
        case .respond, .ready, .redirect, .options, .json, .ticket, .refuseEngine: false
        }
    }
}

/// Why one ends that waits for a seat.
package enum SeatEnd {
    /// The store of sessions says so.
    case ordered(Ending)
    /// The process stops.
    case draining
}

/// Where a request goes that was let in.
package final class ForwardOrder {
    /// An index into the backends.
    package let backend: Int
    package let route: ServedRoute
    /// As the upstream sees it.
    package let target: NormalisedTarget
    /// What the configuration says of the request's fields.
    package let fields: [ConfiguredField]
    /// The request takes a seat only when its response turns out to be an event stream.
    package let mayTakeSeatLate: Bool
    /// What of the request decides about the server.
    package let wish: ServerWish

    init(
        backend: Int, route: ServedRoute, target: NormalisedTarget, fields: [ConfiguredField],
        mayTakeSeatLate: Bool, wish: ServerWish
    ) {
        self.backend = backend
        self.route = route
        self.target = target
        self.fields = fields
        self.mayTakeSeatLate = mayTakeSeatLate
        self.wish = wish
    }
}

/// What has to be found out about the world before a request is let in.
package enum EntryQuestion {
    /// Is there memory for what stays? Told `memory`.
    case memory
    /// Does the process stop? Told `time`.
    case time
    /// Is there a token in all of these buckets? They are drawn from together, or none is. Told
    /// `rate`.
    case rate([RateDraw])
    /// What does the gate of the route say? Told `token`.
    case token
    /// To be told `keys` when keys have been read, of whichever source.
    indirect case keys(KeyWait)
    /// The handshake is to be answered by the gateway itself. To be told `message` when the first
    /// message has come.
    case message
    /// Two identifiers that were never used before, for a session and for a device. Told `names`.
    case names
    /// May this session come in? Told `seat`, at once or when the store knows.
    indirect case seat(Arrival)
    /// A request that stays is to be entered into the table of what lives. Told `place`.
    case place(LiveTransport)
    /// The body is for the gateway itself. To be told `body` when it is whole.
    case body
    /// A new token for a live connection. To be told `refresh` when that has judged it.
    case refresh(RefreshOrder)

    package enum Kind {
        case memory, time, rate, token, keys, message, names, seat, place, body, refresh
    }

    var kind: Kind {
        switch self {
        case .memory: .memory
        case .time: .time
        case .rate: .rate
        case .token: .token
        case .keys: .keys
        case .message: .message
        case .names: .names
        case .seat: .seat
        case .place: .place
        case .body: .body
        case .refresh: .refresh
        }
    }

    fileprivate var isForSockets: Bool {
        switch self {
        case .memory, .time, .rate, .token, .keys, .names, .seat, .place: true
        case .message, .body, .refresh: false
        }
    }
}

/// The answer to a question.
package enum EntryAnswer {
    /// Nil when there is enough.
    case memory(Refusal?)
    case time(isEnding: Bool)
    /// How long until there is a token; nil when it was drawn.
    case rate(Duration?)
    case token(GateOutcome<TokenGate.Pass?>)
    case keys(KeyNews)
    /// The first message is there.
    ///
    /// - Parameter speaksSocketIO: nothing but packets of Socket.IO is sent on the WebSocket.
    case message(speaksSocketIO: Bool)
    case names(session: SessionID, device: SessionID)
    case seat(SeatNews)
    /// Nil when it has its place.
    case place(Refusal?)
    case body([UInt8])
    case refresh(RefreshOutcome)

    var kind: EntryQuestion.Kind {
        switch self {
        case .memory: .memory
        case .time: .time
        case .rate: .rate
        case .token: .token
        case .keys: .keys
        case .message: .message
        case .names: .names
        case .seat: .seat
        case .place: .place
        case .body: .body
        case .refresh: .refresh
        }
    }
}

package enum KeyNews {
    /// The keys of some source were read, or the configuration was.
    case read
    /// There is no place among those who wait for keys.
    case tooMany
}

/// What has become of the question for a seat.
package enum SeatNews {
    case given(despite: OverruledRule?)
    /// The store has not decided; until then that is borne.
    case open(until: Instant)
    case refused(Rejection)
    /// The store gives no answer.
    case failed(StoreFailure)
    /// The session was in, and is not any more.
    case ended(Ending)
}

/// What a gate says of a token.
package enum GateOutcome<Passed> {
    case passed(Passed)
    case refused(Refusal)
    /// The token names a key that is not there, and its source is being read again: the answer may
    /// be another one then.
    case awaitKeys(KeyWait)
}

/// What the connection said that a new token is for.
package enum RefreshOutcome: Sendable {
    /// `expires_in` of the answer; nil for a token without an end.
    case refreshed(ControlReply)
    case refused(Refusal)

    package static let unknownSession = RefreshOutcome.refused(
        Refusal(.policy, status: 404, detail: "session", message: "There is no such session"))
    package static let superseded = RefreshOutcome.refused(
        Refusal(.policy, status: 409, detail: "superseded", message: "A newer token has come"))
}

/// What is to be counted, or told the operator, and changes nothing for the request.
package enum EntryNote {
    /// A rule that is not in force would have refused a request.
    ///
    /// - Parameters:
    ///   - as: how the request would have ended; nil where others would have.
    ///   - words: what the rule would have done; nil for refusing the request.
    case wouldRefuse(RouteSettings.Rule, as: Refusal?, words: String?)
    /// The address may not come to the route.
    case denied
    case rateLimited
}
