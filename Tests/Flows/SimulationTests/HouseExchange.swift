import Clock
import Endings
import Entry
import HTTP
import HTTP1
import Relays
import Routing
import Sessions
import Settings
import Upstreams
import WebSocket

/// Where a request goes that was let in.
final class HousePlan {
    var group: BackendGroup
    let route: ServedRoute
    let target: NormalisedTarget
    let latecomer: HouseRequest?
    let wish: ServerWish

    init(_ order: ForwardOrder, _ group: BackendGroup, latecomer: HouseRequest?) {
        self.group = group
        route = order.route
        target = order.target
        wish = order.wish
        self.latecomer = latecomer
    }
}

/// One request and its response: as `Exchange` joins the values between the two connections.
final class HouseExchange {
    enum ResponseState { case awaiting, streaming, complete }

    let client: HouseClient
    let plan: HousePlan
    let entrant: Entrant
    let framing: BodyFraming
    private let head: RequestHead
    var buffer: BodyBuffer?
    var response = ResponseState.awaiting
    var events: EventFlow?
    var isOpenEnded = false
    private(set) var isUnattended = false
    var upstream: HouseOrigin?
    var attempt: Attempt
    var patience: ServerPatience
    var lease: ServerLease?
    var wait = ServerWait()
    var hasEnded = false

    var house: House { client.house }
    var now: Instant { client.house.now }

    init(_ plan: HousePlan, _ entrant: Entrant, _ framing: BodyFraming, _ client: HouseClient) {
        self.plan = plan
        self.entrant = entrant
        self.framing = framing
        self.client = client
        head = entrant.head
        attempt = Attempt(isWebSocket: entrant.isWebSocket)
        patience = plan.group.patience(isWebSocket: entrant.isWebSocket)
    }

    var leasedServer: ServerState? { lease?.state }
    var isEventStream: Bool { if events == nil { false } else { true } }

    func begin() {
        if let size = plan.route.settings.bodyBufferSize, client.http.lacksBody {
            buffer = BodyBuffer(capacity: size)
            entrant.hasContinued = head.expectsContinue
            var output: [UInt8] = []
            if client.http.appendContinue(to: &output) { client.wire.send(output) }
            return
        }
        chooseServer()
    }

    // MARK: Flow

    var isReadingBody: Bool { !wait.isActive && client.http.lacksBody }

    var wantsClientInput: Bool {
        if buffer?.isFilling == true { return true }
        guard let upstream, upstream.isConnected else { return false }
        return upstream.wire.pending.count < Flow.highWater
    }

    var wantsUpstreamInput: Bool {
        let pending = client.wire.pending.count
        guard isOpenEnded else { return pending < Flow.highWater }
        return events?.hasRoom(behind: pending) ?? (pending < Flow.highWater)
    }

    func clientDrained() {
        let pending = client.wire.pending.count
        let hasRoom = events?.queueShrank(to: pending, now: now)
        guard hasRoom ?? (pending <= Flow.lowWater) else { return }
        watchServer(hasMoved: false)
    }

    func upstreamDrained() {
        watchServer(hasMoved: true)
        guard let upstream, upstream.wire.pending.count <= Flow.lowWater else { return }
        client.resume()
    }

    var mayAsk: Bool { !plan.route.settings.finishesWithoutClient }

    // MARK: The request's body

    func clientSent(_ octets: [UInt8], at index: inout Int) {
        if buffer?.isFilling == true { return fillBuffer(octets, at: &index) }
        guard client.http.lacksBody else {
            if !client.http.isTunnel { _ = try? client.http.receive(octets.span, at: &index) }
            return
        }
        guard wantsClientInput, let upstream else { return }
        var output: [UInt8] = []
        var isTaken = true
        do throws(RequestError) {
            while let event = try client.http.receive(octets.span, at: &index) {
                switch event {
                case .data(let range):
                    isTaken = upstream.put(Array(octets[range]), to: &output) && isTaken
                case .end: isTaken = upstream.putEnd(to: &output) && isTaken
                case .head, .octets: break
                }
            }
        } catch {
            return fail(Refusal(.protocolError, status: error.status, message: error.message))
        }
        guard upstream.finishSending(output, isTaken: isTaken) else {
            return upstreamRefusesBody()
        }
        watchServer(hasMoved: false)
    }

