internal import Clock
internal import Sessions

/// What the store of sessions has to do with a connection.
extension ClientConnection {
    func told(_ message: SessionMessage, in worker: Worker) {
        if case .held(let request) = phase {
            request.told(message, from: self, in: worker)
            return resume(in: worker)
        }
        switch message {
        // The table that had it gave it up.
        case .end(let ending) where liveContext?.listedID == ending.session:
            disconnect(Disconnection(ending, in: worker), in: worker)
        case .probe(let session, _): probe(session, in: worker)
        // To be ended meanwhile, and told of it, it had to be in.
        case .admitted, .refused, .answer, .end: break
        }
        updateInterest(in: worker)
    }

    /// Is the client there? Whoever was heard just now need not be asked.
    private func probe(_ session: SessionID, in worker: Worker) {
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
