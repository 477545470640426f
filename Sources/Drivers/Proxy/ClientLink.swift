internal import Clients
internal import Clock
internal import Generations
internal import HTTP
internal import HTTP1
internal import Loop
internal import Rates
internal import Relays
internal import Transport

/// A client's connection, and what it is used for: one request after the other, or one WebSocket
/// until its end. Lives on one thread.
///
///     nothing --whole head, admitted--> exchange --answered--> nothing
///     nothing --keys, a body or a seat are missing--> held --they came--> exchange, or answered
///     exchange --101--> webSocket          any --the last answer is sent--> nothing
final class ClientLink: ThreadMember {
    enum Use {
        /// No request is at hand: there is none yet, or none any more.
        case nothing
        /// A request that cannot be answered yet.
        case held(HeldRequest)
        /// A request is being answered by an upstream.
        case exchange(Exchange)
        case webSocket(RelayDriver)
    }

    let connection: HTTP1Client
    let thread: ThreadState
    private(set) var use = Use.nothing
    /// Octets of the client's are being used just now.
    private var isConsuming = false

    fileprivate init(_ connection: HTTP1Client, on thread: ThreadState) {
        self.connection = connection
        self.thread = thread
    }

    var token: UInt64 { connection.token }
    var loop: Loop { thread.loop }
    /// The request at hand.
    var request: ClientStream { .http1(connection) }

    // MARK: What happens to it

    override func becameReady(_ readiness: Readiness) {
        var progress = ClientProgress(readiness)
        pull(&progress)
        updateInterest()
    }

    override func timerFired() {
        guard connection.isDue() else { return }
        while let event = connection.nextDue() {
            var progress = ClientProgress([])
            take(event, &progress)
        }
        updateInterest()
    }

    private func pull(_ progress: inout ClientProgress) {
        while let event = connection.next(&progress, by: thread.generation) {
            take(event, &progress)
        }
    }

    private func take(_ event: ClientEvent, _ progress: inout ClientProgress) {
        switch event {
        case .head(let head, let framing): begin(head, framing)
        case .unreadable(let error): refuse(error)
        case .headTimedOut: RequestIntake.timedOut(from: self)
        case .octets: useOctets(&progress)
        case .drained: drained()
        case .inputEnded: inputEnded()
        case .finishedUnread: finishedUnread()
        case .sendsTooSlowly: sendsTooSlowly()
        case .takesTooSlowly: takesTooSlowly()
        case .due(let timer): due(timer)
        case .proxied(let origin): admit(origin)
        case .withoutHeader(let message): refuse(withoutHeader: message)
        case .plainHTTP: refusePlainHTTP()
        case .lost: lost()
        case .over(let reset): close(reset: reset)
        }
    }

    private func begin(_ head: RequestHead, _ framing: BodyFraming) {
        isConsuming = true
        defer { isConsuming = false }
        RequestIntake.begin(head, framing, from: self)
    }

    private func refuse(_ error: RequestError) {
        isConsuming = true
        defer { isConsuming = false }
        RequestIntake.refuse(error, from: self)
    }

    /// Octets for the request at hand. What cannot be used now is held; what is left when the
    /// request is over is the connection's.
    private func useOctets(_ progress: inout ClientProgress) {
        isConsuming = true
        defer { isConsuming = false }
        let before = progress.index
        if let held = progress.held {
            use(held.span, at: &progress.index)
        } else {
            let buffer = loop.buffer
            use(buffer.octets, at: &progress.index)
        }
        if progress.index == before, connection.isInUse { connection.hold(&progress) }
    }

    private func use(_ octets: Span<UInt8>, at index: inout Int) {
        switch use {
        // The request is over, and its connection goes on, or is ending.
        case .nothing: index = octets.count
        case .held(let request): request.clientSent(octets, at: &index)
        case .exchange(let exchange):
            // What was read ahead goes on as its application takes it.
            let end = min(octets.count, index + Flow.highWater)
            exchange.clientSent(octets.extracting(0..<end), at: &index)
        case .webSocket(let relay):
            let rest = octets.extracting(index..<octets.count)
            index = octets.count
            relay.clientSent(rest)
        }
    }

    private func drained() {
        switch use {
        case .exchange(let exchange): exchange.clientDrained()
        case .webSocket(let relay): relay.clientDrained()
        case .nothing: resume()
        case .held: break
        }
    }

