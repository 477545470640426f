internal import Bytes
internal import Clock
internal import Endings
internal import EventStream
internal import Forwarding
internal import HTTP
internal import HTTP1
internal import Relays
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams

/// One request and its response, between a client connection and an upstream connection. Both ends
/// report their events here; bodies go through as they come, and whoever is slow stops the other.
///
///     request:   streaming --last octet--> complete      streaming --upstream refuses--> abandoned
///     response:  awaiting --head--> streaming --last octet--> complete
///                awaiting --101--> handed over to a WebSocketRelay
///
/// While no server can be reached it waits for one, see `ServerWait`.
///
/// With `buffer_body` there is no upstream before the body is whole, or as much of it as is kept.
/// What was sent on the upstream connection and what came back knows `UpstreamUse`.
final class Exchange {
    /// TCP itself asks again later; a path has to be asked (connect(2), EAGAIN).
    private static let queuePause: Duration = .milliseconds(50)

    enum RequestState {
        case streaming(BodyDecoder)
        case complete
        /// The upstream takes no more of it; what comes is discarded.
        case abandoned
    }

    enum ResponseState {
        case awaiting
        case streaming(BodyDecoder)
        case complete
    }

    let client: ClientConnection
    let plan: ForwardPlan
    let head: RequestHead
    let context: RequestContext
    let requestFraming: BodyFraming
    var request: RequestState
    /// The body, or its beginning, where it is kept before a server is chosen; until it was sent
    /// and need not be sent again.
    var buffer: BodyBuffer?
    var response = ResponseState.awaiting
    /// How the body goes to the client. Broken off, one until close is reset (RFC 9112 §6.3).
    var clientFraming = BodyFraming.none
    /// Set while an event stream is passed on.
    var events: EventRelay?
    /// The response may be silent for as long as it likes: it is a stream, of whatever kind.
    var isOpenEnded = false
    /// Set when the client has left and the request is finished without it.
    var unattended: UnattendedLease?
    private(set) var upstream: UpstreamConnection?
    /// What came of the request on that connection.
    var use: UpstreamUse
    /// How long the server has for what it has to do next.
    private var patience: ServerPatience
    private var lease: ServerLease?
    private var tried: [Int] = []
    private(set) var isConnected = false
    /// While no server can be reached.
    var wait = ServerWait()
    /// Until when a server is asked again that has no room for one more connection in its queue.
    private var queueDeadline: Instant?
    /// It is sent once more; not on a connection that has rested, which may be dead like the first.
    private var isRepeated = false
    var hasEnded = false
    /// The client sends the body when the upstream says 100 (RFC 9110 §10.1.1).
    var awaitsContinue: Bool

    init(
        plan: ForwardPlan, head: RequestHead, framing: BodyFraming, context: RequestContext,
        client: ClientConnection
    ) {
        self.plan = plan
        self.head = head
        self.context = context
        self.client = client
        requestFraming = framing
        awaitsContinue =
            head.minorVersion == 1 && head.fields.list(.expect, contains: "100-continue")
        use = UpstreamUse(method: head.method, framing: framing, isReused: false)
        patience = ServerPatience(plan.group.settings, isWebSocket: context.isWebSocket)
        let body = BodyDecoder(framing)
        request = body.isComplete ? .complete : .streaming(body)
    }

    // MARK: Connecting

    /// Keeps the body first where the route says so; then goes to a server.
    func begin(in worker: Worker) {
        if let size = plan.route.settings.bodyBufferSize, case .streaming = request {
            return keepBody(size, in: worker)
        }
        chooseServer(in: worker)
    }

    /// Chooses a server and sends the head, on a connection that rests or on a new one.
    func chooseServer(in worker: Worker) {
        if useReserved(in: worker) { return }
        if waitsBehindOthers(in: worker) { return awaitServer(in: worker) }
        guard let chosen = plan.group.choose(now: worker.now, tried: tried) else {
            return awaitServer(in: worker)
        }
        let index = chosen.index
        let server = plan.group.servers[index]
        lease = consume chosen
        context.server = server.address
        if isShared, !context.isWebSocket, !isRepeated,
            let resting = UpstreamConnection.takeResting(
                for: server.state, mayRepeat: mayBeRepeated, in: worker)
        {
            return go(on: resting, in: worker)
        }
        connect(to: server, at: index, in: worker)
    }

    /// What a PROXY header says holds for the whole connection, so it is this request's alone.
    private var isShared: Bool { plan.group.settings.proxyHeader == nil }

