internal import Bytes
internal import Clock
internal import Endings
internal import Forwarding
internal import HTTP
internal import HTTP1
internal import Rates
internal import Relays
internal import Sessions
internal import Settings
internal import TLS
internal import Transport

/// A connection that a client opened, from accept to close: what of it has to do with the socket,
/// with time and with requests. What HTTP/1 allows when, and whether the connection goes on, its
/// `ServerConnection` knows. Lives on one worker; every event is handed in with that worker.
///
///     head: proxyHeader --of a trusted proxy's, whole--> handshake, or idle --octets--> partial
///     head --whole head, admitted--> exchange --answered, keep-alive--> head
///     head --keys or a body are missing--> held --they came--> exchange, or answered
///     exchange --101--> webSocket          head --refused WebSocket--> closing
///     webSocket --ended by rule--> closing
///     any --last answer sent--> lingering --client is silent or gone--> closed
final class HTTP1Client {
    enum Phase {
        case head(HeadStage)
        /// A request that cannot be answered yet.
        case held(HeldRequest)
        /// A request is being answered by an upstream.
        case exchange(Exchange)
        case webSocket(RelayDriver)
        /// A WebSocket that was told that it ends, and waits for the client's close.
        case closing(ClosingSocket)
        /// Everything is sent; what still comes is discarded, so that the answer is not lost to a
        /// reset (RFC 9112 §9.6).
        indirect case lingering(LingeringClose)
        case closed
    }

    /// Where a connection without a request stands; each has its own deadline.
    enum HeadStage {
        /// A trusted proxy says first whom it speaks for.
        indirect case proxyHeader(ProxyHeaderDecoder)
        case handshake
        /// Not an octet of the next request has come.
        case idle
        case partial
    }

    /// Octets that are read behind a request that waits.
    static let heldSize = 16 * 1024

    /// Octets that are read ahead: more than systems take from a program and cannot send yet (on
    /// Linux 4 MB, see tcp_wmem in tcp(7)).
    static let aheadSize = 6 << 20

    let token: UInt64
    let stream: Stream
    /// Its place in the count of its address; nil where it is in none.
    private var lease: ConnectionLease?
    /// Who connected, and how; what a PROXY header says counts from then on.
    private(set) var origin: ConnectionOrigin
    private(set) var doorway: Doorway
    private(set) var phase: Phase
    /// When octets last came.
    private(set) var lastHeard: Instant
    /// Mutated in place, once an event.
    var http: ServerConnection
    /// Received, and not to be used before the exchange at hand goes on or is over.
    private(set) var held: [UInt8] = []
    var interest: Readiness = .readable
    private var isConsuming = false
    private(set) var hasInputEnded = false
    /// What is known of its end while it is not read from.
    var unreadEnd = UnreadEnd()
    /// When the wheel wakes it, and what for.
    var deadline = Deadline()
    var timers = Timers<Timer>()
    /// How fast it sends the body of the request at hand, and takes what waits for it.
    var pace = ClientPace()
    /// What its worker counts as held by it.
    var counted = 0
    /// A request was answered on it.
    private var hasServed = false

    init(
        token: UInt64, stream: Stream, address: SocketAddress, lease: ConnectionLease?,
        doorway: Doorway, now: Instant
    ) {
        self.token = token
        self.stream = stream
        self.lease = lease
        origin = ConnectionOrigin(address: address, isSecure: doorway.isTLS)
        self.doorway = doorway
        http = ServerConnection(limits: doorway.generation.headLimits)
        lastHeard = now
        let hasHeader =
            doorway.settings.expectsProxyHeader
            && doorway.generation.settings.trust.contains(address)
        phase = .head(
            hasHeader ? .proxyHeader(ProxyHeaderDecoder()) : doorway.isTLS ? .handshake : .idle)
    }

    var generation: Generation { doorway.generation }
    var isTLS: Bool { doorway.isTLS }

