package import Bookkeeping
internal import Bytes
internal import Clock
internal import Forwarding
package import Generations
internal import HTTP
internal import HTTP1
package import Loop
package import Rates
package import Relays
internal import Settings
internal import TLS
package import Transport

/// A connection that a client opened, from accept to close. What HTTP/1 allows when, and whether
/// the connection goes on, says the `HTTP1.ServerConnection` in it. What happens to it, `next`
/// answers; what its requests are about is not its business.
///
///     proxyHeader --of a trusted proxy's, whole--> handshake, or idle --octets--> partial
///     idle, partial --head is whole--> inUse --answered, keep-alive--> idle
///     inUse --a WebSocket was told that it ends--> closing
///     any --last answer sent--> lingering --client is silent or gone--> over
///     any --closed by whoever has it--> closed
package final class HTTP1Client {
    let socket: ClientSocket
    private(set) var stage: HTTP1Stage
    /// Mutated in place, once an event.
    var http: ServerConnection
    var input = ClientInput()
    /// A request was answered on it.
    private var hasServed = false

    /// - Parameters:
    ///   - lease: the place in the count of the address; nil for one that is in no count.
    ///   - counters: where is counted how long clients were waited for at their ends.
    package init(
        token: UInt64, stream: Stream, address: SocketAddress, lease: ConnectionLease?,
        doorway: Doorway, on loop: Loop, counters: Counters
    ) {
        socket = ClientSocket(
            token: token, stream: stream, address: address, lease: lease, doorway: doorway,
            on: loop, counters: counters)
        http = ServerConnection(limits: doorway.generation.headLimits)
        let hasHeader =
            doorway.entrance.settings.expectsProxyHeader
            && doorway.generation.settings.trust.contains(address)
        stage =
            hasHeader ? .proxyHeader(ProxyHeaderDecoder()) : doorway.isTLS ? .handshake : .idle
    }

    /// The poller finds it from then on.
    package func watch() throws(SystemError) {
        try socket.watch()
        let limits = socket.limits
        let patience = doorway.isTLS ? limits.tlsHandshakeTimeout : limits.requestHeadTimeout
        set(.phase, at: loop.now + patience)
    }

    package var token: UInt64 { socket.token }
    package var loop: Loop { socket.loop }
    package var doorway: Doorway { socket.doorway }
    package var generation: Generation { doorway.generation }

    /// The client, and how it connected; what a PROXY header says counts from then on.
    package var origin: ConnectionOrigin { socket.origin }

    private var stream: Stream { socket.stream }

    // MARK: Stages

    /// Every stage sets its timers itself; those of the one before are over. How fast the client
    /// takes what waits for it is asked over all of them.
    func enter(_ next: HTTP1Stage) {
        beginPart()
        stage = next
    }

    /// Another part of what is done for a request begins: its timers are its own.
    package func beginPart() {
        socket.clearTimers()
        socket.forgetRequest()
    }

    /// An exchange begins: the body that it reads has a clock of its own.
    package func beginExchange() {
        beginPart()
        socket.forgetSending()
    }

    /// What waits for the client from here on is of a WebSocket, for which other rules may hold.
    package func beginTunnel() {
        beginPart()
        socket.forgetTaking()
        socket.forgetCalm()
    }

    /// The socket was told that it ends: its close frame is waited for.
    package func close(_ socket: ClosingSocket) -> ClientEnd? {
        enter(.closing(socket))
        if input.hasEnded { return finish() }
        set(.phase, at: loop.now + ClosingSocket.timeout)
        return nil
    }

    /// The answer to the request at hand is sent, or waits to be.
    ///
    /// - Returns: how the connection ends, if it was the last one.
    package func answered(by newest: Generation) -> ClientEnd? {
        if stage.isClosed { return nil }
        hasServed = true
        if http.ending != nil { return settle() }
        follow(newest)
        enter(.idle)
        set(.phase, at: loop.now + socket.limits.keepAliveTimeout)
        return nil
    }

    // MARK: Generations

    /// A request is judged by the generation that is newest when its head is whole.
    package func follow(_ newest: Generation) {
        guard socket.follow(newest) else { return }
        http.use(generation.headLimits)
        if doorway.isClosed { http.makeLast() }
    }

    /// Between two requests there is nothing to wait for where nobody comes in any more, nor longer
    /// than the newest settings say. A new connection has its first request on the way.
    package func endIfIdle() -> ClientEnd? {
        guard case .idle = stage, hasServed else { return nil }
        if doorway.isClosed { return finish() }
        let timeout = socket.limits.keepAliveTimeout
        set(.phase, at: min(socket.due(.phase), loop.now + timeout))
        return nil
    }

    /// The process stops: the request at hand, or the first one of a new connection, is the last.
    package func stop() -> ClientEnd? {
        socket.closeDoorway()
        http.makeLast()
        switch stage {
        case .idle where hasServed: return finish()
        case .lingering: socket.hurryLingering()
        // A new connection has its first request on the way.
        case .proxyHeader, .handshake, .idle, .partial, .inUse, .closing, .closed: break
        }
        return nil
    }

    // MARK: What happens to it

    /// What has happened next, of what the poller said; nil when that was all.
    ///
    /// - Parameter newest: the generation that judges what comes now.
    package func next(
        _ progress: inout ClientProgress, by newest: Generation
    ) -> ClientEvent? {
        while true {
            if stage.isClosed { return nil }
            if progress.hasInput {
                if let event = use(&progress, by: newest) { return event }
            } else if progress.takeEnd() {
                if let event = inputEnded() { return event }
            } else if progress.takeWritable() {
                if let event = flush() { return event }
            } else if progress.readiness.isReadable || progress.readiness.isBroken {
                if let event = readable(&progress) { return event }
            } else {
                noteHeadStage()
                return progress.takeFinished() && stage.isInUse && !hasFinished
                    ? .finishedUnread : nil
            }
        }
    }

    private func flush() -> ClientEvent? {
        guard stream.flush() else { return .lost }
        switch stage {
        case .lingering: return linger()?.event
        case .closing: return nil
        case .proxyHeader, .handshake, .idle, .partial, .inUse, .closed: return .drained
        }
    }

    private func readable(_ progress: inout ClientProgress) -> ClientEvent? {
        if socket.interest.isReadable, case .proxyHeader(let decoder) = stage {
            let event = readProxyHeader(decoder)
            // What stands behind the header is read next.
            if case .proxied = event { return event }
            _ = progress.takeReadable()
            return event
        }
        guard let isBroken = progress.takeReadable() else { return nil }
        if socket.interest.isReadable { return receive(&progress) }
        return isBroken ? .lost : nil
    }

    private func receive(_ progress: inout ClientProgress) -> ClientEvent? {
        switch stream.receive(into: loop.buffer) {
        case .octets(let count):
            if case .lingering = stage {
                socket.heardWhileLingering(count)
            } else {
                take(count, &progress)
            }
        case .end(let count):
            take(count, &progress)
            progress.hasEnd = true
        case .failed(.tls(.plainHTTP)): return .plainHTTP
        case .failed(.tls):
            // The alert that says why is sent; the client shall read it.
            return stage.isBetweenRequests ? finish()?.event : .lost
        case .failed(.connection): return .lost
        }
        return nil
    }

    private func take(_ count: Int, _ progress: inout ClientProgress) {
        if count == 0 { return }
        socket.lastHeard = loop.now
        progress.noteInput(count)
    }

    /// Uses octets of the input; what is not for the connection is for the request at hand.
    private func use(_ progress: inout ClientProgress, by newest: Generation) -> ClientEvent? {
        // What is read before that could be used stays behind it.
        guard input.held.isEmpty else {
            hold(&progress)
            return nil
        }
        switch stage {
        case .inUse: return .octets
        case .proxyHeader, .handshake, .idle, .partial:
            guard stream.pendingCount < Flow.highWater else {
                hold(&progress)
                return nil
            }
            if http.isIdle { follow(newest) }
            if let held = progress.held {
                return readHead(held.span, &progress, by: newest)
            }
            let buffer = loop.buffer
            return readHead(buffer.octets, &progress, by: newest)
        case .closing(let socket):
            let isClosed: Bool
            if let held = progress.held {
                isClosed = socket.clientSent(held.span.extracting(progress.index..<held.count))
            } else {
                let buffer = loop.buffer
                let range = progress.index..<progress.count
                isClosed = socket.clientSent(buffer.octets.extracting(range))
            }
            progress.drop()
            return isClosed ? finish()?.event : nil
        case .lingering, .closed:
            progress.drop()
            return nil
        }
    }

    /// What cannot be understood is answered, if an answer can be given; what is not whole is kept.
    private func readHead(
        _ octets: Span<UInt8>, _ progress: inout ClientProgress, by newest: Generation
    ) -> ClientEvent? {
        do throws(RequestError) {
            guard case .head(let head, let framing) = try http.receive(octets, at: &progress.index)
            else {
                progress.drop()
                return nil
            }
            headEnded(by: newest)
            return .head(head, framing)
        } catch {
            progress.drop()
            guard http.owesAnswer else { return nil }
            headEnded(by: newest)
            return .unreadable(error)
        }
    }

    /// A head is whole, or never will be.
    private func headEnded(by newest: Generation) {
        follow(newest)
        if doorway.isClosed { http.makeLast() }
        socket.clear(.phase)
        stage = .inUse
    }

    private func noteHeadStage() {
        let limits = socket.limits
        switch stage {
        case .handshake:
            guard stream.isEstablished else { return }
            stage = http.isIdle ? .idle : .partial
            set(.phase, at: loop.now + limits.requestHeadTimeout)
        case .idle:
            if http.isIdle { return }
            stage = .partial
            set(.phase, at: loop.now + limits.requestHeadTimeout)
        case .proxyHeader, .partial, .inUse, .closing, .lingering, .closed: break
        }
    }

    private func inputEnded() -> ClientEvent? {
        input.hasEnded = true
        switch stage {
        // What waits for the client it may still take: the end of earlier answers. Requests that
        // are held came before the end.
        case .proxyHeader, .handshake, .idle, .partial:
            return input.held.isEmpty ? finish()?.event : nil
        case .closing: return finish()?.event
        case .inUse: return .inputEnded
        case .lingering: return linger()?.event
        case .closed: return nil
        }
    }

    // MARK: PROXY headers

    private func readProxyHeader(_ decoder: ProxyHeaderDecoder) -> ClientEvent? {
        switch socket.readProxyHeader(decoder) {
        case .reading(let decoder):
            stage = .proxyHeader(decoder)
            return nil
        case .told(let origin): return .proxied(origin)
        case .none(let message): return .withoutHeader(message)
        case .over: return .over(reset: true)
        }
    }

    /// The client may come in for whom a trusted proxy speaks.
    ///
    /// - Parameter lease: its place in the count of its address.
    package func admitted(_ origin: ConnectionOrigin, _ lease: ConnectionLease?) {
        socket.admitted(origin, lease)
        stage = doorway.isTLS ? .handshake : .idle
    }

    // MARK: The end

    /// Ends it at once.
    ///
    /// - Returns: false when it was closed before.
    package func close(reset: Bool = false) -> Bool {
        if stage.isClosed { return false }
        enter(.closed)
        http.cut()
        input.held = []
        socket.close(reset: reset)
        return true
    }
}
