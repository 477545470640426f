internal import Clock
internal import HTTP
internal import HTTP1
internal import Loop
internal import Settings
internal import Transport
internal import Upstreams

/// A connection to an upstream server, from connect to close: used by one exchange after the other,
/// or by one WebSocket until its end. Lives on the worker of the client it works for.
///
///     connecting --connected--> exchange --may rest--> idle --taken--> exchange
///     exchange --101--> webSocket          any --end, failure, timeout--> closed
///
/// What HTTP/1 allows on it, and what became of the request at hand, says the
/// `HTTP1.ClientConnection` in it; how it rests, `OriginPool`.
final class OriginConnection {
    enum Phase {
        case connecting(Exchange)
        case exchange(Exchange)
        case webSocket(RelayDriver)
        case idle
        case closed
    }

    let token: UInt64
    let thread: ThreadState
    let loop: Loop
    let stream: Stream
    let server: ServerState
    let address: SocketAddressSettings
    /// Its side of HTTP/1, changed where it is: nothing of it is ever copied.
    var http = HTTP1.ClientConnection()
    private(set) var phase: Phase
    /// The token of the client that authenticated itself on it, whose alone it is from then on.
    private(set) var owner: UInt64?
    private var interest: Readiness
    private var deadline = Deadline()
    /// What its worker counts as held by it.
    private(set) var counted = 0

    init(
        token: UInt64, stream: Stream, server: BackendGroup.Server, isConnected: Bool,
        for exchange: Exchange, on thread: ThreadState
    ) {
        self.token = token
        self.thread = thread
        loop = thread.loop
        self.stream = stream
        self.server = server.state
        address = server.address
        phase = isConnected ? .exchange(exchange) : .connecting(exchange)
        interest = isConnected ? .readable : .writable
    }

    /// The member that the poller and the timers find from then on.
    static func open(
        _ stream: Stream, to server: BackendGroup.Server, isConnected: Bool, for exchange: Exchange
    ) throws(SystemError) -> OriginConnection {
        let thread = exchange.client.thread
        var made: OriginConnection?
        let token = thread.members.insert { token in
            let connection = OriginConnection(
                token: token, stream: stream, server: server, isConnected: isConnected,
                for: exchange, on: thread)
            made = connection
            return .upstream(connection)
        }
        guard let connection = made else { preconditionFailure("the slab calls its closure") }
        do throws(SystemError) {
            try thread.loop.watch(
                stream.descriptor.number, token: token, interest: connection.interest)
        } catch {
            thread.members.remove(token)
            throw error
        }
        return connection
    }

    /// A request goes, or can go, to the server: the connection is made.
    var isConnected: Bool {
        switch phase {
        case .connecting, .closed: false
        case .exchange, .webSocket, .idle: true
        }
    }

    // MARK: Phases

    /// Taken from the pool for another exchange.
    func begin(_ exchange: Exchange) {
        deadline.clear()
        phase = .exchange(exchange)
    }

    func begin(_ relay: RelayDriver) {
        deadline.clear()
        phase = .webSocket(relay)
    }

    /// From here on it carries this client's requests only.
    func reserve(for client: HTTP1Client) { owner = client.token }

    /// The response is whole: rests if it may, and is closed if not.
    ///
    /// - Parameter clientStays: the client that it worked for may ask for more.
    func rest(of group: BackendGroup, clientStays: Bool) {
        let candidate = OriginPool.Candidate(
            token, to: server, owner: owner, rest: http.rest, clientStays: clientStays,
            isWanted: !thread.isDraining, isSent: stream.pendingCount == 0)
        switch thread.pool.put(candidate, of: group, at: loop.now, turn: loop.turn) {
        case .rests(let end):
            phase = .idle
            setDeadline(end)
            updateInterest()
        case .ends: close()
        case .endsInDistrust:
            saidTooMuch()
            close()
        }
    }

    func close() {
        switch phase {
        case .closed: return
        case .idle: thread.pool.remove(token, to: server, owner: owner)
        case .connecting, .exchange, .webSocket: break
        }
        phase = .closed
        deadline.clear()
        loop.memory.count(0, insteadOf: &counted)
        loop.unwatch(stream.descriptor.number)
        stream.close()
        thread.members.remove(token)
    }

