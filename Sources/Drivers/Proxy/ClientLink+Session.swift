internal import Clients
internal import Clock
internal import Generations
internal import Loop
internal import Relays
internal import Sessions
internal import Settings

/// What the store of sessions has to do with a connection.
extension ClientLink {
    /// What the store says of the connection.
    func told(_ message: SessionMessage) {
        if case .held(let request) = use {
            request.told(message)
            return resume()
        }
        switch message {
        // The table that had it gave it up.
        case .end(let ending) where liveContext?.listedID == ending.session:
            disconnect(Disconnection(ending, comingBackIn: loop.reconnectDelayMilliseconds()))
        case .probe(let session, _): probe(session)
        // To be ended meanwhile, and told of it, it had to be in.
        case .answer, .end: break
        }
        updateInterest()
    }

    /// The seat of the request at hand, or the place in front of it.
    var sessionLease: SessionLease? {
        if case .held(let request) = use { return request.context.session?.lease }
        return liveContext?.session?.lease
    }

    /// Is the client there? Whoever was heard just now need not be asked.
    private func probe(_ session: SessionID) {
        guard let seat = liveContext?.session, seat.lease.id == session else { return }
        if loop.now - connection.lastHeard < Self.recently, !isEventStream {
            return seat.lease.answered(now: loop.now)
        }
        switch use {
        case .exchange(let exchange): exchange.probe()
        case .webSocket(let relay): relay.probe()
        case .nothing, .held: break
        }
    }

    /// What is known of a session only here; nil when it is not this connection's.
    func figures(of session: SessionID) -> SessionFigures? {
        guard let context = liveContext, context.listedID == session else { return nil }
        var figures = SessionFigures(
            lastHeard: connection.lastHeard, octetsIn: UInt64(context.traffic.octetsIn),
            octetsOut: UInt64(context.traffic.octetsOut), backend: context.backend,
            server: context.outcome.server?.text)
        if case .webSocket(let relay) = use {
            let counts = relay.flow.messageCounts
            figures.messagesIn = UInt64(counts.fromClient)
            figures.messagesOut = UInt64(counts.fromUpstream)
        }
        return figures
    }

    private var isEventStream: Bool { if case .exchange = use { true } else { false } }

    private static let recently: Duration = .seconds(1)
}
