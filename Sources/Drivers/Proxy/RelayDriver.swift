internal import Bytes
internal import Clock
internal import Endings
internal import Entry
internal import Identity
internal import Relays
internal import Sessions
internal import Settings
internal import SocketIO
internal import Transport
internal import Upstreams
internal import WebSocket

/// A WebSocket that lives: the connections of its client and its upstream, and the `WebSocketFlow`
/// that says what becomes of what comes. It does what the flow answers, and decides nothing.
final class RelayDriver {
    let client: HTTP1Client
    let route: Generation.Route
    let context: RequestContext
    let windows: KeptWindows?
    private(set) var upstream: OriginConnection?
    private var lease: ServerLease?
    var flow: WebSocketFlow

    init(
        client: HTTP1Client, upstream: OriginConnection, lease: consuming ServerLease?,
        context: RequestContext, route: Generation.Route, compression: SocketCompression,
        now: Instant
    ) {
        self.client = client
        self.upstream = upstream
        self.lease = consume lease
        self.context = context
        self.route = route
        windows = compression.windows
        let settings = route.settings.compression ?? RouteSettings.Compression()
        flow = WebSocketFlow(
            route.settings,
            WebSocketFlow.Terms(
                route.settings, speaksControl: context.speaksControl,
                namespace: context.namespace),
            passesCompressed: compression.isRelayed,
            compression: MessageDirections.Terms(
                client: compression.client, upstream: compression.upstream,
                keepsWindow: windows?.deflater != nil, over: settings.over),
            engine: context.opened?.engine, lastHeard: client.lastHeard, now: now)
    }

    // MARK: Flow control

    /// Octets that wait for the upstream.
    var upstreamPending: Int { upstream?.stream.pendingCount ?? 0 }

    var wantsClientInput: Bool {
        flow.wantsClientInput(
            behind: client.stream.pendingCount, upstreamPending: upstreamPending)
    }

    var wantsUpstreamInput: Bool {
        flow.wantsUpstreamInput(behind: client.stream.pendingCount)
    }

    func clientDrained(in worker: Worker) {
        guard flow.clientDrained(to: client.stream.pendingCount, now: worker.now) else { return }
        upstream?.updateInterest(in: worker)
    }

    func upstreamDrained(in worker: Worker) {
        guard upstream != nil, flow.upstreamDrained(to: upstreamPending, now: worker.now) else {
            return
        }
        resumeFromClient(in: worker)
        client.updateInterest(in: worker)
    }

    /// Goes on with what was held.
    func resumeFromClient(in worker: Worker) {
        let held = flow.takeHeld(upstreamPending: upstreamPending)
        if !held.isEmpty { readFromClient(held.span, in: worker) }
    }

    // MARK: Octets

    func clientSent(_ octets: Span<UInt8>, in worker: Worker) {
        context.octetsIn += octets.count
        flow.heard(at: worker.now)
        readFromClient(octets, in: worker)
    }

    private func readFromClient(_ octets: Span<UInt8>, in worker: Worker) {
        var index = 0
        if flow.readsMessages {
            readMessages(octets, at: &index, in: worker)
        } else {
            while index < octets.count,
                let step = flow.clientSent(octets, at: &index, now: worker.now)
            {
                switch step {
                case .forward(let range): upstream?.stream.send(octets.extracting(range))
                case .forwardHeader(let header): upstream?.stream.send(header.array.span)
                case .order(let order): carryOut(order, in: worker)
                }
            }
        }
        carryOutOrders(in: worker)
        // It may be the client's close frame that comes behind the end.
        if index < octets.count {
            client.heardWhileClosing(octets.extracting(index..<octets.count), in: worker)
        }
        if let upstream, upstream.stream.pendingCount > 0 { upstream.updateInterest(in: worker) }
    }

    func upstreamSent(_ octets: Span<UInt8>, in worker: Worker) {
        guard let upstream else { return }
        if flow.readsMessages {
            deflateForClient(octets, in: worker)
        } else {
            context.octetsOut += octets.count
            var index = 0
            while index < octets.count,
                let step = flow.upstreamSent(octets, at: &index, now: worker.now)
            {
                switch step {
                case .forward(let range): client.stream.send(octets.extracting(range))
                case .forwardHeader(let header): client.stream.send(header.array.span)
                case .order(let order): carryOut(order, in: worker)
                }
            }
        }
        carryOutOrders(in: worker)
        if client.stream.pendingCount > 0 {
            noteQueue(in: worker)
            client.updateInterest(in: worker)
            upstream.updateInterest(in: worker)
        } else if flow.readsMessages {
            client.countMemory(in: worker)
        }
    }

    private func noteQueue(in worker: Worker) {
        let pending = client.stream.pendingCount
        guard pending > 0, !flow.isOver else { return }
        flow.clientHasWaiting(pending, now: worker.now)
        watchTimers(in: worker)
    }

    // MARK: Ends of the connections

