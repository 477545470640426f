internal import Bookkeeping
internal import Clients
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Origins
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
    let client: ClientLink
    /// The client's side.
    let request: ClientStream
    let route: ServedRoute
    let context: RequestContext
    let windows: KeptWindows?
    private(set) var upstream: OriginLink?
    var lease: ServerLease?
    var flow: WebSocketFlow
    let input: SocketIntake

    init(
        client: ClientLink, upstream: OriginLink, lease: consuming ServerLease?,
        context: RequestContext, route: ServedRoute, compression: SocketCompression
    ) {
        self.client = client
        request = client.request
        self.upstream = upstream
        self.lease = consume lease
        self.context = context
        self.route = route
        windows = compression.windows
        let settings = route.settings.compression ?? RouteSettings.Compression()
        flow = WebSocketFlow(
            route.settings,
            WebSocketFlow.Terms(
                route.settings, speaksControl: context.found.speaksControl,
                namespace: context.namespace),
            passesCompressed: compression.isRelayed,
            compression: MessageDirections.Terms(
                client: compression.client, upstream: compression.upstream,
                keepsWindow: windows?.deflater != nil, over: settings.over),
            engine: context.opened?.engine, lastHeard: client.request.lastHeard,
            now: client.loop.now)
        input = flow.intake
    }

    var thread: ThreadState { client.thread }
    var loop: Loop { client.loop }

    // MARK: Flow control

    /// Octets that wait for the upstream.
    var upstreamPending: Int { upstream?.connection.stream.pendingCount ?? 0 }

    var wantsClientInput: Bool {
        input.wantsClientInput(behind: request.waiting, upstreamPending: upstreamPending)
    }

    var wantsUpstreamInput: Bool {
        input.wantsUpstreamInput(behind: request.waiting)
    }

    func clientDrained() {
        guard flow.clientDrained(to: request.waiting, now: loop.now) else { return }
        upstream?.updateInterest()
    }

    func upstreamDrained() {
        guard upstream != nil, flow.upstreamDrained(to: upstreamPending, now: loop.now) else {
            return
        }
        resumeFromClient()
        client.updateInterest()
    }

    /// Goes on with what was held.
    func resumeFromClient() {
        let held = flow.takeHeld(upstreamPending: upstreamPending)
        if !held.isEmpty { readFromClient(held.span) }
        if request.hasInputEnded { clientInputEnded() }
    }

    // MARK: Octets

    func clientSent(_ octets: Span<UInt8>) {
        context.traffic.octetsIn += octets.count
        flow.heard(at: loop.now)
        readFromClient(octets)
    }

    private func readFromClient(_ octets: Span<UInt8>) {
        var index = 0
        if input.readsMessages {
            readMessages(octets, at: &index)
        } else {
            while index < octets.count,
                let step = flow.clientSent(octets, at: &index, now: loop.now)
            {
                switch step {
                case .forward(let range): upstream?.connection.stream.send(octets.extracting(range))
                case .forwardHeader(let header): upstream?.connection.stream.send(header.array.span)
                case .order(let order): carryOut(order)
                }
            }
        }
        carryOutOrders()
        // It may be the client's close frame that comes behind the end.
        if index < octets.count {
            client.heardWhileClosing(octets.extracting(index..<octets.count))
        }
        if let upstream, upstream.connection.stream.pendingCount > 0 { upstream.updateInterest() }
    }

    func upstreamSent(_ octets: Span<UInt8>) {
        guard let upstream else { return }
        if input.readsMessages {
            deflateForClient(octets)
        } else {
            context.traffic.octetsOut += octets.count
            var index = 0
            while index < octets.count,
                let step = flow.upstreamSent(octets, at: &index, now: loop.now)
            {
                switch step {
                case .forward(let range): request.sendFrames(octets.extracting(range))
                case .forwardHeader(let header): request.sendFrames(header.array.span)
                case .order(let order): carryOut(order)
                }
            }
        }
        carryOutOrders()
        if request.waiting > 0 {
            noteQueue()
            client.updateInterest()
            upstream.updateInterest()
        } else if input.readsMessages {
            client.countMemory()
        }
    }

    private func noteQueue() {
        let pending = request.waiting
        guard pending > 0, !flow.isOver else { return }
        flow.clientHasWaiting(pending, now: loop.now)
        watchTimers()
    }

    // MARK: Ends of the connections

    func clientInputEnded() { clientLost(isBroken: false) }

    func clientLost(isBroken: Bool = true) {
        flow.clientLost(isBroken: isBroken)
        settle()
    }

    func upstreamLost() {
        flow.upstreamLost(explanation: explanation(.appGone), now: loop.now)
        settle()
    }

    // MARK: Orders from elsewhere

    func disconnect(_ end: Disconnection) {
        self.end(
            StreamEnding(
                end.cause.reason, detail: end.word, message: context.disconnection(end),
                comingBack: end.reconnect == .no ? .never : .unsaid,
                // Nobody is there to take the rest.
                awaitsBoundary: end.cause != .silent))
    }

    func end(_ ending: StreamEnding) {
        var ending = ending
        if !context.explains(ending.reason) { ending.message = nil }
        flow.end(ending, now: loop.now)
        settle()
    }

    /// For ends about which front ends are told only where they say that they read it.
    func explanation(_ refusal: Refusal) -> [UInt8]? {
        guard context.session == nil, !context.speaksSocketIO, context.explains(refusal.reason)
        else { return nil }
        return ControlReply.error(refusal, at: SystemClock.wallTime()).octets
    }

    /// Ends the socket at once.
    func giveUp(_ reason: EndReason, detail: String?) {
        flow.giveUp(reason, detail: detail)
        settle()
    }

    /// The client does not keep `response_rate`.
    func tookTooLittle() {
        guard flow.tookTooLittle() else { return client.lost() }
        settle()
    }

    func say(_ reply: ControlReply) {
        flow.say(reply.octets)
        carryOutOrders()
        noteQueue()
    }

    func probe() {
        flow.probe(surroundings(asksForBacklog: true), now: loop.now)
        settle()
    }

    /// The app has still to open its session of Engine.IO.
    func awaitSession(for patience: Duration) {
        flow.awaitSession(for: patience, now: loop.now)
        watchTimers()
    }

    /// Behind an event that may have set a timer, and nothing else.
    private func settle() {
        carryOutOrders()
        watchTimers()
    }

    // MARK: Time

    /// Asks to be woken for what is due next.
    func watchTimers() {
        if !flow.isOver { request.set(.flow, at: flow.timers.next) }
    }

    func timerFired() {
        while flow.timePassed(surroundings(asksForBacklog: flow.asksForBacklog), now: loop.now) {
            carryOutOrders()
        }
        // The clock on the wall may have been set.
        rescheduleExpiry()
    }

    func rescheduleExpiry() {
        flow.tokenIsDue(at: context.live?.nextDue(at: loop.now), now: loop.now)
        settle()
    }

    private func surroundings(asksForBacklog: Bool) -> WebSocketFlow.Surroundings {
        let stream = request
        var backlog = ClientBacklog(pending: stream.waiting)
        if asksForBacklog {
            backlog.unsent = stream.unsentCount
            backlog.acknowledgements = stream.acknowledgements
            backlog.taken = stream.takenCount
        }
        return WebSocketFlow.Surroundings(
            backlog: backlog, upstreamPending: upstreamPending,
            pingName: loop.newMaskingKey().bits)
    }
}

