internal import Clock
internal import HTTP
internal import HTTP1
internal import Settings
internal import Transport
internal import Upstreams

/// A connection to an upstream server, from connect to close: used by one exchange after the other,
/// or by one WebSocket until its end. Lives on the worker of the client it works for.
///
///     connecting --connected--> exchange --response complete--> idle --taken--> exchange
///     exchange --101--> webSocket          any --end, failure, timeout--> closed
final class UpstreamConnection {
    enum Phase {
        case connecting(Exchange)
        case exchange(Exchange)
        case webSocket(WebSocketRelay)
        case idle
        case closed
    }

    let token: UInt64
    let stream: Stream
    let server: ServerState
    /// Octets of heads that are not whole yet.
    var decoder = ResponseHeadDecoder()
    private(set) var phase: Phase
    /// An exchange was finished on it before: the server may have closed it meanwhile.
    private(set) var isReused = false
    private var interest: Readiness
    private(set) var hasInputEnded = false
    private var deadline = Deadline()
    /// What its worker counts as held by it.
    private(set) var counted = 0

    init(
        token: UInt64, stream: Stream, server: ServerState, isConnected: Bool,
        for exchange: Exchange
    ) {
        self.token = token
        self.stream = stream
        self.server = server
        phase = isConnected ? .exchange(exchange) : .connecting(exchange)
        interest = isConnected ? .readable : .writable
    }

    /// The member the poller and the timers find, added to `worker`.
    static func open(
        _ stream: Stream, to server: ServerState, isConnected: Bool, for exchange: Exchange,
        in worker: Worker
    ) throws(SystemError) -> UpstreamConnection {
        var made: UpstreamConnection?
        let token = worker.members.insert { token in
            let connection = UpstreamConnection(
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

    // MARK: Phases

    /// Taken from the pool for another exchange.
    func begin(_ exchange: Exchange) {
        isReused = true
        deadline.clear()
        phase = .exchange(exchange)
    }

    func begin(_ relay: WebSocketRelay) {
        deadline.clear()
        phase = .webSocket(relay)
    }

    /// The exchange is over and the server keeps the connection open.
    func rest(capacity: Int, timeout: Duration, in worker: Worker) {
        guard !hasInputEnded, stream.pendingCount == 0, decoder.isIdle, !worker.isDraining,
            worker.pool.put(self, capacity: capacity)
        else { return close(in: worker) }
        phase = .idle
        setDeadline(worker.now + timeout, in: worker)
        updateInterest(in: worker)
    }

    func close(in worker: Worker) {
        switch phase {
        case .closed: return
        case .idle: worker.pool.remove(self)
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
            exchange.upstreamUnreachable(in: worker)
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
        case .idle: close(in: worker)
        case .connecting, .closed: break
        }
    }

    private func inputEnded(in worker: Worker) {
        hasInputEnded = true
        switch phase {
        case .exchange(let exchange): exchange.upstreamInputEnded(in: worker)
        case .webSocket(let relay): relay.upstreamInputEnded(in: worker)
        case .idle: close(in: worker)
        case .connecting, .closed: break
        }
    }

    private func lost(in worker: Worker) {
        let before = phase
        close(in: worker)
        switch before {
        case .exchange(let exchange): exchange.upstreamLost(in: worker)
        case .webSocket(let relay): relay.upstreamLost(in: worker)
        case .connecting, .idle, .closed: break
        }
    }

    /// The server takes no more; an answer may have come before that.
    func sendFailed(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.upstreamRefusesBody(in: worker)
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
        deadline.set(instant, for: token, in: worker)
    }

    func clearDeadline() { deadline.clear() }

    func timerFired(in worker: Worker) {
        guard deadline.fired(for: token, in: worker) else { return }
        switch phase {
        case .connecting(let exchange):
            close(in: worker)
            exchange.upstreamUnreachable(in: worker)
        case .exchange(let exchange): exchange.upstreamTimedOut(in: worker)
        case .idle: close(in: worker)
        case .webSocket, .closed: break
        }
    }

    private var wantsInput: Bool {
        if hasInputEnded { return false }
        switch phase {
        case .exchange(let exchange): return exchange.wantsUpstreamInput
        case .webSocket(let relay): return relay.wantsUpstreamInput
        case .idle: return true
        case .connecting, .closed: return false
        }
    }

    func updateInterest(in worker: Worker) {
        if case .closed = phase { return }
        worker.memory.count(stream.heldCount, insteadOf: &counted)
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
