internal import Clock
internal import Endings
internal import HTTP
internal import Identity
internal import Sessions
internal import Settings

/// What is known of one request from its head to its access-log line. One object a request: every
/// step adds to it, and whoever ends the request writes it down.
final class RequestContext {
    let id: String
    let generation: Generation
    let started: Instant
    let method: Method
    /// As in `Host`; for the log.
    let host: String
    /// The client's address as text, a trusted proxy's word counted.
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
    var identity: VerifiedIdentity?
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
        client: String, isTLS: Bool, isWebSocket: Bool, minorVersion: UInt8
    ) {
        self.id = id
        self.generation = generation
        self.started = started
        self.method = method
        self.host = host
        self.client = client
        self.isTLS = isTLS
        self.isWebSocket = isWebSocket
        self.minorVersion = minorVersion
    }

    var routeSettings: RouteSettings? { route.map { generation.routes[$0].settings } }
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
