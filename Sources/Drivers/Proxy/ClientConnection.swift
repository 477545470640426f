internal import Bytes
internal import Clock
internal import Endings
internal import HTTP
internal import HTTP1
internal import Sessions
internal import Settings
internal import TLS
internal import Transport

/// A connection that a client opened, from accept to close. Lives on one worker; every event is
/// handed in with that worker.
///
///     head --whole head, admitted--> exchange --answered, keep-alive--> head
///     head --keys or a body are missing--> held --they came--> exchange, or answered
///     exchange --101--> webSocket          head --refused WebSocket--> closing
///     webSocket --ended by rule--> closing
///     any --last answer sent--> lingering --client is silent or gone--> closed
final class ClientConnection {
    enum Phase {
        case head(HeadStage)
        /// A request that cannot be answered yet.
        case held(HeldRequest)
        /// A request is being answered by an upstream.
        case exchange(Exchange)
        case webSocket(WebSocketRelay)
        /// A WebSocket that was told that it ends, and waits for the client's close.
        case closing(ClosingSocket)
        /// Everything is sent; what still comes is discarded, so that the answer is not lost to a
        /// reset (RFC 9112 §9.6).
        case lingering(Linger)
        case closed
    }

    struct Linger {
        /// What the client's system had taken when that was last looked at.
        var acknowledgedCount: Int64 = 0
        /// Whatever it takes.
        let end: Instant
    }

    /// Where a connection without a request stands; each has its own deadline.
    enum HeadStage {
        case handshake
        /// Not an octet of the next request has come.
        case idle
        case partial
    }

    /// Octets that are read behind a request that waits.
    private static let heldSize = 16 * 1024
    private static let lingerTimeout: Duration = .seconds(2)
    private static let requestBodyTimeout: Duration = .seconds(60)

    let token: UInt64
    let stream: Stream
    let address: SocketAddress
    /// The address without its port; every request needs it.
    let addressText: String
    private(set) var doorway: Doorway
    private(set) var phase: Phase
    /// When octets last came.
    private(set) var lastHeard: Instant
    private var decoder: RequestHeadDecoder
    /// Received, and not to be used before the exchange at hand goes on or is over.
    private var held: [UInt8] = []
    private var interest: Readiness = .readable
    private var isConsuming = false
    private(set) var hasInputEnded = false
    private var deadline = Deadline()
    /// Whether it lives was asked, and not answered yet.
    var isProbed = false
    /// A request was answered on it.
    private var hasServed = false
    /// The next answer is the last.
    private(set) var isLastRequest = false
    /// No more patience when lingering.
    private var isHurried = false

    init(
        token: UInt64, stream: Stream, address: SocketAddress, doorway: Doorway, now: Instant
    ) {
        self.token = token
        self.stream = stream
        self.address = address
        addressText = address.host
        self.doorway = doorway
        decoder = RequestHeadDecoder(limits: doorway.generation.headLimits)
        lastHeard = now
        phase = .head(doorway.isTLS ? .handshake : .idle)
    }

    var generation: Generation { doorway.generation }
    var isTLS: Bool { doorway.isTLS }

    func opened(in worker: Worker) {
        let limits = generation.settings.limits
        setDeadline(
            worker.now + (isTLS ? limits.tlsHandshakeTimeout : limits.requestHeadTimeout),
            in: worker)
    }

    // MARK: Readiness

    func becameReady(_ readiness: Readiness, in worker: Worker) {
        if readiness.isWritable {
            guard stream.flush() else { return lost(in: worker) }
            drained(in: worker)
        }
        if readiness.isReadable || readiness.isBroken {
            if interest.isReadable {
                receive(in: worker)
            } else if readiness.isBroken {
                return lost(in: worker)
            }
        }
        updateInterest(in: worker)
    }

    private func receive(in worker: Worker) {
        switch stream.receive(into: worker.buffer) {
        case .octets(let count):
            if count > 0 { heard(in: worker) }
            noteHeadStage(in: worker)
        case .end(let count):
            if count > 0 { heard(in: worker) }
            inputEnded(in: worker)
        case .failed(.tls(.plainHTTP)):
            Answer.plainHTTPOnTLS(to: self, in: worker)
        case .failed(.tls):
            // The alert that says why is sent; the client shall read it.
            if case .head = phase { finish(in: worker) } else { lost(in: worker) }
        case .failed(.connection):
            lost(in: worker)
        }
    }

    private func heard(in worker: Worker) {
        lastHeard = worker.now
        if isProbed { answerProbe(in: worker) }
        let buffer = worker.buffer
        switch phase {
        case .webSocket(let relay): relay.clientSent(buffer.octets, in: worker)
        case .head, .held, .exchange: consume(buffer.octets, in: worker)
        case .closing: heardWhileClosing(buffer.octets, in: worker)
        case .lingering, .closed: break
        }
    }

    /// What came after a WebSocket was told that it ends, or behind the message that ended it.
    func heardWhileClosing(_ octets: Span<UInt8>, in worker: Worker) {
        guard case .closing(let socket) = phase, socket.clientSent(octets) else { return }
        finish(in: worker)
    }