    /// A client that has authenticated itself on a connection goes on with that one, whichever
    /// server's turn it is. False when there is none.
    private func useReserved(in worker: Worker) -> Bool {
        guard isShared, !context.isWebSocket, !isRepeated,
            let reserved = UpstreamConnection.takeReserved(
                for: client.token, in: plan.group, worker: worker)
        else { return false }
        lease = plan.group.lease(of: reserved.server)
        context.server = reserved.address
        go(on: reserved, in: worker)
        return true
    }

    private func go(on resting: UpstreamConnection, in worker: Worker) {
        upstream = resting
        resting.begin(self)
        upstreamConnected(in: worker)
    }

    private func connect(to server: BackendGroup.Server, at index: Int, in worker: Worker) {
        guard let address = SocketAddress(server.address) else {
            return fail(.unreachable, in: worker)
        }
        do throws(SystemError) {
            let (stream, isConnected) = try Stream.connect(to: address)
            let connection = try UpstreamConnection.open(
                stream, to: server, isConnected: isConnected, for: self, in: worker)
            upstream = connection
            if isConnected { return upstreamConnected(in: worker) }
            connection.setDeadline(
                worker.now + plan.group.settings.connectTimeout, in: worker)
        } catch {
            notConnected(error, in: worker)
        }
    }

    /// Blames the server only for what it is to blame for.
    private func notConnected(_ error: SystemError, in worker: Worker) {
        if error.isShortage {
            worker.warn(
                worker.shared.serverLines,
                "no connection to upstream \(context.server?.text ?? ""): \(error.reason)")
            return fail(.exhausted, in: worker)
        }
        if error.isQueueFull {
            let limit = queueDeadline ?? worker.now + plan.group.settings.connectTimeout
            queueDeadline = limit
            if worker.now < limit {
                return client.set(.connect, at: worker.now + Self.queuePause, in: worker)
            }
        }
        upstreamUnreachable(error, in: worker)
    }

    /// Tries a server again whose queue was full.
    func connectAgain(in worker: Worker) {
        guard !hasEnded, upstream == nil, let index = lease?.index else { return }
        connect(to: plan.group.servers[index], at: index, in: worker)
        client.updateInterest(in: worker)
    }

    func upstreamUnreachable(_ error: SystemError, in worker: Worker) {
        upstream = nil
        queueDeadline = nil
        guard let index = lease?.index else { return fail(.unreachable, in: worker) }
        worker.noteUnreachable(index, of: plan.group, error)
        lease = nil
        tried.append(index)
        guard tried.count <= plan.group.settings.retries else { return awaitServer(in: worker) }
        chooseServer(in: worker)
    }

    /// Looks for a server once more, now that one may be back: of `group`, which is the newest of
    /// that name.
    func chooseServer(of group: BackendGroup, in worker: Worker) {
        plan.group = group
        tried = []
        chooseServer(in: worker)
    }

    func upstreamConnected(in worker: Worker) {
        guard let upstream else { return }
        if let index = lease?.index, !upstream.isReused {
            worker.noteReached(index, of: plan.group)
        }
        worker.shared.log.debug(
            "request \(context.id): goes to \(context.server?.text ?? "") on a"
                + " \(upstream.isReused ? "resting" : "new") connection")
        isConnected = true
        if wait.isActive { endWait(\.served, in: worker) }
        let framing = sentFraming
        use = UpstreamUse(
            method: head.method, framing: framing, isReused: upstream.isReused)
        if head.authenticatesConnection { upstream.reserve(for: client) }
        worker.scratch.removeAll(keepingCapacity: true)
        if let version = plan.group.settings.proxyHeader {
            context.provenance.proxyHeader(client).append(version, to: &worker.scratch)
        }
        UpstreamRequest.append(
            head, plan: plan, context: context, framing: framing, client: client,
            to: &worker.scratch)
        use.headSent(isTaken: upstream.stream.send(worker.scratch.span))
        worker.scratch.removeAll(keepingCapacity: true)
        sendKept(to: upstream, in: worker)
        if use.isRefused, canRetry { return retry(in: worker) }
        watchServer(hasMoved: true, in: worker)
        upstream.updateInterest(in: worker)
        client.resume(in: worker)
    }

    // MARK: Whose turn it is

    /// What the server has to do next; nil while it is not waited for.
    private var turn: ServerTurn? {
        let requestPart: ServerTurn.RequestPart =
            switch request {
            case .streaming: awaitsContinue ? .unaskedBody : .body
            case .complete, .abandoned: .whole
            }
        let responsePart: ServerTurn.ResponsePart =
            switch response {
            case .awaiting: .head
            case .streaming, .complete: isOpenEnded ? .events : .body
            }
        return ServerTurn.next(
            request: requestPart, isTaken: (upstream?.stream.pendingCount ?? 0) == 0,
            response: responsePart, isRead: wantsUpstreamInput)
    }

