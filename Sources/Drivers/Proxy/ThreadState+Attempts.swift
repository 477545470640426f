internal import Bookkeeping
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Settings

/// What becomes of those who fail to enter.
extension ThreadState {
    /// What somebody is told who is refused: that, or `rate_limited` when it is a failed attempt
    /// and too many failed from its address before. Whoever succeeds is not asked here.
    func answer(_ refusal: Refusal, of context: RequestContext) -> Refusal {
        guard refusal.isFailedAttempt else { return refusal }
        guard let address = context.clientAddress,
            attempts?.isOverLimit(address, now: loop.now) == true
        else {
            noteFailedAttempt(of: context)
            return refusal
        }
        shared.counters.note(\.blockedAttempts)
        if let leftOut = attempts?.shouldLog(now: loop.now) {
            let others = leftOut == 0 ? "" : " (and \(leftOut) more)"
            shared.log.warning("too many failed attempts from \(context.client): refused\(others)")
        }
        return .tooManyAttempts
    }

    /// Whoever has failed so far has failed by the new limit, too.
    func adopt(attempts limit: AttemptLimit?) {
        guard limit != generation.settings.limits.failedAttempts else { return }
        guard let limit else { return attempts = nil }
        if attempts == nil {
            attempts = AttemptLimiter(limit)
        } else {
            attempts?.use(limit, now: loop.now)
        }
    }

    func noteFailedAttempt(of context: RequestContext) {
        shared.counters.note(\.failedAttempts)
        guard let address = context.clientAddress else { return }
        attempts?.noteFailure(address, now: loop.now)
    }

    /// A rule that is not in force would have refused a request: counted always, and written down
    /// for the access log, and once a second for the operator.
    /// - Parameters:
    ///   - refusal: how the request would have ended; nil where it would have lost something else.
    ///   - words: what it would have done.
    func noteReportOnly(
        _ rule: RouteSettings.Rule, of context: RequestContext, as refusal: Refusal? = nil,
        _ words: @autoclosure () -> String = "would have refused a request"
    ) {
        if context.outcome.wouldRefuse.contains(where: { $0.rule == rule }) { return }
        let route = context.ruledBy
        // Where no token is asked for any more, nothing would have been refused for one.
        if rule == .auth, let route, !route.authenticates { return }
        context.outcome.wouldRefuse.append((rule, refusal))
        guard let route = route?.name else { return }
        shared.counters.noteReportOnly(rule, route: route)
        guard loop.now >= nextReport else { return }
        nextReport = loop.now + .seconds(1)
        let end = refusal.map { " with \($0.status) \($0.word)" } ?? ""
        shared.log.info("'\(rule.rawValue)' of route \(route) \(words())\(end)")
    }
}

extension EntryNote {
    /// Counts it, and tells the operator.
    func take(of context: RequestContext) {
        let thread = context.thread
        switch self {
        case .wouldRefuse(let rule, let refusal, let words?):
            thread.noteReportOnly(rule, of: context, as: refusal, words)
        case .wouldRefuse(let rule, let refusal, nil):
            thread.noteReportOnly(rule, of: context, as: refusal)
        case .denied:
            guard let route = context.ruledBy else { return }
            thread.shared.counters.noteRefused(.deny, route: route.name)
        case .rateLimited:
            guard let route = context.ruledBy else { return }
            thread.noteRateLimited(context, on: route)
        }
    }
}