    private func noteHeadStage(in worker: Worker) {
        guard case .head(let stage) = phase else { return }
        let limits = generation.settings.limits
        switch stage {
        case .handshake:
            guard stream.isEstablished else { return }
            phase = .head(decoder.isIdle ? .idle : .partial)
            setDeadline(worker.now + limits.requestHeadTimeout, in: worker)
        case .idle:
            if decoder.isIdle { return }
            phase = .head(.partial)
            setDeadline(worker.now + limits.requestHeadTimeout, in: worker)
        case .partial: break
        }
    }

    // MARK: Requests

    /// Uses received octets: heads begin exchanges, bodies go to the exchange at hand. What cannot
    /// be used now is held, and nothing more is read until it could be.
    private func consume(_ octets: Span<UInt8>, in worker: Worker) {
        isConsuming = true
        defer { isConsuming = false }
        var index = 0
        while index < octets.count {
            switch phase {
            case .head:
                guard stream.pendingCount < Flow.highWater else { return hold(octets, from: index) }
                guard readHead(octets, at: &index, in: worker) else { return }
            case .held(let request):
                let before = index
                request.clientSent(octets, at: &index, from: self, in: worker)
                if index == before { return hold(octets, from: index) }
            case .exchange(let exchange):
                let before = index
                exchange.clientSent(octets, at: &index, in: worker)
                if index == before { return hold(octets, from: index) }
            case .webSocket(let relay):
                let rest = octets.extracting(index..<octets.count)
                return relay.clientSent(rest, in: worker)
            case .closing, .lingering, .closed: return
            }
        }
    }

    private func hold(_ octets: Span<UInt8>, from index: Int) {
        held.append(copying: octets.extracting(index..<octets.count))
    }

    /// False when there is no whole head, or none that can be understood.
    private func readHead(
        _ octets: Span<UInt8>, at index: inout Int, in worker: Worker
    ) -> Bool {
        if decoder.isIdle { follow(worker) }
        do throws(HeadError) {
            guard let head = try decoder.decode(octets, at: &index) else { return false }
            follow(worker)
            isLastRequest = !head.wantsKeepAlive || worker.isDraining || doorway.isClosed
            deadline.clear()
            RequestIntake.begin(head, from: self, in: worker)
            return true
        } catch {
            Answer.malformed(error, to: self, in: worker)
            return false
        }
    }

    /// Goes on with what is held, when the exchange is ready for more or over.
    func resume(in worker: Worker) {
        if !isConsuming, !held.isEmpty {
            let octets = held
            held = []
            consume(octets.span, in: worker)
            noteHeadStage(in: worker)
        }
        if hasInputEnded, held.isEmpty, case .head = phase { finish(in: worker) }
        updateInterest(in: worker)
    }

    /// The relay goes on with what it holds.
    func resumeRelay(in worker: Worker) {
        guard case .webSocket(let relay) = phase else { return }
        relay.resumeFromClient(in: worker)
        updateInterest(in: worker)
    }

    func hold(_ request: HeldRequest, until deadline: Instant, in worker: Worker) {
        phase = .held(request)
        setDeadline(deadline, in: worker)
        updateInterest(in: worker)
    }

    func begin(_ exchange: Exchange, in worker: Worker) {
        phase = .exchange(exchange)
        extendBodyDeadline(in: worker)
    }

    /// The client must send more of the body within this time.
    func extendBodyDeadline(in worker: Worker) {
        setDeadline(worker.now + Self.requestBodyTimeout, in: worker)
    }

    func begin(_ relay: WebSocketRelay, in worker: Worker) {
        phase = .webSocket(relay)
        setDeadline(relay.nextCheck(lastHeard: lastHeard, in: worker), in: worker)
    }

    func begin(_ socket: ClosingSocket, in worker: Worker) {
        phase = .closing(socket)
        setDeadline(worker.now + ClosingSocket.timeout, in: worker)
        updateInterest(in: worker)
    }

    /// The answer to the current request is sent, or waits to be.
    func answered(in worker: Worker) {
        hasServed = true
        if isLastRequest { return finish(in: worker) }
        follow(worker)
        phase = .head(.idle)
        setDeadline(worker.now + generation.settings.limits.keepAliveTimeout, in: worker)
        if !isConsuming { resume(in: worker) }
    }

    /// A request is judged by the generation that is newest when its head is whole.
    func follow(_ worker: Worker) {
        guard doorway.follow(worker.generation) else { return }
        decoder.use(generation.headLimits)
        if doorway.isClosed { makeLast() }
    }

    /// Between two requests there is nothing to wait for where nobody comes in any more, nor longer
    /// than the newest settings say. A new connection has its first request on the way.
    func endIfIdle(in worker: Worker) {
        guard case .head(.idle) = phase, hasServed else { return }
        if doorway.isClosed { return finish(in: worker) }
        let timeout = generation.settings.limits.keepAliveTimeout
        setDeadline(min(deadline.due, worker.now + timeout), in: worker)
    }

    /// The next answer closes the connection.
    func makeLast() { isLastRequest = true }

    // MARK: Ends

