internal import Bytes
internal import Clock
internal import Endings
internal import Forwarding
internal import Generations
internal import HTTP
internal import HTTP1
internal import Loop
internal import Rates
internal import Relays
internal import Sessions
internal import Settings
internal import TLS
internal import Transport

/// A connection that a client opened, from accept to close: what of it has to do with the socket,
/// with time and with requests. What HTTP/1 allows when, and whether the connection goes on, its
/// `ServerConnection` knows. Lives on one thread.
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
    let thread: ThreadState
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
    var watch = ClientWatch()
    private var isConsuming = false
    private(set) var hasInputEnded = false
    /// What is known of its end while it is not read from.
    var unreadEnd = UnreadEnd()
    /// When the wheel wakes it, and what for.
    var deadline = Deadline()
    var timers = Timers<Timer>()
    /// What its worker counts as held by it.
    var counted = 0
    /// A request was answered on it.
    private var hasServed = false

    init(
        token: UInt64, stream: Stream, address: SocketAddress, lease: ConnectionLease?,
        doorway: Doorway, on thread: ThreadState
    ) {
        self.token = token
        self.thread = thread
        self.stream = stream
        self.lease = lease
        origin = ConnectionOrigin(address: address, isSecure: doorway.isTLS)
        self.doorway = doorway
        http = ServerConnection(limits: doorway.generation.headLimits)
        lastHeard = thread.loop.now
        let hasHeader =
            doorway.entrance.settings.expectsProxyHeader
            && doorway.generation.settings.trust.contains(address)
        phase = .head(
            hasHeader ? .proxyHeader(ProxyHeaderDecoder()) : doorway.isTLS ? .handshake : .idle)
    }

    var loop: Loop { thread.loop }
    var generation: Generation { doorway.generation }
    var isTLS: Bool { doorway.isTLS }

    func opened() {
        let limits = generation.settings.limits
        set(
            .phase,
            at: loop.now + (isTLS ? limits.tlsHandshakeTimeout : limits.requestHeadTimeout))
    }

    // MARK: Readiness

    func becameReady(_ readiness: Readiness) {
        if readiness.isWritable {
            guard stream.flush() else { return lost() }
            drained()
        }
        if readiness.isReadable || readiness.isBroken {
            if watch.interest.isReadable {
                receive()
            } else if readiness.isBroken {
                return lost()
            }
        }
        if readiness.isFinished { finishedUnread() }
        updateInterest()
    }

    private func receive() {
        if case .head(.proxyHeader(let decoder)) = phase {
            switch readProxyHeader(decoder) {
            case .reading(let decoder): return phase = .head(.proxyHeader(decoder))
            case .refused: return close(reset: true)
            case .passed(let origin):
                guard case .admitted(let lease) = thread.place(of: origin.address) else {
                    return close(reset: true)
                }
                self.lease = lease
                self.origin = origin
                phase = .head(doorway.isTLS ? .handshake : .idle)
            }
        }
        switch stream.receive(into: loop.buffer) {
        case .octets(let count):
            if case .lingering = phase { return heardWhileLingering(count) }
            if count > 0 { heard() }
            noteHeadStage()
        case .end(let count):
            if count > 0 { heard() }
            inputEnded()
        case .failed(.tls(.plainHTTP)):
            Answer.plainHTTPOnTLS(to: self)
        case .failed(.tls):
            // The alert that says why is sent; the client shall read it.
            if case .head = phase { finish() } else { lost() }
        case .failed(.connection):
            lost()
        }
    }

    private func heard() {
        lastHeard = thread.loop.now
        let buffer = loop.buffer
        switch phase {
        case .webSocket(let relay): relay.clientSent(buffer.octets)
        case .head, .held, .exchange: consume(buffer.octets)
        case .closing: heardWhileClosing(buffer.octets)
        case .lingering, .closed: break
        }
    }

    /// What came after a WebSocket was told that it ends, or behind the message that ended it.
    func heardWhileClosing(_ octets: Span<UInt8>) {
        guard case .closing(let socket) = phase, socket.clientSent(octets) else { return }
        finish()
    }

    private func noteHeadStage() {
        guard case .head(let stage) = phase else { return }
        let limits = generation.settings.limits
        switch stage {
        case .proxyHeader: break
        case .handshake:
            guard stream.isEstablished else { return }
            phase = .head(http.isIdle ? .idle : .partial)
            set(.phase, at: loop.now + limits.requestHeadTimeout)
        case .idle:
            if http.isIdle { return }
            phase = .head(.partial)
            set(.phase, at: loop.now + limits.requestHeadTimeout)
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
    private func consume(_ octets: Span<UInt8>) {
        isConsuming = true
        defer { isConsuming = false }
        var index = 0
        while index < octets.count {
            switch phase {
            case .head:
                guard stream.pendingCount < Flow.highWater else { return hold(octets, from: index) }
                guard RequestIntake.read(octets, at: &index, from: self) else { return }
            case .held(let request):
                let before = index
                request.clientSent(octets, at: &index)
                if index == before { return hold(octets, from: index) }
            case .exchange(let exchange):
                let before = index
                // What was read ahead goes on as its application takes it.
                let end = min(octets.count, index + Flow.highWater)
                exchange.clientSent(octets.extracting(0..<end), at: &index)
                if index == before { return hold(octets, from: index) }
            case .webSocket(let relay):
                let rest = octets.extracting(index..<octets.count)
                return relay.clientSent(rest)
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
    func resume() {
        // Whoever uses octets just now goes on by himself, and asks what is wanted then.
        if isConsuming { return }
        if !held.isEmpty {
            let octets = held
            held = []
            consume(octets.span)
            noteHeadStage()
        }
        if hasInputEnded, held.isEmpty { heldIsOver() }
        updateInterest()
    }

    /// The relay goes on with what it holds.
    func resumeRelay() {
        guard case .webSocket(let relay) = phase else { return }
        relay.resumeFromClient()
        updateInterest()
    }

    func hold(_ request: HeldRequest, until deadline: Instant) {
        enter(.held(request))
        set(.phase, at: deadline)
        scheduleHeartbeat()
        updateInterest()
    }

    func begin(_ exchange: Exchange) {
        enter(.exchange(exchange))
        watch.pace.forgetSending()
        scheduleHeartbeat()
    }

    func begin(_ relay: RelayDriver) {
        enter(.webSocket(relay))
        watch.pace.forgetTaking()
        watch.wasCalm = false
        watchPace()
        relay.rescheduleExpiry()
    }

    func begin(_ socket: ClosingSocket) {
        enter(.closing(socket))
        set(.phase, at: loop.now + ClosingSocket.timeout)
        updateInterest()
    }

    /// Nothing is answered any more.
    func begin(_ close: LingeringClose) {
        enter(.lingering(close))
        held = []
    }

    /// Goes on to linger.
    func stay(_ close: LingeringClose) {
        phase = .lingering(close)
        set(.phase, at: close.next)
    }

    /// The answer to the current request is sent, or waits to be.
    func answered() {
        if case .closed = phase { return }
        hasServed = true
        if http.ending != nil { return settle() }
        follow()
        enter(.head(.idle))
        set(.phase, at: loop.now + generation.settings.limits.keepAliveTimeout)
        resume()
    }

    /// A request is judged by the generation that is newest when its head is whole.
    func follow() {
        guard doorway.follow(thread.generation) else { return }
        http.use(generation.headLimits)
        if doorway.isClosed { http.makeLast() }
    }

    /// Between two requests there is nothing to wait for where nobody comes in any more, nor longer
    /// than the newest settings say. A new connection has its first request on the way.
    func endIfIdle() {
        guard case .head(.idle) = phase, hasServed else { return }
        if doorway.isClosed { return finish() }
        let timeout = generation.settings.limits.keepAliveTimeout
        set(.phase, at: min(timers[.phase], loop.now + timeout))
    }

    // MARK: Ends

    private func inputEnded() {
        hasInputEnded = true
        switch phase {
        // What waits for it, it may still take: the end of earlier answers.
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
        if case .closed = phase { return }
        enter(.closed)
        http.cut()
        held = []
        timers = Timers()
        deadline.clear()
        counted = loop.hold(0, insteadOf: counted)
        loop.unwatch(stream.descriptor.number)
        stream.close(reset: reset)
        lease?.end()
        thread.forget(client: token)
    }

    /// The process stops: what is idle ends now, what is busy after its answer.
    func drain() {
        http.makeLast()
        switch phase {
        case .head(.idle) where hasServed: finish()
        // A new connection has its first request on the way.
        case .head, .closing, .closed: break
        case .lingering: hurryLingering()
        case .held(let request): request.drain()
        case .exchange(let exchange):
            exchange.drain()
            lookAhead()
        case .webSocket(let relay): relay.drain()
        }
        updateInterest()
    }
}
