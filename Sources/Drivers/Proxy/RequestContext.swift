internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import Loop
internal import Routing
internal import Sessions
internal import Settings
internal import Transport

/// One request from its head to its access-log line, in three parts: what it was, what holds its
/// connection in, and what the log line needs. One object a request: whoever ends the request
/// writes it down.
final class RequestContext {
    /// What the request was; nothing of it changes.
    struct Origin {
        let id: String
        let started: Instant
        let method: Method
        /// The client, the scheme it came by and the host it asks.
        let provenance: Provenance
        let isWebSocket: Bool
        let minorVersion: UInt8
    }

    /// What the access log says of how it went.
    struct Outcome {
        /// The server the request was last sent to.
        var server: SocketAddressSettings?
        var status = 0
        var detail: String?
        /// Messages of a WebSocket; counted when it ends.
        var messagesIn = 0
        var messagesOut = 0
        /// What rules that were not in force would have refused.
        var wouldRefuse: [(rule: RouteSettings.Rule, as: Refusal?)] = []
    }

    /// Octets, from the client and to it.
    struct Traffic {
        var octetsIn = 0
        var octetsOut = 0
    }

    let thread: ThreadState
    let origin: Origin
    let generation: Generation
    /// What admission found out about it; of whom it is, what the last token says.
    var found = Findings()
    /// What it has of the table of live connections.
    var life = Life.none
    /// The place among the devices of a store.
    var session: SessionSeat?
    /// A WebSocket whose handshake the gateway has answered by itself.
    var opened: OpenedSocket?
    /// The client was told to send its body (`100 Continue`): nobody else has to.
    var hasContinued = false
    /// The value of a `Set-Cookie` that tells the client which server it has.
    var serverCookie: String?
    var outcome = Outcome()
    /// What was sent and received so far of bodies and frames; by itself, because it changes with
    /// every piece of them.
    var traffic = Traffic()

    init(
        on thread: ThreadState, id: String, generation: Generation, started: Instant,
        method: Method,
        provenance: Provenance, isWebSocket: Bool, minorVersion: UInt8
    ) {
        self.thread = thread
        origin = Origin(
            id: id, started: started, method: method, provenance: provenance,
            isWebSocket: isWebSocket, minorVersion: minorVersion)
        self.generation = generation
    }

    /// The request takes a seat, hears what the gateway says, and ends by rule.
    var isEventStream: Bool { found.kind == .events }

    /// The host that the request is for; nil when it names none.
    var authority: Authority? { origin.provenance.authority }

    /// The client's address, as text.
    var client: String { origin.provenance.addressText }

    /// The client speaks TLS, with us or with a trusted proxy.
    var isTLS: Bool { origin.provenance.isSecure }

    /// Nothing but packets of Socket.IO is sent on the connection.
    var speaksSocketIO: Bool {
        guard origin.isWebSocket else { return false }
        if let opened { return opened.engine != nil }
        return routeSettings?.socketIO != nil
    }

    var routeSettings: RouteSettings? { found.route.map { generation.rules.routes[$0].settings } }

    /// The route whose rules hold now: a reload may have given a live connection another one.
    var ruledBy: ServedRoute? {
        if let live { return live.route }
        return found.route.map { generation.rules.routes[$0] }
    }

    /// No connection ends for want of a good token where that rule is only reported about, or where
    /// no token is asked for any more.
    var enforcesTokens: Bool {
        guard let settings = ruledBy?.settings else { return true }
        if live != nil, settings.auth.isEmpty { return false }
        return !settings.reportOnly.contains(.auth)
    }

    /// The address as limits and tickets count it; nil for a client that has none.
    var clientAddress: ClientAddress? {
        ClientAddress(mappedOctets: origin.provenance.address.mappedOctets)
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

    /// The request is over: writes it down.
    func record(_ reason: EndReason) { RequestRecord(context: self, reason: reason).write() }

    /// Gives back what the connection held.
    ///
    /// - Parameter departure: whether the client said goodbye, or may be back in a moment.
    func release(_ departure: Departure = .normal) {
        switch life {
        case .none: break
        case .listed(let place): place.end()
        case .onToken(let live): live.end()
        }
        guard let session else { return }
        session.lease.end(departure, now: thread.loop.now)
        thread.noteSessionDeadline()
    }
}

/// A place in a store's session table, with what is needed to tell its holder that it ends.
struct SessionSeat {
    let lease: SessionLease
    let store: String
    let client: ClientID?
    /// An index into `Rulebook.sessionBlocks`.
    let block: Int

    init(_ lease: SessionLease, _ wish: SeatWish) {
        self.lease = lease
        store = wish.store
        client = wish.client
        block = wish.block
    }
}