    func opened(in worker: Worker) {
        let limits = generation.settings.limits
        set(
            .phase,
            at: worker.now + (isTLS ? limits.tlsHandshakeTimeout : limits.requestHeadTimeout),
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
        if readiness.isFinished { finishedUnread(in: worker) }
        updateInterest(in: worker)
    }

    private func receive(in worker: Worker) {
        if case .head(.proxyHeader(let decoder)) = phase {
            switch readProxyHeader(decoder, in: worker) {
            case .reading(let decoder): return phase = .head(.proxyHeader(decoder))
            case .refused: return close(reset: true, in: worker)
            case .passed(let origin):
                guard case .admitted(let lease) = worker.place(of: origin.address) else {
                    return close(reset: true, in: worker)
                }
                self.lease = lease
                self.origin = origin
                phase = .head(doorway.isTLS ? .handshake : .idle)
            }
        }
        switch stream.receive(into: worker.buffer) {
        case .octets(let count):
            if case .lingering = phase { return heardWhileLingering(count, in: worker) }
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
        case .proxyHeader: break
        case .handshake:
            guard stream.isEstablished else { return }
            phase = .head(http.isIdle ? .idle : .partial)
            set(.phase, at: worker.now + limits.requestHeadTimeout, in: worker)
        case .idle:
            if http.isIdle { return }
            phase = .head(.partial)
            set(.phase, at: worker.now + limits.requestHeadTimeout, in: worker)
        case .partial: break
        }
    }

    /// Every phase sets its timers itself; those of the one before are over. How fast the client
    /// takes what waits for it is asked over all of them.
    private func enter(_ next: Phase) {
        timers.clearAll(but: .taking)
        unreadEnd.forgetRequest()
        phase = next
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
                guard RequestIntake.read(octets, at: &index, from: self, in: worker) else { return }
            case .held(let request):
                let before = index
                request.clientSent(octets, at: &index, from: self, in: worker)
                if index == before { return hold(octets, from: index) }
            case .exchange(let exchange):
                let before = index
                // What was read ahead goes on as its application takes it.
                let end = min(octets.count, index + Flow.highWater)
                exchange.clientSent(octets.extracting(0..<end), at: &index, in: worker)
                if index == before { return hold(octets, from: index) }
            case .webSocket(let relay):
                let rest = octets.extracting(index..<octets.count)
                return relay.clientSent(rest, in: worker)
            case .closing, .lingering, .closed: return
            }
        }
    }

    private func hold(_ octets: Span<UInt8>, from index: Int) {
        var waiting = held
        held = []
        waiting.append(copying: octets.extracting(index..<octets.count))
        held = waiting
    }

    /// Goes on with what is held, when the exchange is ready for more or over.
    func resume(in worker: Worker) {
        // Whoever uses octets just now goes on by himself, and asks what is wanted then.
        if isConsuming { return }
        if !held.isEmpty {
            let octets = held
            held = []
            consume(octets.span, in: worker)
            noteHeadStage(in: worker)
        }
        if hasInputEnded, held.isEmpty { heldIsOver(in: worker) }
        updateInterest(in: worker)
    }

    /// The relay goes on with what it holds.
    func resumeRelay(in worker: Worker) {
        guard case .webSocket(let relay) = phase else { return }
        relay.resumeFromClient(in: worker)
        updateInterest(in: worker)
    }

    func hold(_ request: HeldRequest, until deadline: Instant, in worker: Worker) {
        enter(.held(request))
        set(.phase, at: deadline, in: worker)
        scheduleHeartbeat(in: worker)
        updateInterest(in: worker)
    }

    func begin(_ exchange: Exchange, in worker: Worker) {
        enter(.exchange(exchange))
        pace.forgetSending()
        scheduleHeartbeat(in: worker)
    }

    func begin(_ relay: RelayDriver, in worker: Worker) {
        enter(.webSocket(relay))
        pace.forgetTaking()
        watchPace(in: worker)
        relay.rescheduleExpiry(in: worker)
    }

    func begin(_ socket: ClosingSocket, in worker: Worker) {
        enter(.closing(socket))
        set(.phase, at: worker.now + ClosingSocket.timeout, in: worker)
        updateInterest(in: worker)
    }

    /// Nothing is answered any more.
    func begin(_ close: LingeringClose) {
        enter(.lingering(close))
        held = []
    }

    /// Goes on to linger.
    func stay(_ close: LingeringClose, in worker: Worker) {
        phase = .lingering(close)
        set(.phase, at: close.next, in: worker)
    }

    /// The answer to the current request is sent, or waits to be.
    func answered(in worker: Worker) {
        if case .closed = phase { return }
        hasServed = true
        if http.ending != nil { return settle(in: worker) }
        follow(worker)
        enter(.head(.idle))
        set(.phase, at: worker.now + generation.settings.limits.keepAliveTimeout, in: worker)
        resume(in: worker)
    }

    /// A request is judged by the generation that is newest when its head is whole.
    func follow(_ worker: Worker) {
        guard doorway.follow(worker.generation) else { return }
        http.use(generation.headLimits)
        if doorway.isClosed { http.makeLast() }
    }

    /// Between two requests there is nothing to wait for where nobody comes in any more, nor longer
    /// than the newest settings say. A new connection has its first request on the way.
    func endIfIdle(in worker: Worker) {
        guard case .head(.idle) = phase, hasServed else { return }
        if doorway.isClosed { return finish(in: worker) }
        let timeout = generation.settings.limits.keepAliveTimeout
        set(
            .phase, at: min(timers[.phase], worker.now + timeout),
            in: worker)
    }

    // MARK: Ends

    private func inputEnded(in worker: Worker) {
        hasInputEnded = true
        switch phase {
        // What waits for it, it may still take: the end of earlier answers.
        case .head: finish(in: worker)
        case .held(let request): request.clientInputEnded(from: self, in: worker)
        case .exchange(let exchange):
            exchange.clientInputEnded(hasAllCome: held.isEmpty, in: worker)
            if held.isEmpty { try? http.inputEnded() }
        case .webSocket(let relay): relay.clientInputEnded(in: worker)
        case .closing: finish(in: worker)
        case .lingering: linger(in: worker)
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
        enter(.closed)
        http.cut()
        held = []
        timers = Timers()
        deadline.clear()
        worker.memory.count(0, insteadOf: &counted)
        worker.poller.remove(stream.descriptor.number)
        stream.close(reset: reset)
        lease?.end()
        worker.forget(client: token)
    }

    /// The process stops: what is idle ends now, what is busy after its answer.
    func drain(in worker: Worker) {
        http.makeLast()
        switch phase {
        case .head(.idle) where hasServed: finish(in: worker)
        // A new connection has its first request on the way.
        case .head, .closing, .closed: break
        case .lingering: hurryLingering(in: worker)
        case .held(let request): request.drain(from: self, in: worker)
        case .exchange(let exchange):
            exchange.drain(in: worker)
            lookAhead(in: worker)
        case .webSocket(let relay): relay.drain(in: worker)
        }
        updateInterest(in: worker)
    }
}