    func clientInputEnded(in worker: Worker) { clientLost(in: worker) }

    func clientLost(in worker: Worker) {
        flow.clientLost()
        settle(in: worker)
    }

    func upstreamInputEnded(in worker: Worker) { upstreamLost(in: worker) }

    func upstreamLost(in worker: Worker) {
        flow.upstreamLost(explanation: explanation(.appGone), now: worker.now)
        settle(in: worker)
    }

    // MARK: Orders from elsewhere

    func disconnect(_ end: Disconnection, in worker: Worker) {
        self.end(
            StreamEnding(
                end.cause.reason, detail: end.word, message: context.disconnection(end),
                comingBack: end.reconnect == .no ? .never : .unsaid,
                // Nobody is there to take the rest.
                awaitsBoundary: end.cause != .silent),
            in: worker)
    }

    /// The process stops.
    func drain(in worker: Worker) {
        end(
            StreamEnding(.draining, message: context.drainMessage ?? explanation(.draining)),
            in: worker)
    }

    private func end(_ ending: StreamEnding, in worker: Worker) {
        var ending = ending
        if !context.explains(ending.reason) { ending.message = nil }
        flow.end(ending, now: worker.now)
        settle(in: worker)
    }

    /// For ends about which front ends are told only where they say that they read it.
    private func explanation(_ refusal: Refusal) -> [UInt8]? {
        guard context.session == nil, !context.speaksSocketIO, context.explains(refusal.reason)
        else { return nil }
        return ControlReply.error(refusal, at: SystemClock.wallTime()).octets
    }

    /// Ends the socket at once.
    func giveUp(_ reason: EndReason, detail: String?, in worker: Worker) {
        flow.giveUp(reason, detail: detail)
        settle(in: worker)
    }

    /// The client does not keep `response_rate`.
    func tookTooLittle(in worker: Worker) {
        guard flow.tookTooLittle() else { return client.lost(in: worker) }
        settle(in: worker)
    }

    func say(_ reply: ControlReply, in worker: Worker) {
        flow.say(reply.octets)
        carryOutOrders(in: worker)
        noteQueue(in: worker)
    }

    func probe(in worker: Worker) {
        flow.probe(surroundings(asksForBacklog: true, in: worker), now: worker.now)
        settle(in: worker)
    }

    /// The app has still to open its session of Engine.IO.
    func awaitSession(for patience: Duration, in worker: Worker) {
        flow.awaitSession(for: patience, now: worker.now)
        watchTimers(in: worker)
    }

    /// Behind an event that may have set a timer, and nothing else.
    private func settle(in worker: Worker) {
        carryOutOrders(in: worker)
        watchTimers(in: worker)
    }

    // MARK: Time

    /// Asks to be woken for what is due next.
    func watchTimers(in worker: Worker) {
        if !flow.isOver { client.set(.flow, at: flow.timers.next, in: worker) }
    }

    func timerFired(in worker: Worker) {
        while flow.timePassed(
            surroundings(asksForBacklog: flow.asksForBacklog, in: worker), now: worker.now)
        {
            carryOutOrders(in: worker)
        }
        // The clock on the wall may have been set.
        rescheduleExpiry(in: worker)
    }

    func rescheduleExpiry(in worker: Worker) {
        flow.tokenIsDue(at: context.live?.nextDue(in: worker))
        watchTimers(in: worker)
    }

    private func surroundings(
        asksForBacklog: Bool, in worker: Worker
    ) -> WebSocketFlow.Surroundings {
        let stream = client.stream
        var backlog = ClientBacklog(pending: stream.pendingCount)
        if asksForBacklog {
            backlog.unsent = stream.unsentCount
            backlog.acknowledgements = stream.acknowledgements
            backlog.taken = stream.takenCount
        }
        return WebSocketFlow.Surroundings(
            backlog: backlog, upstreamPending: upstreamPending,
            pingName: worker.newMaskingKey().bits)
    }

    // MARK: What is known

    var messageCounts: (fromClient: Int, fromUpstream: Int) { flow.messageCounts }

    var heldCount: Int { flow.heldCount }
}

// MARK: Orders of the flow

extension RelayDriver {
    /// Does what the flow has ordered.
    func carryOutOrders(in worker: Worker) {
        guard let order = flow.takeOrder() else { return }
        carryOut(order, in: worker)
    }

    /// Does what the flow has ordered, beginning with `first`. Frames for the client that stand
    /// together are sent together.
    func carryOut(_ first: SocketOrder, in worker: Worker) {
        var frames: [UInt8] = []
        var next: SocketOrder? = first
        while let order = next {
            if case .toClient(let frame) = order {
                frame.append(maskingKey: nil, to: &frames)
            } else {
                send(&frames)
                carryOutOther(order, in: worker)
            }
            next = flow.takeOrder()
        }
        send(&frames)
        watchTimers(in: worker)
    }