    // MARK: Readiness

    func becameReady(_ readiness: Readiness) {
        if case .connecting(let exchange) = phase {
            return finishConnecting(exchange)
        }
        if readiness.isWritable {
            if stream.flush() {
                drained()
            } else {
                sendFailed()
            }
        }
        if readiness.isReadable || readiness.isBroken {
            if interest.isReadable {
                receive()
            } else if readiness.isBroken, !interest.isWritable {
                lost()
            }
        }
        updateInterest()
    }

    private func finishConnecting(_ exchange: Exchange) {
        do throws(SystemError) {
            try stream.finishConnecting()
            phase = .exchange(exchange)
            deadline.clear()
            exchange.upstreamConnected()
            updateInterest()
        } catch {
            close()
            exchange.notConnected(error)
        }
    }

    private func receive() {
        if case .exchange(let exchange) = phase, exchange.events != nil {
            stream.delayAcknowledgement()
        }
        switch stream.receive(into: loop.buffer) {
        case .octets(let count):
            if count > 0 { heard() }
        case .end(let count):
            if count > 0 { heard() }
            inputEnded()
        case .failed:
            lost()
        }
    }

    private func heard() {
        let buffer = loop.buffer
        switch phase {
        case .exchange(let exchange): exchange.upstreamSent(buffer.octets)
        case .webSocket(let relay): relay.upstreamSent(buffer.octets)
        // Whatever it is, it answers no request of ours.
        case .idle:
            hearUnasked(buffer.octets)
            close()
        case .connecting, .closed: break
        }
    }

    private func inputEnded() {
        let end = http.inputEnded()
        switch phase {
        case .exchange(let exchange): exchange.upstreamEnded(end)
        case .webSocket(let relay): relay.upstreamInputEnded()
        case .idle: close()
        case .connecting, .closed: break
        }
    }

    private func lost() {
        let before = phase
        let end = http.connectionBroke()
        close()
        switch before {
        case .exchange(let exchange): exchange.upstreamEnded(end)
        case .webSocket(let relay): relay.upstreamLost()
        case .connecting, .idle, .closed: break
        }
    }

    /// The server takes no more; an answer may have come before that.
    func sendFailed() {
        switch phase {
        case .exchange(let exchange):
            http.sendFailed()
            exchange.upstreamRefusesBody()
        case .webSocket: lost()
        case .idle: close()
        case .connecting, .closed: break
        }
    }

    private func drained() {
        switch phase {
        case .exchange(let exchange): exchange.upstreamDrained()
        case .webSocket(let relay): relay.upstreamDrained()
        case .connecting, .idle, .closed: break
        }
    }

    // MARK: Timers and flow

    func setDeadline(_ instant: Instant) {
        if deadline.set(instant) { loop.schedule(token, at: instant) }
    }

    func clearDeadline() { deadline.clear() }

    func timerFired() {
        guard loop.isDue(&deadline, of: token) else { return }
        switch phase {
        case .connecting(let exchange):
            close()
            exchange.notConnected(.timedOut)
        case .exchange(let exchange): exchange.upstreamTimedOut()
        case .idle: close()
        case .webSocket, .closed: break
        }
    }

    private var wantsInput: Bool {
        if http.hasInputEnded { return false }
        switch phase {
        case .exchange(let exchange): return exchange.wantsUpstreamInput
        case .webSocket(let relay): return relay.wantsUpstreamInput
        case .idle: return true
        case .connecting, .closed: return false
        }
    }

    func updateInterest() {
        if case .closed = phase { return }
        loop.memory.count(stream.heldCount + http.keptCount, insteadOf: &counted)
        var wanted = wantsInput ? Readiness.readable.rawValue : 0
        switch phase {
        case .closed: return
        case .connecting: wanted = Readiness.writable.rawValue
        case .exchange, .webSocket, .idle:
            if stream.pendingCount > 0 { wanted |= Readiness.writable.rawValue }
        }
        guard wanted != interest.rawValue else { return }
        interest = Readiness(rawValue: wanted)
        loop.change(stream.descriptor.number, token: token, interest: interest)
    }
}
