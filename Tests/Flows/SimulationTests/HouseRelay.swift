import Clock
import Endings
import Entry
import HTTP1
import Identity
import Relays
import Sessions
import Settings
import SocketIO
import Upstreams
import WebSocket

/// A WebSocket that lives: as `RelayDriver` does what its flow says.
final class HouseRelay {
    unowned let client: HouseClient
    private(set) var upstream: HouseOrigin?
    private var lease: ServerLease?
    let entrant: Entrant
    let served: ServedRoute
    private var flow: WebSocketFlow

    private var house: House { client.house }
    private var now: Instant { client.house.now }

    init(
        _ client: HouseClient, _ upstream: HouseOrigin, _ lease: consuming ServerLease?,
        _ entrant: Entrant, _ served: ServedRoute
    ) {
        self.client = client
        self.upstream = upstream
        self.lease = consume lease
        self.entrant = entrant
        self.served = served
        let route = served.settings
        flow = WebSocketFlow(
            route,
            WebSocketFlow.Terms(
                route, speaksControl: entrant.found.speaksControl, namespace: nil),
            passesCompressed: false,
            compression: MessageDirections.Terms(
                client: nil, upstream: nil, keepsWindow: false, over: 1024),
            engine: nil, lastHeard: client.lastHeard, now: client.house.now)
    }

    var route: RouteSettings { served.settings }
    var leasedServer: ServerState? { lease?.state }

    /// What came behind the upstream's 101, after what the app has to hear first.
    func begin(_ rest: [UInt8]) {
        if let message = entrant.opened?.message {
            var output: [UInt8] = []
            let message = FirstMessage(message, isText: true)
                .withoutTokens(at: served.stripping.messagePaths)
            OwnFrame.text(message).append(maskingKey: MaskingKey(bits: 77), to: &output)
            upstream?.wire.send(output)
        }
        if !rest.isEmpty { upstreamSent(rest) }
    }

    // MARK: Flow control

    private var upstreamPending: Int { upstream?.wire.pending.count ?? 0 }

    var wantsClientInput: Bool {
        flow.wantsClientInput(
            behind: client.wire.pending.count, upstreamPending: upstreamPending)
    }

    var wantsUpstreamInput: Bool {
        flow.wantsUpstreamInput(behind: client.wire.pending.count)
    }

    func clientDrained() { _ = flow.clientDrained(to: client.wire.pending.count, now: now) }

    func upstreamDrained() {
        guard upstream != nil, flow.upstreamDrained(to: upstreamPending, now: now) else { return }
        resumeFromClient()
    }

    private func resumeFromClient() {
        let held = flow.takeHeld(upstreamPending: upstreamPending)
        if !held.isEmpty { readFromClient(held) }
        if client.hasInputEnded { clientInputEnded() }
    }

    // MARK: Octets

    func clientSent(_ octets: [UInt8]) {
        flow.heard(at: now)
        readFromClient(octets)
    }

    private func readFromClient(_ octets: [UInt8]) {
        var index = 0
        if flow.readsMessages {
            var payload: [UInt8] = []
            while let step = flow.clientSent(
                octets.span, at: &index, into: &payload,
                allowance: TurnAllowance(light: true, heavy: true),
                upstreamPending: upstreamPending, now: now)
            {
                carryOut(step, octets, payload, toClient: false)
            }
        } else {
            while index < octets.count,
                let step = flow.clientSent(octets.span, at: &index, now: now)
            {
                switch step {
                case .forward(let range): upstream?.wire.send(Array(octets[range]))
                case .forwardHeader(let header): upstream?.wire.send(header.array)
                case .order(let order): carryOut(order)
                }
            }
        }
        carryOutOrders()
        if index < octets.count { client.heardWhileClosing(Array(octets[index...])) }
    }

    func upstreamSent(_ octets: [UInt8]) {
        guard upstream != nil else { return }
        var index = 0
        if flow.readsMessages {
            var payload: [UInt8] = []
            while let step = flow.upstreamSent(
                octets.span, at: &index, into: &payload, now: now)
            {
                carryOut(step, octets, payload, toClient: true)
            }
        } else {
            while index < octets.count,
                let step = flow.upstreamSent(octets.span, at: &index, now: now)
            {
                switch step {
                case .forward(let range): client.wire.send(Array(octets[range]))
                case .forwardHeader(let header): client.wire.send(header.array)
                case .order(let order): carryOut(order)
                }
            }
        }
        carryOutOrders()
        noteQueue()
    }