    /// A request of which the server's system may hold a part that the server has not read.
    private static let largeBody = 64 * 1024

    /// After anything moved: the server has its time for what it has to do next. A stream has none.
    func watchServer(hasMoved: Bool, in worker: Worker) {
        guard isConnected, !isOpenEnded, let upstream else { return }
        let isLarge = context.octetsIn > Self.largeBody
        let due = patience.now(
            turn, hasMoved: hasMoved, taken: isLarge ? upstream.stream.takenCount : nil,
            at: worker.now)
        upstream.setDeadline(due, in: worker)
    }

    func upstreamTimedOut(in worker: Worker) {
        guard let upstream else { return }
        switch patience.judge(taken: upstream.stream.takenCount, at: worker.now) {
        case .inTime(let next): upstream.setDeadline(next, in: worker)
        case .outOfTime(.take): fail(.takesNothing, in: worker)
        case .outOfTime(.answer): fail(.silent, in: worker)
        case .outOfTime(.goOn): fail(.paused, in: worker)
        }
    }

    /// It can be sent once more as long as nothing has come back.
    private var mayBeRepeated: Bool {
        guard head.method.isIdempotent else { return false }
        return requestFraming == .none || requestFraming == .length(0) || keepsBody
    }

    /// The whole body can be sent from its beginning.
    var keepsBody: Bool { buffer?.isWhole ?? false }

    /// True when the request may be sent once more.
    var canRetry: Bool { upstream != nil && use.retryObstacle(keepsBody: keepsBody) == nil }

    /// Sends the request once more, on another connection.
    func retry(in worker: Worker) {
        worker.shared.log.debug("request \(context.id): the connection broke, it is sent once more")
        isConnected = false
        isRepeated = true
        closeUpstream(in: worker)
        chooseServer(in: worker)
    }

    /// Octets that are kept here until they may go on, the head as long as there is an answer to
    /// it.
    var heldCount: Int {
        var count = head.fields.bytes.count + (events?.heldCount ?? 0)
        count += buffer?.octets.count ?? 0
        if case .streaming(let body) = request { count += body.keptCount }
        if case .streaming(let body) = response { count += body.keptCount }
        return count
    }

    /// The client has to send more of it.
    var isReadingBody: Bool {
        if wait.isActive { return false }
        if case .streaming = request { return true }
        return false
    }

    var wantsClientInput: Bool {
        if buffer?.isFilling == true { return true }
        guard isConnected, let upstream else { return false }
        return upstream.stream.pendingCount < Flow.highWater
    }

    // MARK: Response

    var wantsUpstreamInput: Bool {
        let pending = client.stream.pendingCount
        return events?.sendQueue.hasRoom(behind: pending) ?? (pending < Flow.highWater)
    }

    func clientDrained(in worker: Worker) {
        let pending = client.stream.pendingCount
        let hasRoom = events?.sendQueue.shrank(to: pending, now: worker.now)
        guard hasRoom ?? (pending <= Flow.lowWater) else { return }
        // While it was not read from, the upstream had no chance to be in time.
        watchServer(hasMoved: false, in: worker)
        upstream?.updateInterest(in: worker)
    }

    /// The response is whole: the connection rests if it may.
    func releaseUpstream(in worker: Worker) {
        guard let connection = upstream else { return }
        let isWatched: Bool
        switch use.rest {
        case .open: isWatched = false
        case .watched: isWatched = true
        case .refused(let obstacle):
            if obstacle == .surplus { connection.saidTooMuch(in: worker) }
            return closeUpstream(in: worker)
        }
        if !isShared { return closeUpstream(in: worker) }
        // A client that goes has no use for a connection of its own.
        if connection.owner != nil, client.isLastRequest { return closeUpstream(in: worker) }
        upstream = nil
        lease = nil
        connection.rest(isWatched: isWatched, of: plan.group, in: worker)
    }

    /// Ends the request's side towards the upstream.
    func closeUpstream(in worker: Worker) {
        if wait.isActive { endWait(\.ended, in: worker) }
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close(in: worker)
    }

    /// Gives the upstream connection to a relay, which takes the server's count as well.
    func handOverUpstream() -> UpstreamConnection? {
        defer { upstream = nil }
        return upstream
    }

    func handOverLease() -> ServerLease? { lease.take() }

    /// The end of the exchange, told once: the seat is given back and the line is written.
    ///
    /// - Parameter departure: nil for what the reason says.
    func conclude(
        _ reason: EndReason, _ departure: Departure? = nil, in worker: Worker
    ) {
        guard !hasEnded else { return }
        hasEnded = true
        context.release(departure ?? reason.departure, in: worker)
        worker.record(context, isUnattended && reason == .normal ? .clientGone : reason)
    }
}