    private func due(_ timer: ClientTimer) {
        switch (timer, use) {
        case (.phase, .held(let request)): request.timerFired()
        case (.phase, .exchange(let exchange)): exchange.waitTimedOut()
        case (.connect, .exchange(let exchange)): exchange.connectAgain()
        case (.flow, .exchange(let exchange)): exchange.eventTimerFired()
        case (.flow, .webSocket(let relay)): relay.timerFired()
        case (.heartbeat, _): heartbeatDue()
        case (.age, _): LastingUse(client: self).isOfAge()
        case (.phase, _), (.connect, _), (.flow, _), (.sending, _), (.asking, _), (.taking, _):
            break
        }
    }

    // MARK: What it is used for

    /// Goes on with what is held, when the request at hand is ready for more or over.
    func resume() {
        // Whoever uses octets just now goes on by himself, and asks what is wanted then.
        if isConsuming { return }
        if var progress = connection.takeHeld() { pull(&progress) }
        if connection.hasInputEnded, !connection.isHolding { heldIsOver() }
        updateInterest()
    }

    /// The relay goes on with what it holds.
    func resumeRelay() {
        guard case .webSocket(let relay) = use else { return }
        relay.resumeFromClient()
        updateInterest()
    }

    func hold(_ request: HeldRequest, until deadline: Instant) {
        use = .held(request)
        connection.beginPart()
        connection.set(.phase, at: deadline)
        scheduleHeartbeat()
        updateInterest()
    }

    func begin(_ exchange: Exchange) {
        use = .exchange(exchange)
        connection.beginExchange()
        scheduleHeartbeat()
    }

    func begin(_ relay: RelayDriver) {
        use = .webSocket(relay)
        connection.beginTunnel()
        connection.watchPace(duty)
        relay.rescheduleExpiry()
    }

    /// The WebSocket was told that it ends, and is the connection's to close.
    func close(_ socket: ClosingSocket) {
        use = .nothing
        if let end = connection.close(socket) { return close(reset: end.reset) }
        // Its close frame may have come already.
        resume()
    }

    /// The answer to the current request is sent, or waits to be.
    func answered() {
        use = .nothing
        if let end = connection.answered(by: thread.generation) { return close(reset: end.reset) }
        resume()
    }

    // MARK: Ends

    /// Nothing more is said: sends what waits, then FIN, then waits for the client to do the same.
    func finish() { carryOut(connection.finish()) }

    /// As `finish`, for a client that takes its time: what it has not taken soon is lost.
    func finishSoon() { carryOut(connection.finishSoon()) }

    /// The answer at hand is broken off, and the client shall see that it is.
    func cut() { carryOut(connection.cut()) }

    /// What came behind the message that ended a WebSocket.
    func heardWhileClosing(_ octets: Span<UInt8>) {
        if let end = connection.heardWhileClosing(octets) { close(reset: end.reset) }
    }

    func carryOut(_ end: ClientEnd?) {
        use = .nothing
        if let end { close(reset: end.reset) } else { updateInterest() }
    }

    /// The connection is broken.
    func lost() {
        switch use {
        case .held(let request): request.clientLost()
        case .exchange(let exchange): exchange.clientLost()
        case .webSocket(let relay): relay.clientLost()
        case .nothing: break
        }
        close()
    }

    override func close() { close(reset: false) }

    func close(reset: Bool) {
        guard connection.close(reset: reset) else { return }
        use = .nothing
        thread.forget(client: token)
    }
}

extension ThreadState {
    /// The client of this name, if it is still there.
    func client(_ token: UInt64) -> ClientLink? { connection(token) as? ClientLink }

    /// A connection that was accepted: the poller and the timers find it from then on.
    ///
    /// - Parameter lease: its place in the count of its address; nil where it is in none.
    func open(
        _ stream: Stream, from address: SocketAddress, lease: ConnectionLease?, by doorway: Doorway
    ) throws(SystemError) {
        let token = members.insert { token in
            .connection(
                ClientLink(
                    HTTP1Client(
                        token: token, stream: stream, address: address, lease: lease,
                        doorway: doorway, on: loop, counters: shared.counters), on: self))
        }
        clientCount += 1
        guard let client = client(token) else { return }
        do throws(SystemError) {
            try client.connection.watch()
        } catch {
            client.close()
            throw error
        }
    }
}
