internal import Clock
internal import Endings
internal import Entry
internal import Identity
internal import Sessions
internal import Settings
internal import Transport

/// What happens to live connections that tokens let in, and to those that wait for keys.
extension HTTP1Client {
    /// Of the live connection, if there is one.
    var liveContext: RequestContext? {
        switch phase {
        case .exchange(let exchange): exchange.context
        case .webSocket(let relay): relay.context
        case .head, .held, .closing, .lingering, .closed: nil
        }
    }

    /// Keys of some source were read.
    func keysRead(in worker: Worker) {
        if case .held(let request) = phase {
            request.keysRead(from: self, in: worker)
            resume(in: worker)
        } else {
            resumeRefresh(in: worker)
        }
    }

    /// What came of a refresh that the request at hand asked for.
    func refreshed(_ outcome: RefreshOutcome, number: UInt64, in worker: Worker) {
        guard case .held(let request) = phase else { return }
        request.replied(outcome, number: number, from: self, in: worker)
        resume(in: worker)
    }

    /// The gateway says something to a client that reads it.
    func say(_ reply: ControlReply, in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.say(reply, in: worker)
        case .webSocket(let relay): relay.say(reply, in: worker)
        case .head, .held, .closing, .lingering, .closed: break
        }
        updateInterest(in: worker)
    }

    /// The live connection that goes by this name ends, because its token is believed no more.
    func disconnect(_ session: SessionID, _ cause: DisconnectCause, in worker: Worker) {
        guard let context = liveContext, let live = context.live, live.id == session,
            !live.hasEnded
        else { return }
        // It may have been refreshed since the order was given.
        if cause == .tokenRevoked, let identity = context.identity,
            !worker.shared.revocations.current.isRevoked(identity, now: SystemClock.wallTime())
        {
            return
        }
        guard context.enforcesTokens else { return worker.noteReportOnly(.auth, of: context) }
        disconnect(Disconnection(cause), in: worker)
    }

    func disconnect(_ end: Disconnection, in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.disconnect(end, in: worker)
        case .webSocket(let relay): relay.disconnect(end, in: worker)
        case .head, .held, .closing, .lingering, .closed: break
        }
        updateInterest(in: worker)
    }

    func rescheduleExpiry(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.rescheduleExpiry(in: worker)
        case .webSocket(let relay): relay.rescheduleExpiry(in: worker)
        case .head, .held, .closing, .lingering, .closed: break
        }
    }
}

extension LiveState {
    /// Tells the client that its token is about to end, or ends the connection; answers who has
    /// waited for keys long enough.
    /// - Returns: false when it has ended.
    func expire(
        _ context: RequestContext, _ client: HTTP1Client, in worker: Worker
    ) -> Bool {
        while let matter = takeDue(at: worker.now) {
            switch matter {
            case .overdue(let request, let refusal): client.refuse(request, refusal, in: worker)
            case .leaving(let refusal):
                client.disconnect(Disconnection(.forbidden, detail: refusal.detail), in: worker)
                return false
            case .notice(let seconds):
                client.say(.tokenExpiring(expiresInSeconds: seconds), in: worker)
            case .expired where !context.enforcesTokens: worker.noteReportOnly(.auth, of: context)
            case .expired:
                worker.shared.counters.note(\.expiries)
                client.disconnect(Disconnection(.tokenExpired), in: worker)
                return false
            }
        }
        return true
    }
}
