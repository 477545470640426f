internal import Bookkeeping
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Sessions
internal import Settings
internal import Transport

extension RefreshOrder {
    /// Asks the worker of the connection that it is for.
    ///
    /// - Returns: the number of the refresh; nil when there is no such connection.
    func send(from client: ClientLink) -> UInt64? {
        let thread = client.thread
        guard let id = SessionID(session), let live = thread.shared.live.find(id),
            live.livesOn != nil
        else { return nil }
        let number = thread.loop.newInteger()
        thread.shared.mailboxes[Int(live.connection.worker)].post(
            .refresh(
                connection: live.connection.connection,
                RefreshRequest(
                    session: id, token: token, begin: thread.loop.now,
                    origin: RefreshRequest.Origin(
                        worker: thread.shared.mailboxes[thread.index],
                        client: client.token, number: number))))
        return number
    }
}

/// Judges new tokens as admission judged the first.
extension LiveState {
    enum RefreshVerdict {
        case accepted(VerifiedIdentity)
        /// The keys of its issuer are being read.
        case awaitKeys(KeyWait)
        /// The connection goes on under the token it has.
        case refused(Refusal)
        /// The token is another user's.
        case otherUser(Refusal)
        /// The user may not be here any more.
        case forbidden(Refusal)
    }

    /// By the newest rules there are, whatever let the connection in.
    func judge(_ refresh: RefreshRequest, of context: RequestContext) -> RefreshVerdict {
        context.review()
        let thread = context.thread
        let generation = thread.generation
        guard let asked = request.asked(),
            let place = generation.rules.place(of: asked, request), let route = place.route
        else { return .forbidden(.routeIsGone) }
        guard generation.rules.routes[route].authenticates else { return .refused(.noToken) }
        let attempt = GateAttempt(
            on: thread, generation, route: route, from: context.clientAddress, begin: refresh.begin)
        let found = attempt.run {
            (gate, circumstances, cache) throws(GateFailure) in
            try gate.authenticate(token: refresh.token.octets.span, circumstances, cache: &cache)
        }
        let identity: VerifiedIdentity
        switch found {
        case .passed(let verified): identity = verified
        case .refused(let refusal): return .refused(refusal)
        case .awaitKeys(let wait): return .awaitKeys(wait)
        }
        guard let current = context.found.identity else {
            return .refused(GateFailure.revoked.refusal)
        }
        if let refusal = RefreshDecision(current: current, new: identity).refusal {
            return .otherUser(refusal)
        }
        let verdict = generation.rules.judge(
            at: place, roles: identity.roles,
            facts: asked.facts(claims: identity.claims))
        for violation in verdict.reported {
            context.noteReportOnly(violation.rule, as: violation.refusal)
        }
        if let violation = verdict.refused { return .forbidden(violation.refusal) }
        adopt(route: route, of: generation)
        return .accepted(identity)
    }

    /// Goes on under another token. False when that was revoked just now.
    func renew(_ identity: VerifiedIdentity, of context: RequestContext) -> Bool {
        let now = SystemClock.wallTime()
        context.found.identity = identity
        lease.renew(LiveConnection.Token(identity))
        expiry = context.expiry(of: identity, by: generation, now: now)
        return !context.enforcesTokens
            || !context.thread.shared.revocations.current.isRevoked(identity, now: now)
    }
}

extension ClientLink {
    /// A new token came for the connection.
    func refresh(_ request: RefreshRequest) {
        guard let context = liveContext, let live = context.live, live.id == request.session,
            !live.hasEnded
        else { return request.reply(.unknownSession) }
        switch live.judge(request, of: context) {
        case .accepted(let identity):
            guard live.renew(identity, of: context) else {
                request.reply(.refused(GateFailure.revoked.refusal))
                return disconnect(Disconnection(.tokenRevoked))
            }
            thread.shared.counters.note(\.refreshes)
            let reply = ControlReply(refreshed: identity, now: SystemClock.wallTime())
            request.reply(.refreshed(reply))
            if request.origin == nil { say(reply) }
            rescheduleExpiry()
        case .awaitKeys(let wait):
            guard let shorter = wait.within(request.deadline), loop.now < shorter.deadline,
                thread.awaitKeys(token, from: context.clientAddress)
            else { return request.refuse(wait.refusal, on: self) }
            var waiting = request
            waiting.deadline = shorter.deadline
            live.await(shorter, waiting)
            rescheduleExpiry()
        case .refused(let refusal): request.refuse(refusal, on: self)
        case .otherUser(let refusal):
            request.reply(.refused(refusal.asFailedAttempt))
            // A stranger who knows the session's name must not be able to end it.
            if request.origin == nil {
                guard context.enforcesTokens else {
                    return say(.error(refusal, at: SystemClock.wallTime()))
                }
                disconnect(Disconnection(.forbidden, detail: refusal.detail))
            }
        case .forbidden(let refusal):
            request.reply(.refused(refusal))
            disconnect(Disconnection(.forbidden, detail: refusal.detail))
        }
    }

    /// Keys of some source were read: what waited for them is tried again.
    func resumeRefresh() {
        guard let request = liveContext?.live?.takePending() else { return }
        refresh(request)
    }

}

extension RefreshRequest {
    /// The new token is not accepted.
    fileprivate func refuse(_ refusal: Refusal, on client: ClientLink) {
        reply(.refused(refusal))
        guard origin == nil, let context = client.liveContext else { return }
        client.say(.error(context.answer(to: refusal), at: SystemClock.wallTime()))
    }

    /// It waited for keys, and does so no longer: its place is another's.
    func overdue(_ refusal: Refusal, on client: ClientLink) {
        client.thread.stopAwaitingKeys(client.token)
        refuse(refusal, on: client)
    }
}
