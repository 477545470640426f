internal import Clock
internal import Sessions

extension SessionMessage {
    /// What the connection hears that it is about. A seat that nobody there waits for any more is
    /// given back.
    func reach(_ client: HTTP1Client?, in worker: Worker) {
        if let fact = stray(beside: client?.sessionLease) {
            worker.shared.sessions.store.tell(fact, now: worker.now)
            return worker.noteSessionDeadline()
        }
        guard let client else { return }
        if case .held(let request) = client.phase {
            request.told(self, from: client, in: worker)
            return client.resume(in: worker)
        }
        switch self {
        // The table that had it gave it up.
        case .end(let ending) where client.liveContext?.listedID == ending.session:
            client.disconnect(Disconnection(ending, in: worker), in: worker)
        case .probe(let session, _): client.probe(session, in: worker)
        // To be ended meanwhile, and told of it, it had to be in.
        case .answer, .end: break
        }
        client.updateInterest(in: worker)
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
    fileprivate func probe(_ session: SessionID, in worker: Worker) {
        guard let seat = liveContext?.session, seat.lease.id == session else { return }
        if worker.now - lastHeard < Self.recently, !isEventStream {
            return seat.lease.answered(now: worker.now)
        }
        switch phase {
        case .exchange(let exchange): exchange.probe(in: worker)
        case .webSocket(let relay): relay.probe(in: worker)
        case .head, .held, .closing, .lingering, .closed: break
        }
    }

    /// What is known of a session only here; nil when it is not this connection's.
    func figures(of session: SessionID) -> SessionFigures? {
        guard let context = liveContext, context.listedID == session else { return nil }
        var figures = SessionFigures(
            lastHeard: lastHeard, octetsIn: UInt64(context.octetsIn),
            octetsOut: UInt64(context.octetsOut), backend: context.backend,
            server: context.server?.text)
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
