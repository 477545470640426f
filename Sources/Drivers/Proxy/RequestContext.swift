internal import Clock
internal import Endings
internal import HTTP
internal import Identity
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
    /// As in `Host`; for the log.
    let host: String
    /// The client's address, a trusted proxy's word counted, and its text.
    let address: SocketAddress
    let client: String
    let isTLS: Bool
    let isWebSocket: Bool
    let minorVersion: UInt8
    /// The client wants an event stream: the route says so, or the request's Accept.
    var isEventStream = false
    var hasRequestBody = false
    /// The path and the query the client asked for, tokens redacted; for the log.
    var path = ""
    /// In which languages the client is told that its session ends; known with a seat or without.
    var languages = LanguagePreference(acceptLanguage: nil)
    /// An index into `generation.routes`.
    var route: Int?
    /// An index into `generation.settings.rewrites`.
    var rewrite: Int?
    var identity: VerifiedIdentity?
    /// What the rules ask of the request but for the claims, where they do: to be asked again of
    /// the next token.
    var facts: RequestFacts?
    /// What rules that were not in force would have refused.
    var wouldRefuse: [RouteSettings.Rule] = []
    /// The client reads what the gateway itself says: its subprotocol, or events of its own.
    var speaksControl = false
    /// A WebSocket or event stream that a token let in.
    var live: LiveState?
    var session: SessionSeat?
    /// Why no seat was given, when that is why the request ends.
    var rejection: SessionRejection?
    /// The value of `WWW-Authenticate`, when the request ends for want of a good token.
    var challenge: String?
    /// The methods a 405 names.
    var allow: [String] = []
    /// The server the request was last sent to.
    var server: SocketAddressSettings?
    var status = 0
    var detail: String?
    var octetsIn = 0
    var octetsOut = 0

    init(
        id: String, generation: Generation, started: Instant, method: Method, host: String,
        address: SocketAddress, client: String, isTLS: Bool, isWebSocket: Bool,
        minorVersion: UInt8
    ) {
        self.id = id
        self.generation = generation
        self.started = started
        self.method = method
        self.host = host
        self.address = address
        self.client = client
        self.isTLS = isTLS
        self.isWebSocket = isWebSocket
        self.minorVersion = minorVersion
    }

    var routeSettings: RouteSettings? { route.map { generation.routes[$0].settings } }

    /// Nobody ends for want of a good token where that rule is only reported about.
    var enforcesTokens: Bool { !(routeSettings?.reportOnly.contains(.auth) ?? false) }

    /// The address as limits and tickets count it; nil for a client that has none.
    var clientAddress: ClientAddress? { ClientAddress(mappedOctets: address.mappedOctets) }

    /// What the upstream and the client know the connection by.
    var sessionID: SessionID? { session?.lease.id ?? live?.id }

    /// Gives back what the connection held.
    func release(in worker: Worker) {
        session?.lease.end()
        live?.end(in: worker)
    }
}

// MARK: What people are told

extension RequestContext {
    private static let standardMessages = SessionMessages()

    /// The object that says why a live connection ends, in the client's language.
    func disconnection(
        _ cause: DisconnectCause, limit: SessionSettings.Limit? = nil
    ) -> [UInt8] {
        let messages =
            session.map { generation.sessionBlocks[$0.block].messages } ?? Self.standardMessages
        return messages.forceDisconnect(
            cause,
            SessionMessages.Values(limit: limit, store: session?.store, device: session?.client),
            for: languages)
    }

    /// As `disconnection`, for an end of the process; only those with a session are told.
    var drainMessage: [UInt8]? { session == nil ? nil : disconnection(.draining) }
}

/// A place in a store's session table, with what is needed to tell its holder that it ends.
struct SessionSeat {
    let lease: SessionLease
    let store: String
    let client: ClientID?
    /// An index into `Generation.sessionBlocks`.
    let block: Int
}

/// A place that was not given.
struct SessionRejection {
    let limit: SessionSettings.Limit
    let store: String
    let client: ClientID?
    /// An index into `Generation.sessionBlocks`.
    let block: Int
}
