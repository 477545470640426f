internal import Bytes
internal import Clock
internal import Endings
internal import EventStream
internal import Forwarding
internal import HTTP
internal import HTTP1
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
final class Exchange {
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
    private let requestFraming: BodyFraming
    var request: RequestState
    var response = ResponseState.awaiting
    /// How the body goes to the client.
    var clientFraming = BodyFraming.none
    /// Set while an event stream is passed on.
    var events: EventRelay?
    /// The upstream's connection may be used again after this response.
    var upstreamAllowsReuse = false
    private(set) var upstream: UpstreamConnection?
    private var lease: ServerLease?
    private var tried: [Int] = []
    private var isConnected = false
    /// Octets of the request's body that were forwarded; with none, another server may be tried.
    private var forwardedCount = 0
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
        let body = BodyDecoder(framing)
        request = body.isComplete ? .complete : .streaming(body)
    }

    // MARK: Connecting

    /// Chooses a server and sends the head, on a connection that rests or on a new one.
    func begin(in worker: Worker) {
        guard let chosen = plan.group.choose(now: worker.now, tried: tried) else {
            return fail(.unreachable, in: worker)
        }
        let index = chosen.index
        let server = plan.group.servers[index]
        lease = consume chosen
        context.server = server.address
        // What a PROXY header says holds for the whole connection, so it is one client's alone.
        let isShared = !context.isWebSocket && plan.group.settings.proxyHeader == nil
        if isShared, let resting = worker.pool.take(for: server.state) {
            upstream = resting
            resting.begin(self)
            return upstreamConnected(in: worker)
        }
        connect(to: server, at: index, in: worker)
    }

    private func connect(to server: BackendGroup.Server, at index: Int, in worker: Worker) {
        guard let address = SocketAddress(server.address) else {
            return fail(.unreachable, in: worker)
        }
        do throws(SystemError) {
            let (stream, isConnected) = try Stream.connect(to: address)
            let connection = try UpstreamConnection.open(
                stream, to: server.state, isConnected: isConnected, for: self, in: worker)
            upstream = connection
            if isConnected { return upstreamConnected(in: worker) }
            connection.setDeadline(
                worker.now + plan.group.settings.connectTimeout, in: worker)
        } catch {
            upstreamUnreachable(in: worker)
        }
    }

    func upstreamUnreachable(in worker: Worker) {
        upstream = nil
        guard let index = lease?.index else { return fail(.unreachable, in: worker) }
        plan.group.reportFailure(index, now: worker.now)
        worker.warn(
            worker.shared.serverLines,
            "upstream \(context.server?.text ?? "") cannot be reached")
        lease = nil
        tried.append(index)
        guard tried.count <= plan.group.settings.retries else {
            return fail(.unreachable, in: worker)
        }
        begin(in: worker)
    }

    func upstreamConnected(in worker: Worker) {
        guard let upstream else { return }
        if let index = lease?.index, !upstream.isReused { plan.group.reportSuccess(index) }
        isConnected = true
        worker.scratch.removeAll(keepingCapacity: true)
        if let version = plan.group.settings.proxyHeader {
            context.provenance.proxyHeader(client).append(version, to: &worker.scratch)
        }
        UpstreamRequest.append(
            head, plan: plan, context: context, framing: requestFraming, client: client,
            to: &worker.scratch)
        upstream.stream.send(worker.scratch.span)
        worker.scratch.removeAll(keepingCapacity: true)
        let settings = plan.group.settings
        upstream.setDeadline(
            worker.now
                + (context.isWebSocket
                    ? settings.webSocketHandshakeTimeout : settings.responseTimeout),
            in: worker)
        upstream.updateInterest(in: worker)
        client.resume(in: worker)
    }

    // MARK: Request body

    /// Octets that are kept here until they may go on.
    var heldCount: Int { events?.heldCount ?? 0 }

    /// The client has to send more of it.
    var isReadingBody: Bool { if case .streaming = request { true } else { false } }

    var wantsClientInput: Bool {
        guard isConnected, let upstream else { return false }
        return upstream.stream.pendingCount < Flow.highWater
    }

    /// Forwards what `octets` hold of the request's body, from `index` on. Leaves alone what is not
    /// for this exchange, or not for now.
    func clientSent(_ octets: Span<UInt8>, at index: inout Int, in worker: Worker) {
        if case .abandoned = request { return index = octets.count }
        guard wantsClientInput, let upstream, case .streaming(var body) = request else { return }
        awaitsContinue = false
        worker.scratch.removeAll(keepingCapacity: true)
        // What one client says is never left for another to be sent.
        defer { worker.scratch.removeAll(keepingCapacity: true) }
        do throws(BodyError) {
            while let event = try body.decode(octets, at: &index) {
                switch event {
                case .data(let range):
                    forward(octets.extracting(range), to: upstream, &worker.scratch)
                case .end(let trailers):
                    if requestFraming == .chunked {
                        HeadEncoder.appendLastChunk(
                            trailers: trailers.map(
                                UpstreamRequest.trailers(of: plan, context)),
                            to: &worker.scratch)
                    }
                }
            }
        } catch {
            return fail(.badRequest(error), in: worker)
        }
        request = body.isComplete ? .complete : .streaming(body)
        if let limit = plan.route.settings.bodySize, context.octetsIn > limit {
            return fail(.bodyTooBig, in: worker)
        }
        if !worker.scratch.isEmpty, !upstream.stream.send(worker.scratch.span) {
            return upstreamRefusesBody(in: worker)
        }
        // A stream of events may be silent for as long as it likes.
        if events == nil {
            upstream.setDeadline(worker.now + plan.group.settings.responseTimeout, in: worker)
        }
        upstream.updateInterest(in: worker)
    }

    private func forward(
        _ data: Span<UInt8>, to upstream: UpstreamConnection, _ scratch: inout [UInt8]
    ) {
        forwardedCount += data.count
        context.octetsIn += data.count
        if requestFraming == .chunked {
            HeadEncoder.appendChunkHeader(size: data.count, to: &scratch)
            scratch.append(copying: data)
            HeadEncoder.appendChunkEnd(to: &scratch)
        } else {
            // A failure shows again when the socket is looked at next.
            upstream.stream.send(data)
        }
    }

    func upstreamRefusesBody(in worker: Worker) {
        guard !hasEnded, case .streaming = request else { return }
        request = .abandoned
        client.makeLast()
        client.updateInterest(in: worker)
    }

    func upstreamDrained(in worker: Worker) {
        guard let upstream, upstream.stream.pendingCount <= Flow.lowWater else { return }
        client.resume(in: worker)
    }

    /// The client finished sending. With a whole request it may still want the response, unless
    /// that is an event stream, which only a living client reads.
    func clientInputEnded(in worker: Worker) {
        if case .streaming = request { return clientLost(in: worker) }
        // To close the connection is how the client of a stream says goodbye.
        if isStream { clientLost(.normal, in: worker) }
        client.makeLast()
    }

    /// It is an event stream or a WebSocket, or will be one as far as is known.
    private var isStream: Bool {
        if events != nil || context.isWebSocket { return true }
        if case .awaiting = response { return context.session != nil }
        return false
    }

    func clientLost(_ departure: Departure = .abnormal, in worker: Worker) {
        guard !hasEnded else { return }
        closeUpstream(in: worker)
        conclude(.clientGone, departure, in: worker)
        client.close(in: worker)
    }

    // MARK: Response

    var wantsUpstreamInput: Bool {
        let pending = client.stream.pendingCount
        return events?.sendQueue.hasRoom(behind: pending) ?? (pending < Flow.highWater)
    }

    func clientDrained(in worker: Worker) {
        let pending = client.stream.pendingCount
        guard events?.sendQueue.shrank(to: pending) ?? (pending <= Flow.lowWater) else { return }
        if events == nil, case .streaming = response {
            // While it was not read from, the upstream had no chance to be in time.
            upstream?.setDeadline(worker.now + plan.group.settings.responseTimeout, in: worker)
        }
        upstream?.updateInterest(in: worker)
    }

    /// Ends the request's side towards the upstream, and says whether the connection can rest.
    func releaseUpstream(reusable: Bool, in worker: Worker) {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        let settings = plan.group.settings
        let isShared = settings.proxyHeader == nil
        if reusable, isShared, case .complete = request, !connection.hasInputEnded {
            connection.rest(
                capacity: settings.keepAlive, timeout: settings.keepAliveTimeout, in: worker)
        } else {
            connection.close(in: worker)
        }
    }

    func closeUpstream(in worker: Worker) { releaseUpstream(reusable: false, in: worker) }

    /// Gives the upstream connection to a relay, which takes the server's count as well.
    func handOverUpstream() -> UpstreamConnection? {
        defer { upstream = nil }
        return upstream
    }

    func handOverLease() -> ServerLease? { lease.take() }

    /// True when the request can be sent once more: nobody saw a response, the connection had
    /// rested before, and none of the body is gone.
    var canRetry: Bool {
        guard let upstream, upstream.isReused, forwardedCount == 0 else { return false }
        return head.method.isIdempotent || requestFraming == .none
    }

    /// Sends the request once more, on another connection.
    func retry(in worker: Worker) {
        isConnected = false
        closeUpstream(in: worker)
        begin(in: worker)
    }

    /// The end of the exchange, told once: the seat is given back and the line is written.
    ///
    /// - Parameter departure: nil for what the reason says.
    func conclude(
        _ reason: EndReason, _ departure: Departure? = nil, in worker: Worker
    ) {
        guard !hasEnded else { return }
        hasEnded = true
        context.release(departure ?? reason.departure, in: worker)
        worker.record(context, reason)
    }
}