    private func send(_ frames: inout [UInt8]) {
        if frames.isEmpty { return }
        client.stream.send(frames.span)
        frames = []
    }

    private func carryOutOther(_ order: SocketOrder, in worker: Worker) {
        switch order {
        case .toClient: break
        case .toUpstream(let frame):
            var octets: [UInt8] = []
            frame.append(maskingKey: worker.newMaskingKey(), to: &octets)
            upstream?.stream.send(octets.span)
        case .closeUpstream: closeUpstream(in: worker)
        case .ignoreClient: client.request.makeLast(leavingRest: true)
        case .resumeLater(let isLight): worker.resumeLater(client, isLight: isLight)
        case .refresh(let token): refresh(token, in: worker)
        case .refuse(let error):
            say(.error(error.refusal, at: SystemClock.wallTime()), in: worker)
        case .judgeToken: judgeToken(in: worker)
        case .clientIsThere: context.session?.lease.answered(now: worker.now)
        case .clientIsSilent: context.session?.lease.answered(false, now: worker.now)
        case .sendFirstMessage(let handover):
            sendFirstMessage(in: worker)
            warn(about: handover, in: worker)
        case .countSlowClient: worker.shared.counters.note(slow: \.queues)
        case .end(let end): self.end(end, in: worker)
        }
    }

    private func refresh(_ token: Secret, in worker: Worker) {
        guard let live = context.live else {
            return say(.error(.noToken, at: SystemClock.wallTime()), in: worker)
        }
        client.refresh(
            RefreshRequest(session: live.id, token: token, begin: worker.now), in: worker)
    }

    private func judgeToken(in worker: Worker) {
        while let matter = context.live?.takeDue(at: worker.now) {
            switch matter {
            case .overdue(let request, let refusal): client.refuse(request, refusal, in: worker)
            case .leaving(let refusal):
                disconnect(Disconnection(.forbidden, detail: refusal.detail), in: worker)
            case .notice(let seconds):
                say(.tokenExpiring(expiresInSeconds: seconds), in: worker)
            case .expired where !context.enforcesTokens:
                worker.noteReportOnly(.auth, of: context)
            case .expired:
                worker.shared.counters.note(\.expiries)
                disconnect(Disconnection(.tokenExpired), in: worker)
            }
        }
        rescheduleExpiry(in: worker)
    }

    private func warn(about handover: EngineSession.Handover, in worker: Worker) {
        guard let told = context.opened?.engine?.opening.times,
            let warning = handover.warning(about: route.name, told: told)
        else { return }
        worker.shared.log.warnOnce(warning)
    }

    private func end(_ end: SocketEnd, in worker: Worker) {
        closeUpstream(in: worker)
        context.detail = end.detail
        (context.messagesIn, context.messagesOut) = flow.messageCounts
        context.release(end.reason.departure, in: worker)
        worker.record(context, end.reason)
        switch end.client {
        case .close: client.close(in: worker)
        case .finish: client.finish(in: worker)
        case .finishSoon: client.finishSoon(in: worker)
        case .awaitClose:
            client.begin(flow.closingSocket, in: worker)
            let held = flow.takeHeld(upstreamPending: 0)
            if !held.isEmpty { client.heardWhileClosing(held.span, in: worker) }
        }
    }

    private func closeUpstream(in worker: Worker) {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close(in: worker)
    }
}

extension Refusal {
    /// The application went away without a close frame.
    fileprivate static let appGone = Refusal(
        .upstreamClosed, message: "The application closed the connection")

    /// Who was let in without a token has none that a new one could replace, and where none is
    /// asked for any more none is needed.
    static let noToken = Refusal(
        .policy, status: 404, detail: "session", message: "There is no token to be renewed")
}

extension RequestContext {
    /// Where packets of Socket.IO go; nil where it is not spoken.
    var namespace: String? {
        guard speaksSocketIO else { return nil }
        return opened?.engine?.namespace ?? ConnectPacket.mainNamespace
    }
}

extension OpenPacket {
    init(_ settings: RouteSettings.SocketIO, session: String) {
        self.init(
            session: session,
            times: EngineTimes(
                pingInterval: settings.pingInterval, pingTimeout: settings.pingTimeout))
    }
}

extension EngineSession.Handover {
    /// Clients will take connections for dead that are not; nil when they will not.
    ///
    /// - Parameter told: what they were told.
    fileprivate func warning(about route: String, told: EngineTimes) -> String? {
        if !isTooSlow { return nil }
        let app = times.pingInterval.wholeMilliseconds
        let (interval, timeout) = (
            told.pingInterval.wholeMilliseconds, told.pingTimeout.wholeMilliseconds
        )
        return
            "the app of \(route) pings every \(app) ms, but clients were told to expect a ping"
            + " every \(interval) ms and to give up \(timeout) ms later: say the app's pingInterval"
            + " and pingTimeout in 'socketio { ping_interval …; ping_timeout … }'"
    }
}