    private func carryOut(
        _ step: MessageStep, _ input: [UInt8], _ payload: [UInt8], toClient: Bool
    ) {
        switch step {
        case .message(let kind, let place, _):
            let message: [UInt8]
            switch place {
            case .payload: message = payload
            case .input(let range): message = Array(input[range])
            }
            send(
                NaiveFrames.frame(kind.opcode.rawValue, message, isMasked: !toClient),
                toClient: toClient)
        case .fragment(let kind, let isFirst, let isLast):
            send(
                NaiveFrames.frame(
                    isFirst ? kind.opcode.rawValue : 0, payload, isFinal: isLast,
                    isMasked: false), toClient: true)
        case .inflate: house.complain("a message of nobody's is compressed")
        case .order(let order): carryOut(order)
        }
    }

    private func send(_ octets: [UInt8], toClient: Bool) {
        if toClient { client.wire.send(octets) } else { upstream?.wire.send(octets) }
    }

    private func noteQueue() {
        let pending = client.wire.pending.count
        guard pending > 0, !flow.isOver else { return }
        flow.clientHasWaiting(pending, now: now)
        watchTimers()
    }

    // MARK: Events

    func clientInputEnded() { clientLost(isBroken: false) }

    func clientLost(isBroken: Bool = true) {
        flow.clientLost(isBroken: isBroken)
        settle()
    }

    func upstreamLost() {
        flow.upstreamLost(explanation: nil, now: now)
        settle()
    }

    func disconnect(_ ending: StreamEnding) {
        if flow.isOpen { entrant.slip.note(ending.reason, at: now) }
        flow.end(ending, now: now)
        settle()
    }

    func drain() { disconnect(StreamEnding(.draining)) }

    func giveUp(_ reason: EndReason) {
        flow.giveUp(reason, detail: nil)
        settle()
    }

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
        flow.probe(surroundings, now: now)
        settle()
    }

    private func settle() {
        carryOutOrders()
        watchTimers()
    }

    // MARK: Time

    private func watchTimers() {
        if !flow.isOver { client.timers[.flow] = flow.timers.next }
    }

    func timerFired() {
        while flow.timePassed(surroundings, now: now) { carryOutOrders() }
        rescheduleExpiry()
    }

    func rescheduleExpiry() {
        flow.tokenIsDue(at: entrant.live?.nextDue(house), now: now)
        settle()
    }

    private var surroundings: WebSocketFlow.Surroundings {
        let wire = client.wire
        return WebSocketFlow.Surroundings(
            backlog: ClientBacklog(
                pending: wire.pending.count, unsent: 0,
                acknowledgements: wire.acknowledgements, taken: wire.takenCount),
            upstreamPending: upstreamPending,
            pingName: UInt32(truncatingIfNeeded: house.newNumber()))
    }

    // MARK: Orders

    private func carryOutOrders() {
        guard let order = flow.takeOrder() else { return }
        carryOut(order)
    }

    private func carryOut(_ first: SocketOrder) {
        var next: SocketOrder? = first
        while let order = next {
            carryOutOne(order)
            next = flow.takeOrder()
        }
        watchTimers()
    }

    private func carryOutOne(_ order: SocketOrder) {
        switch order {
        case .toClient(let frame):
            var octets: [UInt8] = []
            frame.append(maskingKey: nil, to: &octets)
            client.wire.send(octets)
        case .toUpstream(let frame):
            var octets: [UInt8] = []
            frame.append(maskingKey: MaskingKey(bits: 99), to: &octets)
            upstream?.wire.send(octets)
        case .closeUpstream: closeUpstream()
        case .ignoreClient: client.http.makeLast(leavingRest: true)
        case .resumeLater: client.house.resumptions.append(client.number)
        case .refresh(let token):
            guard let place = entrant.place, entrant.live != nil else { return }
            client.refresh(
                TokenRenewal(
                    session: place.id, token: String(decoding: token.octets, as: UTF8.self),
                    asker: nil))
        case .refuse, .sendFirstMessage, .countSlowClient: break
        case .judgeToken:
            if let live = entrant.live, client.expire(live) { rescheduleExpiry() }
        case .clientIsThere: entrant.session?.answered(now: now)
        case .clientIsSilent: entrant.session?.answered(false, now: now)
        case .end(let end): self.end(end)
        }
    }

    func resume() { resumeFromClient() }

    private func end(_ end: SocketEnd) {
        closeUpstream()
        entrant.release(end.reason.departure, at: now)
        house.record(entrant, end.reason)
        switch end.client {
        case .close: client.close()
        case .finish: client.finish()
        case .finishSoon: client.finishSoon()
        case .awaitClose:
            client.begin(flow.closingSocket)
            let held = flow.takeHeld(upstreamPending: 0)
            if !held.isEmpty { client.heardWhileClosing(held) }
        }
    }

    private func closeUpstream() {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close()
    }
}
