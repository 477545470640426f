import Clock
import Endings
import Entry
import HTTP
import HTTP1
import Rates
import Relays
import Sessions
import Settings
import Upstreams

/// The gateway's end of a client's connection: as `HTTP1Client` joins the values, without a socket.
final class HouseClient {
    enum Timer: Int, CaseIterable { case phase, connect, sending, asking, taking, flow }

    enum Phase {
        case head
        case held(HouseRequest)
        case exchange(HouseExchange)
        case webSocket(HouseRelay)
        case closing(ClosingSocket)
        case lingering(LingeringClose)
        case closed
    }

    /// Octets that are read behind a request that waits.
    static let heldSize = 16 * 1024

    unowned let house: House
    let number: UInt64
    let wire: Wire
    private let lease: ConnectionLease
    private(set) var generation: Generation
    private(set) var phase = Phase.head
    private(set) var lastHeard: Instant
    var http = ServerConnection(limits: HeadLimits())
    var held: [UInt8] = []
    private var isConsuming = false
    private(set) var hasInputEnded = false
    var unreadEnd = UnreadEnd()
    var timers = WatchedTimers<Timer>()
    var pace = ClientPace()
    private var hasServed = false
    private(set) var lingeringSince = Instant.never

    init(_ house: House, _ wire: Wire, _ lease: ConnectionLease) {
        self.house = house
        self.wire = wire
        self.lease = lease
        number = house.newNumber()
        generation = house.generation
        lastHeard = house.now
        timers[.phase] = house.now + generation.limits.requestHeadTimeout
    }

    var isClosed: Bool { if case .closed = phase { true } else { false } }
    var exchange: HouseExchange? { if case .exchange(let it) = phase { it } else { nil } }
    var relay: HouseRelay? { if case .webSocket(let it) = phase { it } else { nil } }
    var request: HouseRequest? { if case .held(let it) = phase { it } else { nil } }

    var entrant: Entrant? { request?.entrant ?? liveEntrant }

    /// Of the live connection, if there is one.
    var liveEntrant: Entrant? { exchange?.entrant ?? relay?.entrant }

    // MARK: Readiness

    /// Does one thing that the network brings. False when it brings nothing that is wanted.
    func advance() -> Bool {
        if isClosed { return false }
        if wire.isBroken {
            lost()
            return true
        }
        if wire.takeDrained(), !isClosed {
            drained()
            watch()
            return true
        }
        if wantsInput, receive() {
            watch()
            return true
        }
        if wire.incomingEnd == .finished, !wire.isEndHeard, watchesForLeaving, !wantsInput {
            finishedUnread()
            watch()
            return true
        }
        watch()
        return false
    }

    private func receive() -> Bool {
        if !wire.incoming.isEmpty {
            let octets = wire.incoming
            wire.incoming = []
            heard(octets)
            return true
        }
        guard wire.incomingEnd == .finished, !wire.isEndHeard else { return false }
        wire.isEndHeard = true
        inputEnded()
        return true
    }

    private func heard(_ octets: [UInt8]) {
        if case .lingering(var close) = phase {
            close.heard(octets.count, at: house.now)
            return stay(close)
        }
        lastHeard = house.now
        switch phase {
        case .webSocket(let relay): relay.clientSent(octets)
        case .head, .held, .exchange: consume(octets)
        case .closing: heardWhileClosing(octets)
        case .lingering, .closed: break
        }
        noteHeadStage()
    }

    func heardWhileClosing(_ octets: [UInt8]) {
        guard case .closing(let socket) = phase, socket.clientSent(octets.span) else { return }
        finish()
    }

    /// A head has its own time, from its first octet on.
    private func noteHeadStage() {
        guard case .head = phase, !http.isIdle, !isPartial else { return }
        isPartial = true
        timers[.phase] = house.now + generation.limits.requestHeadTimeout
    }

    private var isPartial = false

    func enter(_ next: Phase) {
        timers.clearAll(but: .taking)
        unreadEnd.forgetRequest()
        phase = next
        isPartial = false
    }

