internal import Clock
internal import Endings
internal import HTTP
internal import Identity
internal import Routing
internal import Sessions
internal import Settings
internal import Transport

/// What is known of one request from its head to its access-log line. One object a request: every
/// step adds to it, and whoever ends the request writes it down.
final class RequestContext {
    let id: String
    let generation: Generation
    let started: Instant
    let method: Method
    /// Whom it comes from, by which scheme and to which host.
    let provenance: Provenance
    let isWebSocket: Bool
    let minorVersion: UInt8
    /// What it asks for; known with its route.
    var kind = RequestKind.plain
    /// The client was told to send its body (`100 Continue`): nobody else has to.
    var hasContinued = false
    /// The path and the query the client asked for, tokens redacted; for the log.
    var path = ""
    /// In which languages the client is told that its connection ends.
    var languages = LanguagePreference(acceptLanguage: nil)
    /// An index into `generation.routes`.
    var route: Int?
    /// An index into `generation.settings.rewrites`.
    var rewrite: Int?
    var identity: VerifiedIdentity?
    /// Where its token was; nil for nobody, and for a ticket.
    var tokenPlace: TokenSettings.Place?
    /// It drew from the buckets that are asked first; a request that waited for keys draws once.
    var hasDrawn = false
    /// What rules that were not in force would have refused.
    var wouldRefuse: [(rule: RouteSettings.Rule, as: Refusal?)] = []
    /// The client reads what the gateway itself says: its subprotocol, or events of its own.
    var speaksControl = false
    /// A WebSocket whose handshake the gateway has answered by itself.
    var opened: OpenedSocket?
    var life = Life.none
    var session: SessionSeat?
    /// Why no seat was given, when that is why the request ends.
    var rejection: SessionRejection?
    /// A device is handed out its name with it.
    var setCookie: String?
    /// The value of `WWW-Authenticate`, when the request ends for want of a good token.
    var challenge: String?
    /// Where who visits a page is sent to sign in, when the request ends for want of a token.
    var login: String?
    /// What the answer says about pages of other origins, on a route with `cors`.
    var crossOrigin: [CrossOriginRule.Field] = []
    /// What the configuration says in the answer, whoever gives it.
    var answerFields = AnswerFields()
    /// The methods a 405 names.
    var allow: [String] = []
    /// The server the request was last sent to.
    var server: SocketAddressSettings?
    var status = 0
    var detail: String?
    var octetsIn = 0
    var octetsOut = 0
    /// Of a WebSocket's; counted when it ends.
    var messagesIn = 0
    var messagesOut = 0

    init(
        id: String, generation: Generation, started: Instant, method: Method,
        provenance: Provenance, isWebSocket: Bool, minorVersion: UInt8
    ) {
        self.id = id
        self.generation = generation
        self.started = started
        self.method = method
        self.provenance = provenance
        self.isWebSocket = isWebSocket
        self.minorVersion = minorVersion
    }

    /// It takes a seat, hears what the gateway says, and ends by rule.
    var isEventStream: Bool { kind == .events }

    /// Whom it is for; nil when it names nobody.
    var authority: Authority? { provenance.authority }

    /// The client's address, as text.
    var client: String { provenance.addressText }

    /// The client speaks TLS, with us or with a trusted proxy.
    var isTLS: Bool { provenance.isSecure }

    var routeSettings: RouteSettings? { route.map { generation.routes[$0].settings } }

    /// The route whose rules hold now: a reload may have given a live connection another one.
    var ruledBy: Generation.Route? {
        if let live { return live.route }
        return route.map { generation.routes[$0] }
    }

    /// Nobody ends for want of a good token where that rule is only reported about, or where none
    /// is asked for any more.
    var enforcesTokens: Bool {
        guard let settings = ruledBy?.settings else { return true }
        if live != nil, settings.auth.isEmpty { return false }
        return !settings.reportOnly.contains(.auth)
    }

    /// The address as limits and tickets count it; nil for a client that has none.
    var clientAddress: ClientAddress? {
        ClientAddress(mappedOctets: provenance.address.mappedOctets)
    }

    /// What the upstream and the client know the connection by.
    var sessionID: SessionID? { session?.lease.id ?? live?.id }

    /// The name of the backend that the route leads to; nil where it is answered here.
    var backend: String? {
        guard case .backend(let index) = routeSettings?.destination else { return nil }
        return generation.settings.backends[index].name
    }

    /// A WebSocket or event stream that a token let in.
    var live: LiveState? { if case .onToken(let live) = life { live } else { nil } }

    /// What operators know the connection by.
    var listedID: SessionID? { session?.lease.id ?? life.place?.id }

    /// Gives back what the connection held.
    ///
    /// - Parameter departure: whether the client said goodbye, or may be back in a moment.
    func release(_ departure: Departure = .normal, in worker: Worker) {
        switch life {
        case .none: break
        case .listed(let place): place.end()
        case .onToken(let live): live.end(in: worker)
        }
        guard let session else { return }
        session.lease.end(departure, now: worker.now)
        worker.noteSessionDeadline()
    }
}

