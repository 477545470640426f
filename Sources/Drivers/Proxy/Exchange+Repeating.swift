internal import Bookkeeping
internal import Clients
internal import Endings
internal import Generations
internal import HTTP1
internal import Loop
internal import Origins
internal import Settings
internal import Upstreams

extension Exchange {
    var repeating: RepeatedRequest { RepeatedRequest(exchange: self) }
}

/// A request that got no answer, or none that anybody is to hear of: what is done then, as its
/// `Attempt` says.
struct RepeatedRequest {
    fileprivate let exchange: Exchange

    /// The whole body can be sent from its beginning.
    var keepsBody: Bool { exchange.body.kept?.isWhole ?? false }

    private var obstacle: UpstreamUse.RetryObstacle? {
        exchange.upstream?.connection.http.retryObstacle(keepsBody: keepsBody)
    }

    /// True when the request may be sent once more, be it to the same server.
    var isPossible: Bool { exchange.upstream != nil && exchange.attempt.mayResend(obstacle) }

    /// What is kept of the body may be needed again.
    var needsBody: Bool { exchange.attempt.mayRepeat(obstacle, of: exchange.plan.group) }

    /// The connection is of no use any more, and no answer came on it.
    func broke() { failed(.closedEarly) }

    /// The server is out of time.
    func isLate(_ failure: UpstreamFailure) { failed(failure) }

    private func failed(_ failure: UpstreamFailure) {
        guard exchange.upstream != nil, let server = exchange.lease?.state else {
            return exchange.fail(failure)
        }
        let step = exchange.attempt.failed(
            failure, at: server, of: exchange.plan.group, obstacle: obstacle,
            now: exchange.loop.now)
        if step == .elsewhere {
            exchange.upstream?.noteOutcome(failure.refusal.detail, of: exchange.plan.group)
        }
        carryOut(step)
    }

    /// The head of an answer came, and nothing of it has gone to the client.
    ///
    /// - Returns: true when nothing of it does: another server is asked.
    func discards(status: Int) -> Bool {
        guard status >= 500, !exchange.plan.group.settings.bounds.retryCauses.statuses.isEmpty,
            let connection = exchange.upstream?.connection, let server = exchange.lease?.state,
            exchange.attempt.discards(
                status: status, of: server, of: exchange.plan.group,
                obstacle: connection.http.retryObstacle(keepsBody: keepsBody, isHeard: false),
                now: exchange.loop.now)
        else { return false }
        carryOut(.elsewhere)
        return true
    }

    func carryOut(_ step: Attempt.Step) {
        switch step {
        case .choose:
            exchange.lease = nil
            exchange.chooseServer()
        case .wait:
            exchange.lease = nil
            exchange.beginWait(for: .away)
        // A connection that is closed has no timers.
        case .askAgain where exchange.isUnattended: exchange.fail(.busy)
        case .askAgain(let instant): exchange.client.request.set(.connect, at: instant)
        case .resend: sendAgain("the connection broke, it is sent once more")
        case .elsewhere: sendAgain("no answer, another server is asked")
        case .fail(let failure): exchange.fail(failure)
        }
    }

    private func sendAgain(_ why: String) {
        let context = exchange.context
        exchange.thread.shared.log.debug(
            "request \(context.origin.id): \(context.outcome.server?.text ?? ""): \(why)")
        exchange.closeUpstream()
        exchange.chooseServer()
    }
}
