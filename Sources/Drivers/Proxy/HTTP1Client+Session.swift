internal import Clock
internal import Generations
internal import Loop
internal import Sessions

extension ThreadState {
    /// What the store of sessions says of a connection: it hears that. A seat that nobody there
    /// waits for any more is given back.
    func told(_ message: SessionMessage) {
        let client = client(message.connection.connection)
        if let fact = message.stray(beside: client?.sessionLease) {
            shared.sessions.store.tell(fact, now: loop.now)
            return noteSessionDeadline()
        }
        guard let client else { return }
        if case .held(let request) = client.phase {
            request.told(message)
            return client.resume()
        }
        switch message {
        // The table that had it gave it up.
        case .end(let ending) where client.liveContext?.listedID == ending.session:
            client.disconnect(
                Disconnection(ending, comingBackIn: loop.reconnectDelayMilliseconds()))
        case .probe(let session, _): client.probe(session)
        // To be ended meanwhile, and told of it, it had to be in.
        case .answer, .end: break
        }
        client.updateInterest()
    }
}

/// What the store of sessions has to do with a connection.
extension HTTP1Client {
    /// The seat of the request at hand, or the place in front of it.
    fileprivate var sessionLease: SessionLease? {
        if case .held(let request) = phase { return request.context.session?.lease }
        return liveContext?.session?.lease
    }

    /// Is the client there? Whoever was heard just now need not be asked.
    fileprivate func probe(_ session: SessionID) {
        guard let seat = liveContext?.session, seat.lease.id == session else { return }
        if loop.now - lastHeard < Self.recently, !isEventStream {
            return seat.lease.answered(now: loop.now)
        }
        switch phase {
        case .exchange(let exchange): exchange.probe()
        case .webSocket(let relay): relay.probe()
        case .head, .held, .closing, .lingering, .closed: break
        }
    }

    /// What is known of a session only here; nil when it is not this connection's.
    func figures(of session: SessionID) -> SessionFigures? {
        guard let context = liveContext, context.listedID == session else { return nil }
        var figures = SessionFigures(
            lastHeard: lastHeard, octetsIn: UInt64(context.outcome.octetsIn),
            octetsOut: UInt64(context.outcome.octetsOut), backend: context.backend,
            server: context.outcome.server?.text)
        if case .webSocket(let relay) = phase {
            let counts = relay.messageCounts
            figures.messagesIn = UInt64(counts.fromClient)
            figures.messagesOut = UInt64(counts.fromUpstream)
        }
        return figures
    }

    private var isEventStream: Bool { if case .exchange = phase { true } else { false } }

    private static let recently: Duration = .seconds(1)
}
