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
/// Whether it may rest says `UpstreamUse`, and when it is used again `Resting`.
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
    let address: SocketAddressSettings
    /// Octets of heads that are not whole yet.
    var decoder = ResponseHeadDecoder()
    private(set) var phase: Phase
    /// An exchange was finished on it before: the server may have closed it meanwhile.
    private(set) var isReused = false
    /// How it rests, since it last began to.
    private(set) var resting = Resting(since: .zero, turn: 0, isWatched: false, timeout: .zero)
    /// The token of the client that authenticated itself on it, whose alone it is from then on.
    private(set) var owner: UInt64?
    private var interest: Readiness
    private(set) var hasInputEnded = false
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

    /// A connection to `server` that rested and may be used now; those that may not are closed.
    ///
    /// - Parameter mayRepeat: the request can be sent once more, if the connection is dead.
    static func takeResting(
        for server: ServerState, mayRepeat: Bool, in worker: Worker
    ) -> UpstreamConnection? {
        while let connection = worker.pool.take(
            for: server, at: worker.now, turn: worker.turn)
        {
            if connection.isFit(mayRepeat: mayRepeat, in: worker) { return connection }
            connection.close(in: worker)
        }
        return nil
    }

    /// The connection to a server of `group` on which this client has authenticated itself, if
    /// there is one that may be used.
    static func takeReserved(
        for client: UInt64, in group: BackendGroup, worker: Worker
    ) -> UpstreamConnection? {
        guard let connection = worker.pool.take(reservedFor: client, in: group) else { return nil }
        if connection.isFit(mayRepeat: false, in: worker) { return connection }
        connection.close(in: worker)
        return nil
    }

    /// Taken out of the pool: looks whether anything came that nobody asked for, and is still to be
    /// reported.
    private func isFit(mayRepeat: Bool, in worker: Worker) -> Bool {
        if server.isDistrusted(at: worker.now) { return false }
        switch resting.step(at: worker.now, turn: worker.turn, mayRepeat: mayRepeat) {
        case .wait, .expire: return false
        case .take: return true
        case .look:
            switch stream.peek() {
            case .quiet: return true
            case .octets:
                heardUnasked(stream.peek(UnaskedResponse.prefixLength).span, in: worker)
                return false
            case .end, .broken: return false
            }
        }
    }

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

    /// From here on it carries this client's requests only.
    func reserve(for client: ClientConnection) { owner = client.token }

    /// The exchange is over and the connection may carry another one.
    ///
    /// - Parameter isWatched: it has to be quiet for a while first; not where it carries one
    ///   client's requests only: no other hears what is left over, and on another connection that
    ///   client would have to authenticate itself again.
    func rest(isWatched: Bool, of group: BackendGroup, in worker: Worker) {
        resting = Resting(
            since: worker.now, turn: worker.turn, isWatched: isWatched && owner == nil,
            timeout: group.settings.keepAliveTimeout)
        guard !hasInputEnded, !server.isDistrusted(at: worker.now), stream.pendingCount == 0,
            decoder.isIdle, !worker.isDraining,
            worker.pool.put(self, capacity: group.settings.keepAlive)
        else { return close(in: worker) }
        phase = .idle
        setDeadline(resting.end, in: worker)
        updateInterest(in: worker)
    }

    /// Octets came while no request was under way.
    private func heardUnasked(_ octets: Span<UInt8>, in worker: Worker) {
        if !UnaskedResponse.isTimeout(octets) { saidTooMuch(in: worker) }
    }

    /// The server sent what nobody had asked for: for a time its connections are not used again.
    func saidTooMuch(in worker: Worker) {
        guard server.saidTooMuch(at: worker.now) else { return }
        worker.shared.log.warning(
            "upstream \(address.text) sends more than its answers: for a minute none of its"
                + " connections is used again")
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
            exchange.upstreamUnreachable(error, in: worker)
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
            heardUnasked(buffer.octets, in: worker)
            close(in: worker)
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
        if deadline.set(instant) { worker.schedule(token, at: instant) }
    }

    func clearDeadline() { deadline.clear() }

    func timerFired(in worker: Worker) {
        guard worker.isDue(&deadline, of: token) else { return }
        switch phase {
        case .connecting(let exchange):
            close(in: worker)
            exchange.upstreamUnreachable(.timedOut, in: worker)
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
        worker.memory.count(stream.heldCount + decoder.keptCount, insteadOf: &counted)
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