    // MARK: Requests

    private func consume(_ octets: [UInt8]) {
        guard held.isEmpty else { return held += octets }
        isConsuming = true
        defer { isConsuming = false }
        var index = 0
        while index < octets.count {
            let before = index
            switch phase {
            case .head:
                guard wire.pending.count < Flow.highWater else { return hold(octets[index...]) }
                guard readHead(octets, at: &index) else { return }
            case .held(let request):
                request.clientSent(octets, at: &index)
                if index == before { return hold(octets[index...]) }
            case .exchange(let exchange):
                exchange.clientSent(octets, at: &index)
                if index == before { return hold(octets[index...]) }
            case .webSocket(let relay): return relay.clientSent(Array(octets[index...]))
            case .closing: return heardWhileClosing(Array(octets[index...]))
            case .lingering, .closed: return
            }
        }
    }

    private func hold(_ octets: ArraySlice<UInt8>) { held += octets }

    /// Goes on with what is held, when the request at hand is ready for more or over.
    func resume() {
        if isConsuming { return }
        if !held.isEmpty {
            let octets = held
            held = []
            consume(octets)
            noteHeadStage()
        }
        if hasInputEnded, held.isEmpty { heldIsOver() }
    }

    private func readHead(_ octets: [UInt8], at index: inout Int) -> Bool {
        if http.isIdle { follow() }
        do throws(RequestError) {
            guard case .head(let head, let framing) = try http.receive(octets.span, at: &index)
            else { return false }
            headEnded()
            begin(head, framing)
            return true
        } catch {
            guard http.owesAnswer else { return false }
            headEnded()
            give(.status(error.status))
            return false
        }
    }

    private func headEnded() {
        follow()
        if house.isDraining { http.makeLast() }
        timers.clear(.phase)
    }

    private func begin(_ head: RequestHead, _ framing: BodyFraming) {
        let stream = head.streamNumber ?? 0
        let entrant = Entrant(head, house.slip(of: stream), by: generation)
        if entrant.isWebSocket { http.makeLast(leavingRest: true) }
        HouseRequest(framing, entrant, self).goOn()
    }

    /// By the newest generation.
    func follow() { generation = house.generation }

    func hold(_ request: HouseRequest, until deadline: Instant) {
        enter(.held(request))
        timers[.phase] = deadline
    }

    func begin(_ exchange: HouseExchange) {
        enter(.exchange(exchange))
        pace.forgetSending()
    }

    func begin(_ relay: HouseRelay) {
        enter(.webSocket(relay))
        pace.forgetTaking()
        watchPace()
        relay.rescheduleExpiry()
    }

    func begin(_ socket: ClosingSocket) {
        enter(.closing(socket))
        if hasInputEnded { return finish() }
        timers[.phase] = house.now + ClosingSocket.timeout
    }

    /// The answer to the current request is sent, or waits to be.
    func answered() {
        if isClosed { return }
        hasServed = true
        if http.ending != nil { return settle() }
        follow()
        enter(.head)
        timers[.phase] = house.now + generation.limits.keepAliveTimeout
        resume()
    }

    // MARK: Answers of the gateway's own

    /// Writes an answer of the gateway's own, and then goes on, or ends.
    func give(_ answer: HouseAnswer) {
        var output: [UInt8] = []
        if answer.isLast { http.makeLast() }
        switch answer.form {
        case .response(let status, let type, let body):
            guard http.beginHead(status: status, to: &output) else {
                http.cut()
                return answered()
            }
            HeadEncoder.appendField(name: "X-From", value: "gateway", to: &output)
            HeadEncoder.appendField(name: "Content-Type", value: type, to: &output)
            http.endHead(length: body.count, to: &output)
            http.send(body.span, to: &output)
            http.end(to: &output)
            wire.send(output)
            answered()
        case .socket(let reader, let opens, let code, let word):
            if opens, !becomeTunnel(to: &output) { return close() }
            OwnFrame.close(code: code, word: word).append(maskingKey: nil, to: &output)
            wire.send(output)
            begin(ClosingSocket(reader: reader))
        }
    }