// MARK: Orders of the flow

extension RelayDriver {
    /// Does what the flow has ordered.
    func carryOutOrders() {
        guard let order = flow.takeOrder() else { return }
        carryOut(order)
    }

    /// Does what the flow has ordered, beginning with `first`. Frames for the client that stand
    /// together are sent together.
    func carryOut(_ first: SocketOrder) {
        var frames: [UInt8] = []
        var next: SocketOrder? = first
        while let order = next {
            if case .toClient(let frame) = order {
                frame.append(maskingKey: nil, to: &frames)
            } else {
                send(&frames)
                carryOutOther(order)
            }
            next = flow.takeOrder()
        }
        send(&frames)
        watchTimers()
    }

    private func send(_ frames: inout [UInt8]) {
        if frames.isEmpty { return }
        request.sendFrames(frames.span)
        frames = []
    }

    private func carryOutOther(_ order: SocketOrder) {
        switch order {
        case .toClient: break
        case .toUpstream(let frame):
            var octets: [UInt8] = []
            frame.append(maskingKey: loop.newMaskingKey(), to: &octets)
            upstream?.connection.stream.send(octets.span)
        case .closeUpstream: closeUpstream()
        case .ignoreClient: request.makeLast(leavingRest: true)
        case .resumeLater(let isLight): loop.allowance.resumeLater(client.token, isLight: isLight)
        case .refresh(let token): refresh(token)
        case .refuse(let error):
            say(.error(error.refusal, at: SystemClock.wallTime()))
        case .judgeToken: judgeToken()
        case .clientIsThere: context.session?.lease.answered(now: loop.now)
        case .clientIsSilent: context.session?.lease.answered(false, now: loop.now)
        case .sendFirstMessage(let handover):
            sendFirstMessage()
            warn(about: handover)
        case .countSlowClient: thread.shared.counters.note(slow: \.queues)
        case .end(let end): self.end(end)
        }
    }

    private func refresh(_ token: Secret) {
        guard let live = context.live else {
            return say(.error(.noToken, at: SystemClock.wallTime()))
        }
        client.refresh(RefreshRequest(session: live.id, token: token, begin: loop.now))
    }

    private func judgeToken() {
        while let matter = context.live?.takeDue(at: loop.now) {
            switch matter {
            case .overdue(let request, let refusal): request.overdue(refusal, on: client)
            case .leaving(let refusal):
                disconnect(Disconnection(.forbidden, detail: refusal.detail))
            case .notice(let seconds):
                say(.tokenExpiring(expiresInSeconds: seconds))
            case .expired where !context.enforcesTokens:
                context.noteReportOnly(.auth)
            case .expired:
                thread.shared.counters.note(\.expiries)
                disconnect(Disconnection(.tokenExpired))
            }
        }
        rescheduleExpiry()
    }

    private func warn(about handover: EngineSession.Handover) {
        guard let told = context.opened?.engine?.opening.times,
            let warning = handover.warning(about: route.name, told: told)
        else { return }
        thread.shared.log.warnOnce(warning)
    }

    private func end(_ end: SocketEnd) {
        closeUpstream()
        context.outcome.detail = end.detail
        (context.outcome.messagesIn, context.outcome.messagesOut) = flow.messageCounts
        context.release(end.reason.departure)
        context.record(end.reason)
        switch end.client {
        case .close: client.close()
        case .finish: client.finish()
        case .finishSoon: client.finishSoon()
        case .awaitClose:
            client.close(flow.closingSocket)
            let held = flow.takeHeld(upstreamPending: 0)
            if !held.isEmpty { client.heardWhileClosing(held.span) }
        }
    }

    private func closeUpstream() {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close()
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
