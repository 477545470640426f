internal import Bookkeeping
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Sessions
internal import Settings
internal import Transport

/// What happens to live connections that tokens let in, and to those that wait for keys.
extension ClientLink {
    /// Of the live connection, if there is one.
    var liveContext: RequestContext? {
        switch use {
        case .exchange(let exchange): exchange.context
        case .webSocket(let relay): relay.context
        case .nothing, .held: nil
        }
    }

    /// Keys of some source were read.
    func keysRead() {
        if case .held(let request) = use {
            request.keysRead()
            resume()
        } else {
            resumeRefresh()
        }
    }

    /// What came of a refresh that the request at hand asked for.
    func refreshed(_ outcome: RefreshOutcome, number: UInt64) {
        guard case .held(let request) = use else { return }
        request.replied(outcome, number: number)
        resume()
    }

    /// The gateway says something to a client that reads it.
    func say(_ reply: ControlReply) {
        switch use {
        case .exchange(let exchange): exchange.say(reply)
        case .webSocket(let relay): relay.say(reply)
        case .nothing, .held: break
        }
        updateInterest()
    }

    /// The live connection that goes by this name ends, because its token is believed no more.
    func disconnect(_ session: SessionID, _ cause: DisconnectCause) {
        guard let context = liveContext, let live = context.live, live.id == session,
            !live.hasEnded
        else { return }
        // It may have been refreshed since the order was given.
        if cause == .tokenRevoked, let identity = context.found.identity,
            !thread.shared.revocations.current.isRevoked(identity, now: SystemClock.wallTime())
        {
            return
        }
        guard context.enforcesTokens else { return context.noteReportOnly(.auth) }
        disconnect(Disconnection(cause))
    }

    func disconnect(_ end: Disconnection) {
        switch use {
        case .exchange(let exchange): exchange.disconnect(end)
        case .webSocket(let relay): relay.disconnect(end)
        case .nothing, .held: break
        }
        updateInterest()
    }

    func rescheduleExpiry() {
        switch use {
        case .exchange(let exchange): exchange.rescheduleExpiry()
        case .webSocket(let relay): relay.rescheduleExpiry()
        case .nothing, .held: break
        }
    }
}

extension LiveState {
    /// Tells the client that its token is about to end, or ends the connection; answers who has
    /// waited for keys long enough.
    /// - Returns: false when it has ended.
    func expire(_ context: RequestContext, _ client: ClientLink) -> Bool {
        let thread = client.thread
        while let matter = takeDue(at: client.loop.now) {
            switch matter {
            case .overdue(let request, let refusal): request.overdue(refusal, on: client)
            case .leaving(let refusal):
                client.disconnect(Disconnection(.forbidden, detail: refusal.detail))
                return false
            case .notice(let seconds):
                client.say(.tokenExpiring(expiresInSeconds: seconds))
            case .expired where !context.enforcesTokens: context.noteReportOnly(.auth)
            case .expired:
                thread.shared.counters.note(\.expiries)
                client.disconnect(Disconnection(.tokenExpired))
                return false
            }
        }
        return true
    }
}
