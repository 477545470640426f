internal import Clock
internal import Endings
internal import Entry
internal import Identity
internal import Sessions
internal import Settings

/// After a reload everybody who is connected is asked for by the new rules.
extension RequestContext {
    /// Asks the newest rules whether a live connection may stay, unless they were asked before.
    ///
    /// - Returns: why it may not. It ends then as the operator wants it, unless the caller knows
    ///   better: at a moment of its own, so that not all come back at once.
    @discardableResult
    func review(in worker: Worker) -> Refusal? {
        let generation = worker.generation
        guard let live, let identity, !live.hasEnded, live.generation !== generation else {
            return nil
        }
        let standing = generation.rules.standing(of: live.request, identity)
        let moment = generation.settings.limits.reloadEnds.map {
            worker.now + worker.randomTime(within: $0)
        }
        live.adopt(standing, of: generation, leavingAt: moment)
        for rule in standing.reported {
            worker.noteReportOnly(rule, of: self, "would have ended a connection")
        }
        if let refusal = standing.refusal { return refusal }
        self.identity = standing.identity
        live.lease.renew(LiveConnection.Token(standing.identity))
        return nil
    }
}

extension HTTP1Client {
    /// Another generation serves. What is between two requests goes over to it at once; a live
    /// connection is asked whether it may stay.
    /// - Returns: true for a live one that may not.
    func review(in worker: Worker) -> Bool {
        follow(worker)
        endIfIdle(in: worker)
        guard let context = liveContext, let live = context.live else { return false }
        guard context.review(in: worker) != nil else {
            // By the new rules its user may have another name, which was locked out before.
            disconnect(live.id, .tokenRevoked, in: worker)
            return false
        }
        rescheduleExpiry(in: worker)
        return true
    }
}

extension Worker {
    /// Asks some of those who are connected whether they may stay: the others have their turn, too.
    func continueReview() {
        for token in reviews.next(Self.turnCount) {
            guard let client = client(token), client.review(in: self) else { continue }
            reviewedOut += 1
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
