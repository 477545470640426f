internal import Bookkeeping
internal import Clients
internal import Endings
internal import Entry
internal import HTTP
internal import HTTP1
internal import Loop
internal import Origins
internal import Relays
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams

/// One request and its response, between a client connection and an upstream connection. Both ends
/// report their events here; bodies go through as they come, and whoever is slow stops the other.
/// What of the request has come, the client's connection knows.
///
///     response:  awaiting --head--> streaming --last octet--> complete
///                awaiting --101--> handed over to a RelayDriver
///
/// Its side towards the server is in `Exchange+Origin`, `+OriginRequest` and `+OriginResponse`:
/// which server, and whether another attempt is made, says `Attempt`; what HTTP/1 allows, the
/// connection's `http`. While no server can be reached it waits for one, see `ServerWait`.
///
/// With `buffer_body` there is no upstream before the body is whole, or as much of it as is kept.
final class Exchange {
    enum ResponseState {
        case awaiting, streaming, complete
    }

    struct RequestBody {
        let framing: BodyFraming
        /// The body, or its beginning, where it is kept before a server is chosen; until it was
        /// sent and need not be sent again.
        var kept: BodyBuffer?
    }

    let client: ClientLink
    let plan: ForwardPlan
    let request: EnteringRequest
    let context: RequestContext
    /// The request, when it takes a seat only when its response turns out to be an event stream.
    let latecomer: HeldRequest?
    var body: RequestBody
    var response = ResponseState.awaiting
    /// Set while an event stream is passed on.
    var events: EventFlow?
    /// The response may be silent for as long as it likes: a stream. No other one has `events`.
    var isOpenEnded = false
    /// Set when the client has left and the request is finished without it.
    var unattended: UnattendedLease?
    /// From the attempt to connect until the response is whole, or both are handed to a relay.
    var upstream: OriginLink?
    /// What is tried, and tried again.
    var attempt: Attempt
    /// How long the server has for what it has to do next.
    var patience: ServerPatience
    var lease: ServerLease?
    /// While no server can be reached.
    var wait = ServerWait()
    var hasEnded = false

    init(
        plan: ForwardPlan, request: EnteringRequest, framing: BodyFraming, context: RequestContext,
        client: ClientLink, latecomer: HeldRequest?
    ) {
        self.plan = plan
        self.request = request
        self.context = context
        self.client = client
        self.latecomer = latecomer
        body = RequestBody(framing: framing)
        attempt = Attempt(isWebSocket: context.origin.isWebSocket)
        patience = plan.group.patience(isWebSocket: context.origin.isWebSocket)
    }

    /// Keeps the body first where the route says so; then goes to a server.
    func begin() {
        if let size = plan.route.settings.bodyBufferSize, client.request.lacksBody {
            return keepBody(size)
        }
        chooseServer()
    }

    var head: RequestHead { request.head }
    var thread: ThreadState { client.thread }
    var loop: Loop { client.loop }

    // MARK: Flow

    /// Octets that are kept here until they may go on, the head as long as there is an answer to
    /// it.
    var heldCount: Int {
        let count = request.head.fields.bytes.count + (body.kept?.octets.count ?? 0)
        return isOpenEnded ? count + (events?.heldCount ?? 0) : count
    }

    /// The client has to send more of it.
    var isReadingBody: Bool { !wait.isActive && client.request.lacksBody }

    var wantsClientInput: Bool {
        if body.kept?.isFilling == true { return true }
        guard let upstream, upstream.connection.isConnected else { return false }
        return upstream.connection.stream.pendingCount < Flow.highWater
    }

    var wantsUpstreamInput: Bool {
        let pending = client.request.waiting
        guard isOpenEnded else { return pending < Flow.highWater }
        return events?.hasRoom(behind: pending) ?? (pending < Flow.highWater)
    }

    func clientDrained() {
        let pending = client.request.waiting
        let hasRoom = events?.queueShrank(to: pending, now: loop.now)
        guard hasRoom ?? (pending <= Flow.lowWater) else { return }
        // While it was not read from, the upstream had no chance to be in time.
        watchServer(hasMoved: false)
        upstream?.updateInterest()
    }

    // MARK: The end

    /// The end of the exchange, told once: the seat is given back and the line is written.
    ///
    /// - Parameter departure: nil for what the reason says.
    func conclude(_ reason: EndReason, _ departure: Departure? = nil) {
        guard !hasEnded else { return }
        hasEnded = true
        let reason = isOpenEnded ? events?.pendingEnd?.reason ?? reason : reason
        context.release(departure ?? reason.departure)
        context.record(isUnattended && reason == .normal ? .clientGone : reason)
    }
}