    /// Writes the head that makes the connection a WebSocket.
    func becomeTunnel(to output: inout [UInt8]) -> Bool {
        guard http.beginHead(status: 101, to: &output) else { return false }
        HeadEncoder.appendField(name: "Upgrade", value: "websocket", to: &output)
        return http.endHead(length: nil, to: &output)
    }

    // MARK: Ends

    private func inputEnded() {
        hasInputEnded = true
        switch phase {
        case .head: finish()
        case .held(let request): request.clientInputEnded()
        case .exchange(let exchange):
            exchange.clientInputEnded(hasAllCome: held.isEmpty)
            if held.isEmpty { try? http.inputEnded() }
        case .webSocket(let relay): relay.clientInputEnded()
        case .closing: finish()
        case .lingering: linger()
        case .closed: break
        }
    }

    /// The connection is broken.
    func lost() {
        switch phase {
        case .held(let request): request.clientLost()
        case .exchange(let exchange): exchange.clientLost()
        case .webSocket(let relay): relay.clientLost()
        case .head, .closing, .lingering, .closed: break
        }
        close()
    }

    func close(reset: Bool = false) {
        if isClosed { return }
        enter(.closed)
        http.cut()
        held = []
        timers.clearAll()
        wire.close(reset: reset)
        lease.end()
        house.forget(self)
    }

    func drain() {
        http.makeLast()
        switch phase {
        case .head where http.isIdle && hasServed: finish()
        case .head, .closing, .closed: break
        case .lingering(var close):
            close.hurry(at: house.now)
            stay(close)
        case .held(let request): request.drain()
        case .exchange(let exchange): exchange.drain()
        case .webSocket(let relay): relay.drain()
        }
    }

    /// The process ends.
    func lostWithAll() {
        if isClosed { return }
        wire.breakOff()
        lost()
    }

    func drainIsOver() {
        switch phase {
        case .held(let request): request.drainIsOver()
        case .exchange(let exchange): exchange.drainIsOver()
        case .webSocket(let relay): relay.giveUp(.draining)
        case .head, .closing: close()
        case .lingering where !wire.pending.isEmpty: close(reset: true)
        case .lingering, .closed: break
        }
    }
}

// MARK: - The end behind the last answer

extension HouseClient {
    func finish() {
        http.hangUp()
        settle()
    }

    func finishSoon() {
        http.hangUp()
        linger(.hurried)
    }

    func cut() {
        http.cut()
        settle()
    }

    /// The connection is over: it ends in the way that `ServerConnection` says.
    func settle() {
        switch http.ending {
        case .finished: linger(.init(leavesRest: false, isDraining: house.isDraining))
        case .leavingRest: linger(.init(leavesRest: true, isDraining: house.isDraining))
        case .cut(let needsReset): close(reset: needsReset)
        case nil: break
        }
    }

    private func linger(_ manner: LingeringClose.Manner) {
        if isClosed { return }
        let close = LingeringClose(
            manner, limit: generation.limits.lingering, at: house.now)
        enter(.lingering(close))
        lingeringSince = house.now
        held = []
        wire.finishSending()
        linger()
    }

    func linger() {
        guard case .lingering(var close) = phase else { return }
        let step = close.progressed(
            pending: wire.pending.count, hasInputEnded: hasInputEnded, at: house.now)
        go(on: close, step)
    }

    func stay(_ close: LingeringClose) {
        phase = .lingering(close)
        timers[.phase] = close.next
    }

    private func go(on close: LingeringClose, _ step: LingeringClose.Step) {
        switch step {
        case .stay: stay(close)
        case .close: self.close(reset: !wire.pending.isEmpty)
        }
    }

    func lingeringTimedOut(_ close: LingeringClose) {
        var close = close
        let step = close.judge(
            acknowledged: wire.takenCount, unsent: wire.pending.count, at: house.now)
        go(on: close, step)
    }
}
