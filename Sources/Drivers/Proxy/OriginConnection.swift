internal import Clock
internal import HTTP
internal import HTTP1
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
        for exchange: Exchange
    ) {
        self.token = token
        self.stream = stream
        self.server = server.state
        address = server.address
        phase = isConnected ? .exchange(exchange) : .connecting(exchange)
        interest = isConnected ? .readable : .writable
    }

    /// The member the poller and the timers find, added to `worker`.
    static func open(
        _ stream: Stream, to server: BackendGroup.Server, isConnected: Bool, for exchange: Exchange,
        in worker: Worker
    ) throws(SystemError) -> OriginConnection {
        var made: OriginConnection?
        let token = worker.members.insert { token in
            let connection = OriginConnection(
                token: token, stream: stream, server: server, isConnected: isConnected,
                for: exchange)
            made = connection
            return .upstream(connection)
        }
        guard let connection = made else { preconditionFailure("the slab calls its closure") }
        do throws(SystemError) {
            try worker.poller.add(
                stream.descriptor.number, token: token, interest: connection.interest)
        } catch {
            worker.members.remove(token)
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
    func rest(of group: BackendGroup, clientStays: Bool, in worker: Worker) {
        let candidate = OriginPool.Candidate(
            token, to: server, owner: owner, rest: http.rest, clientStays: clientStays,
            isWanted: !worker.isDraining, isSent: stream.pendingCount == 0)
        switch worker.pool.put(candidate, of: group, at: worker.now, turn: worker.turn) {
        case .rests(let end):
            phase = .idle
            setDeadline(end, in: worker)
            updateInterest(in: worker)
        case .ends: close(in: worker)
        case .endsInDistrust:
            saidTooMuch(in: worker)
            close(in: worker)
        }
    }

    func close(in worker: Worker) {
        switch phase {
        case .closed: return
        case .idle: worker.pool.remove(token, to: server, owner: owner)
        case .connecting, .exchange, .webSocket: break
        }
        phase = .closed
        deadline.clear()
        worker.memory.count(0, insteadOf: &counted)
        worker.poller.remove(stream.descriptor.number)
        stream.close()
        worker.members.remove(token)
    }

    // MARK: Readiness

    func becameReady(_ readiness: Readiness, in worker: Worker) {
        if case .connecting(let exchange) = phase {
            return finishConnecting(exchange, in: worker)
        }
        if readiness.isWritable {
            if stream.flush() {
                drained(in: worker)
            } else {
                sendFailed(in: worker)
            }
        }
        if readiness.isReadable || readiness.isBroken {
            if interest.isReadable {
                receive(in: worker)
            } else if readiness.isBroken, !interest.isWritable {
                lost(in: worker)
            }
        }
        updateInterest(in: worker)
    }

    private func finishConnecting(_ exchange: Exchange, in worker: Worker) {
        do throws(SystemError) {
            try stream.finishConnecting()
            phase = .exchange(exchange)
            deadline.clear()
            exchange.upstreamConnected(in: worker)
            updateInterest(in: worker)
        } catch {
            close(in: worker)
            exchange.notConnected(error, in: worker)
        }
    }

    private func receive(in worker: Worker) {
        if case .exchange(let exchange) = phase, exchange.events != nil {
            stream.delayAcknowledgement()
        }
        switch stream.receive(into: worker.buffer) {
        case .octets(let count):
            if count > 0 { heard(in: worker) }
        case .end(let count):
            if count > 0 { heard(in: worker) }
            inputEnded(in: worker)
        case .failed:
            lost(in: worker)
        }
    }

    private func heard(in worker: Worker) {
        let buffer = worker.buffer
        switch phase {
        case .exchange(let exchange): exchange.upstreamSent(buffer.octets, in: worker)
        case .webSocket(let relay): relay.upstreamSent(buffer.octets, in: worker)
        // Whatever it is, it answers no request of ours.
        case .idle:
            hearUnasked(buffer.octets, in: worker)
            close(in: worker)
        case .connecting, .closed: break
        }
    }

    private func inputEnded(in worker: Worker) {
        let end = http.inputEnded()
        switch phase {
        case .exchange(let exchange): exchange.upstreamEnded(end, in: worker)
        case .webSocket(let relay): relay.upstreamInputEnded(in: worker)
        case .idle: close(in: worker)
        case .connecting, .closed: break
        }
    }

    private func lost(in worker: Worker) {
        let before = phase
        let end = http.connectionBroke()
        close(in: worker)
        switch before {
        case .exchange(let exchange): exchange.upstreamEnded(end, in: worker)
        case .webSocket(let relay): relay.upstreamLost(in: worker)
        case .connecting, .idle, .closed: break
        }
    }

    /// The server takes no more; an answer may have come before that.
    func sendFailed(in worker: Worker) {
        switch phase {
        case .exchange(let exchange):
            http.sendFailed()
            exchange.upstreamRefusesBody(in: worker)
        case .webSocket: lost(in: worker)
        case .idle: close(in: worker)
        case .connecting, .closed: break
        }
    }

    private func drained(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.upstreamDrained(in: worker)
        case .webSocket(let relay): relay.upstreamDrained(in: worker)
        case .connecting, .idle, .closed: break
        }
    }

    // MARK: Timers and flow

    func setDeadline(_ instant: Instant, in worker: Worker) {
        if deadline.set(instant) { worker.schedule(token, at: instant) }
    }

    func clearDeadline() { deadline.clear() }

    func timerFired(in worker: Worker) {
        guard worker.isDue(&deadline, of: token) else { return }
        switch phase {
        case .connecting(let exchange):
            close(in: worker)
            exchange.notConnected(.timedOut, in: worker)
        case .exchange(let exchange): exchange.upstreamTimedOut(in: worker)
        case .idle: close(in: worker)
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

    func updateInterest(in worker: Worker) {
        if case .closed = phase { return }
        worker.memory.count(stream.heldCount + http.keptCount, insteadOf: &counted)
        var wanted = wantsInput ? Readiness.readable.rawValue : 0
        switch phase {
        case .closed: return
        case .connecting: wanted = Readiness.writable.rawValue
        case .exchange, .webSocket, .idle:
            if stream.pendingCount > 0 { wanted |= Readiness.writable.rawValue }
        }
        guard wanted != interest.rawValue else { return }
        interest = Readiness(rawValue: wanted)
        worker.poller.change(stream.descriptor.number, token: token, interest: interest)
    }
}