    private func fillBuffer(_ octets: [UInt8], at index: inout Int) {
        guard var kept = buffer else { return }
        do throws(RequestError) {
            while kept.isFilling, index < octets.count {
                let end = min(octets.count, index + kept.room)
                let part = Array(octets[..<end])
                while let event = try client.http.receive(part.span, at: &index) {
                    switch event {
                    case .data(let range): kept.keep(part.span.extracting(range))
                    case .end(let trailers): kept.ended(trailers: trailers)
                    case .head, .octets: break
                    }
                }
                kept.settle()
            }
        } catch {
            return fail(Refusal(.protocolError, status: error.status, message: error.message))
        }
        buffer = kept
        if !kept.isFilling { chooseServer() }
    }

    private func upstreamRefusesBody() {
        guard !hasEnded, client.http.lacksBody else { return }
        client.http.discardBody()
        upstream?.http.abandonRequest()
        watchServer(hasMoved: false)
    }

    var outline: RequestOutline {
        let framing = buffer?.framing(of: framing) ?? framing
        let body: BodyLength =
            switch framing {
            case .none: .none
            case .length(let length): .known(length)
            case .chunked, .untilClose: .unknown
            }
        let expects = !framing.isEmpty && !entrant.hasContinued && head.expectsContinue
        return RequestOutline(
            head.method, body: body, upgrade: entrant.isWebSocket ? "websocket" : nil,
            expectsContinue: expects)
    }

    // MARK: Leaving

    func clientInputEnded(hasAllCome: Bool) {
        guard !hasEnded else { return }
        if wait.isActive { return leave(.normal, isBroken: false) }
        let isAnswered = response != .awaiting
        let standing = InputEnd.Standing(
            client.missingBody(hasAllCome: hasAllCome), isClosed: events?.isClosed,
            isAnswered: isAnswered)
        let end = InputEnd(
            entrant.found.kind, standing, isTLS: false,
            finishesWithoutClient: plan.route.settings.finishesWithoutClient)
        switch end {
        case .leaves: leave(.normal, isBroken: false)
        case .isAsked: ask()
        case .goesOn: break
        }
    }

    func clientLost() {
        guard !hasEnded else { return }
        let loss = ClientLoss(
            finishesWithoutClient: plan.route.settings.finishesWithoutClient,
            isStream: isEventStream || entrant.isWebSocket, hasServer: upstream != nil,
            isWhole: !client.http.lacksBody, hasFinished: client.hasFinished)
        switch loss {
        case .goesOn:
            isUnattended = true
            entrant.release(.normal, at: now)
            client.close()
        case .ends(let departure): leave(departure)
        }
    }

    func leave(_ departure: Departure, isBroken: Bool = true) {
        closeUpstream()
        conclude(.clientGone, departure)
        if isBroken { client.close() } else { client.finish() }
    }

    // MARK: Ends

    func conclude(_ reason: EndReason, _ departure: Departure = .normal) {
        guard !hasEnded else { return }
        hasEnded = true
        let reason = events?.pendingEnd?.reason ?? reason
        entrant.release(departure, at: now)
        house.record(entrant, isUnattended && reason == .normal ? .clientGone : reason)
    }

    func fail(_ failure: UpstreamFailure) {
        fail(failure.refusal, departure: failure.blame == .server ? .unserved : .normal)
    }

    func fail(_ refusal: Refusal, departure: Departure = .normal) {
        guard !hasEnded, !endsByRule() else { return }
        closeUpstream()
        if case .awaiting = response {
            hasEnded = true
            entrant.release(departure, at: now)
            return client.refuse(refusal, entrant)
        }
        conclude(refusal.reason)
        client.cut()
    }

    func giveUp(_ reason: EndReason) {
        guard !hasEnded else { return }
        closeUpstream()
        conclude(reason)
        client.close(reset: true)
    }

    func bodyTooSlow() {
        guard !hasEnded, client.http.lacksBody else { return }
        closeUpstream()
        hasEnded = true
        entrant.release(.normal, at: now)
        let refusal = Refusal(.timeout, detail: "body", message: "The body is too slow")
        if client.http.giveUpRequest() { return client.refuse(refusal, entrant) }
        house.record(entrant, .timeout)
        client.cut()
    }

    func drain() {
        client.http.makeLast()
        if events == nil {
            if wait.isActive { fail(.draining) }
            return
        }
        end(StreamEnding(.draining, comingBack: .after(milliseconds: 1000)))
    }

    func drainIsOver() { fail(.draining) }

    func releaseUpstream() {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.rest(of: plan.group, clientStays: !client.http.isLast)
    }

    func closeUpstream() {
        if wait.isActive { endWait() }
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close()
    }
}