extension RequestContext {
    /// No seat: what the request ends with.
    func refuse(
        _ rejection: Rejection, store: String, client: ClientID?, block: Int
    ) -> Refusal {
        let refused = SessionRejection(
            rejection: rejection, store: store, client: client, block: block)
        self.rejection = refused
        return rejection.refusal(
            message: refused.text(generation.sessionBlocks[block].messages, languages))
    }
}

/// How a live connection is ended by rule.
struct Disconnection {
    var cause: DisconnectCause
    /// A finer word than the cause.
    var detail: String?
    var limit: SessionSettings.Limit?
    /// What the person is told instead of the usual text.
    var message: String?
    var reconnect = Reconnect.no

    init(_ cause: DisconnectCause, detail: String? = nil) {
        self.cause = cause
        self.detail = detail
        // With a new token, in a cookie perhaps, it may come back.
        if cause == .tokenExpired { reconnect = .yes }
    }

    init(_ ending: Ending, in worker: Worker) {
        cause = ending.cause
        limit = ending.limit
        message = ending.message
        reconnect = ending.reconnect
        // The close code says not to come back: only the message can say that it is welcome.
        if cause == .kicked, reconnect == .yes {
            reconnect = .after(.milliseconds(worker.reconnectDelayMilliseconds()))
        }
    }

    /// For the log and the close reason.
    var word: String { detail ?? cause.rawValue }

    /// What the client of a download is told when nothing of it was sent yet. Libraries repeat what
    /// is answered with 503, and not what is answered with 403.
    var refusal: Refusal {
        let message = message ?? "The request was ended by an operator"
        let seconds: Int?
        switch reconnect {
        case .no: seconds = nil
        case .yes: seconds = 1
        case .after(let delay): seconds = Int(clamping: delay.components.seconds)
        }
        return Refusal(
            cause.reason, status: seconds == nil ? 403 : 503, detail: word, message: message,
            retryAfterSeconds: seconds)
    }

    /// What an EventSource is told to wait.
    func comingBack(in worker: Worker) -> StreamEnding.Return {
        switch reconnect {
        case .no: .never
        case .yes: .after(milliseconds: worker.reconnectDelayMilliseconds())
        case .after(let delay): .after(milliseconds: Int(clamping: delay.wholeMilliseconds))
        }
    }
}

extension Reconnect {
    fileprivate var delay: Duration? { if case .after(let delay) = self { delay } else { nil } }
}

// MARK: What people are told

extension RequestContext {
    private static let standardMessages = SessionMessages()

    /// With a seat or without, one that lives may be told that it ends.
    func noteLanguages(of head: RequestHead) {
        let preference = LanguagePreference(
            acceptLanguage: head.fields.text(of: .acceptLanguage))
        languages =
            routeSettings?.sessions == nil
            ? SessionMessages.builtInPreference(preference) : preference
    }

    /// The object that says why a live connection ends, in the client's language.
    func disconnection(_ end: Disconnection) -> [UInt8] {
        let messages =
            session.map { generation.sessionBlocks[$0.block].messages } ?? Self.standardMessages
        return messages.forceDisconnect(
            end.cause,
            SessionMessages.Values(
                limit: end.limit, store: session?.store, device: session?.client?.text),
            message: end.message, retry: end.reconnect.delay, for: languages)
    }

    /// As `disconnection`, for an end of the process; only those with a session are told.
    var drainMessage: [UInt8]? { session == nil ? nil : disconnection(Disconnection(.draining)) }
}

/// A place in a store's session table, with what is needed to tell its holder that it ends.
struct SessionSeat {
    let lease: SessionLease
    let store: String
    let client: ClientID?
    /// An index into `Generation.sessionBlocks`.
    let block: Int

    init(_ lease: SessionLease, of arrival: Arrival, block: Int) {
        self.lease = lease
        store = arrival.store.store
        client = arrival.device.key.clientID
        self.block = block
    }
}

/// A place that was not given.
struct SessionRejection {
    let rejection: Rejection
    let store: String
    let client: ClientID?
    /// An index into `Generation.sessionBlocks`.
    let block: Int

    private var values: SessionMessages.Values {
        SessionMessages.Values(limit: rejection.limit, store: store, device: client?.text)
    }

    /// The event that says so.
    var event: String { rejection.limit == nil ? "force_disconnect" : "connection_rejected" }

    /// What the person is told.
    func text(_ messages: SessionMessages, _ languages: LanguagePreference) -> String {
        rejection.limit == nil
            ? messages.disconnection(.replaced, values, for: languages)
            : messages.rejection(values, for: languages)
    }

    /// The object that the front end is told.
    func object(_ messages: SessionMessages, _ languages: LanguagePreference) -> [UInt8] {
        guard let limit = rejection.limit else {
            return messages.forceDisconnect(
                .replaced, values, retry: rejection.retry, for: languages)
        }
        return messages.connectionRejected(
            limit: limit, store: store, device: client?.text, for: languages)
    }
}