    /// Sends what waits, then FIN, then waits a little for the client to do the same.
    func finish(in worker: Worker) {
        if case .closed = phase { return }
        phase = .lingering(Linger(end: worker.now + Exchange.sendTimeout))
        held = []
        stream.finishSending()
        linger(in: worker)
        updateInterest(in: worker)
    }

    /// As `finish`, for a client that takes its time: what it has not taken soon is lost.
    func finishSoon(in worker: Worker) {
        isHurried = true
        finish(in: worker)
        setDeadline(worker.now + ClosingSocket.timeout, in: worker)
    }

    /// As long as the client takes what waits it has time; afterwards little.
    private func linger(in worker: Worker) {
        guard stream.pendingCount == 0 else {
            if isHurried { return }
            return setDeadline(worker.now + Exchange.sendTimeout, in: worker)
        }
        if hasInputEnded { return close(in: worker) }
        setDeadline(worker.now + Self.lingerTimeout, in: worker)
    }

    /// What it takes slowly may be megabytes in the kernel: while some of it goes, the connection
    /// stays, lest a word of the client's in between lose it all to a reset.
    private func linger(since last: Linger, in worker: Worker) {
        let count = stream.acknowledgedCount
        guard !isHurried, count > last.acknowledgedCount, worker.now < last.end,
            stream.unsentCount > 0
        else { return close(in: worker) }
        phase = .lingering(Linger(acknowledgedCount: count, end: last.end))
        setDeadline(worker.now + Self.lingerTimeout, in: worker)
    }

    private func inputEnded(in worker: Worker) {
        hasInputEnded = true
        switch phase {
        case .head: close(in: worker)
        case .held(let request): request.clientInputEnded(from: self, in: worker)
        case .exchange(let exchange): exchange.clientInputEnded(in: worker)
        case .webSocket(let relay): relay.clientInputEnded(in: worker)
        case .closing: finish(in: worker)
        case .lingering: if stream.pendingCount == 0 { close(in: worker) }
        case .closed: break
        }
    }

    /// The connection is broken.
    func lost(in worker: Worker) {
        switch phase {
        case .held(let request): request.clientLost(in: worker)
        case .exchange(let exchange): exchange.clientLost(in: worker)
        case .webSocket(let relay): relay.clientLost(in: worker)
        case .head, .closing, .lingering, .closed: break
        }
        close(in: worker)
    }

    func close(reset: Bool = false, in worker: Worker) {
        if case .closed = phase { return }
        phase = .closed
        held = []
        deadline.clear()
        worker.poller.remove(stream.descriptor.number)
        stream.close(reset: reset)
        worker.forget(client: token)
    }

    /// The process stops: what is idle ends now, what is busy after its answer.
    func drain(in worker: Worker) {
        isLastRequest = true
        switch phase {
        case .head(.idle) where hasServed: finish(in: worker)
        // A new connection has its first request on the way.
        case .head, .closing, .lingering, .closed: break
        case .held(let request): request.drain(from: self, in: worker)
        case .exchange(let exchange): exchange.drain(in: worker)
        case .webSocket(let relay): relay.drain(in: worker)
        }
        updateInterest(in: worker)
    }

    // MARK: Timers and flow

    func setDeadline(_ instant: Instant, in worker: Worker) {
        deadline.set(instant, for: token, in: worker)
    }

    func clearDeadline() { deadline.clear() }

    func timerFired(in worker: Worker) {
        guard deadline.fired(for: token, in: worker) else { return }
        switch phase {
        case .head(.partial): Answer.headTimeout(to: self, in: worker)
        case .head(.idle): finish(in: worker)
        case .lingering(let last): linger(since: last, in: worker)
        case .head(.handshake), .closing: close(in: worker)
        case .held(let request): request.timerFired(from: self, in: worker)
        case .exchange(let exchange): exchange.clientTimerFired(in: worker)
        case .webSocket(let relay): relay.timerFired(in: worker)
        case .closed: break
        }
        updateInterest(in: worker)
    }

    private func drained(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.clientDrained(in: worker)
        case .webSocket(let relay): relay.clientDrained(in: worker)
        case .lingering: linger(in: worker)
        case .head: resume(in: worker)
        case .held, .closing, .closed: break
        }
    }

    private var wantsInput: Bool {
        if hasInputEnded { return false }
        // What comes behind a request that waits is kept, so that a client that leaves is noticed.
        if case .held = phase { return held.count < Self.heldSize }
        guard held.isEmpty else { return false }
        switch phase {
        case .head, .held, .closing, .lingering: return true
        case .exchange(let exchange): return exchange.wantsClientInput
        case .webSocket(let relay): return relay.wantsClientInput
        case .closed: return false
        }
    }

    /// Watches for what is wanted now; asks the kernel only when that changed.
    func updateInterest(in worker: Worker) {
        if case .closed = phase { return }
        var wanted = wantsInput ? Readiness.readable.rawValue : 0
        if stream.pendingCount > 0 { wanted |= Readiness.writable.rawValue }
        guard wanted != interest.rawValue else { return }
        interest = Readiness(rawValue: wanted)
        worker.poller.change(stream.descriptor.number, token: token, interest: interest)
    }
}
