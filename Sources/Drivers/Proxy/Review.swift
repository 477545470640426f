internal import Bookkeeping
internal import Clients
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Loop
internal import Sessions
internal import Settings

/// After a reload everybody who is connected is asked for by the new rules.
extension RequestContext {
    /// Asks the newest rules whether a live connection may stay, unless they were asked before.
    ///
    /// - Returns: why it may not. It ends then as the operator wants it, unless the caller knows
    ///   better: at a moment of its own, so that not all come back at once.
    @discardableResult
    func review() -> Refusal? {
        let generation = thread.generation
        guard let live, let identity = found.identity, !live.hasEnded,
            live.generation !== generation
        else {
            return nil
        }
        let standing = generation.rules.standing(of: live.request, identity)
        let moment = generation.settings.limits.reloadEnds.map {
            thread.loop.now + thread.loop.randomTime(within: $0)
        }
        live.adopt(standing, of: generation, leavingAt: moment)
        for rule in standing.reported {
            noteReportOnly(rule, "would have ended a connection")
        }
        if let refusal = standing.refusal { return refusal }
        self.found.identity = standing.identity
        live.lease.renew(LiveConnection.Token(standing.identity))
        return nil
    }
}

extension ClientLink {
    /// Another generation serves. What is between two requests goes over to it at once; a live
    /// connection is asked whether it may stay.
    /// - Returns: true for a live one that may not.
    func review() -> Bool {
        connection.follow(thread.generation)
        if let end = connection.endIfIdle() { close(reset: end.reset) }
        guard let context = liveContext, let live = context.live else { return false }
        guard context.review() != nil else {
            // By the new rules its user may have another name, which was locked out before.
            disconnect(live.id, .tokenRevoked)
            return false
        }
        rescheduleExpiry()
        return true
    }
}

extension Worker {
    /// Everybody who is connected is to be asked for by the newest rules.
    func beginReview() {
        reviews = Backlog()
        reviewedOut = 0
        for client in clients { reviews.append(client.token) }
    }

    /// Asks some of those who are connected whether they may stay: the others have their turn, too.
    func continueReview() {
        for token in reviews.next(Loop.turnCount) {
            guard let client = thread.client(token) else { continue }
            if client.review() { reviewedOut += 1 }
            loop.eventEnded()
        }
        guard reviews.isEmpty, reviewedOut > 0 else { return }
        let when =
            generation.settings.limits.reloadEnds.map { "within \($0)" } ?? "with their tokens"
        shared.log.info(
            "\(reviewedOut) connections may not stay under generation \(generation.number): "
                + "they end \(when)")
        reviewedOut = 0
    }
}
