internal import Bookkeeping
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Settings

/// What becomes of those who fail to enter.
extension RequestContext {
    /// What somebody is told who is refused: that, or `rate_limited` when it is a failed attempt
    /// and too many failed from its address before. Whoever succeeds is not asked here.
    func answer(to refusal: Refusal) -> Refusal {
        guard refusal.isFailedAttempt else { return refusal }
        let now = thread.loop.now
        guard let address = clientAddress,
            thread.attempts?.isOverLimit(address, now: now) == true
        else {
            noteFailedAttempt()
            return refusal
        }
        thread.shared.counters.note(\.blockedAttempts)
        if let leftOut = thread.attempts?.shouldLog(now: now) {
            let others = leftOut == 0 ? "" : " (and \(leftOut) more)"
            thread.shared.log.warning("too many failed attempts from \(client): refused\(others)")
        }
        return .tooManyAttempts
    }

    func noteFailedAttempt() {
        thread.shared.counters.note(\.failedAttempts)
        guard let address = clientAddress else { return }
        thread.attempts?.noteFailure(address, now: thread.loop.now)
    }

    private func noteRateLimited(on route: ServedRoute) {
        thread.shared.counters.noteRefused(.rate, route: route.name)
        thread.warn(
            thread.shared.lines.rate, "too many requests from \(client) to \(route.name): refused")
    }

    /// A rule that is not in force would have refused a request: counted always, and written down
    /// for the access log, and once a second for the operator.
    /// - Parameters:
    ///   - refusal: how the request would have ended; nil where it would have lost something else.
    ///   - words: what it would have done.
    func noteReportOnly(
        _ rule: RouteSettings.Rule, as refusal: Refusal? = nil,
        _ words: @autoclosure () -> String = "would have refused a request"
    ) {
        if outcome.wouldRefuse.contains(where: { $0.rule == rule }) { return }
        let route = ruledBy
        // Where no token is asked for any more, nothing would have been refused for one.
        if rule == .auth, let route, !route.authenticates { return }
        outcome.wouldRefuse.append((rule, refusal))
        guard let route = route?.name else { return }
        thread.shared.counters.noteReportOnly(rule, route: route)
        guard thread.loop.now >= thread.nextReport else { return }
        thread.nextReport = thread.loop.now + .seconds(1)
        let end = refusal.map { " with \($0.status) \($0.word)" } ?? ""
        thread.shared.log.info("'\(rule.rawValue)' of route \(route) \(words())\(end)")
    }

    /// Counts what admission has to say besides, and tells the operator.
    func take(_ note: EntryNote) {
        switch note {
        case .wouldRefuse(let rule, let refusal, let words?):
            noteReportOnly(rule, as: refusal, words)
        case .wouldRefuse(let rule, let refusal, nil): noteReportOnly(rule, as: refusal)
        case .denied:
            guard let route = ruledBy else { return }
            thread.shared.counters.noteRefused(.deny, route: route.name)
        case .rateLimited:
            guard let route = ruledBy else { return }
            noteRateLimited(on: route)
        }
    }
}
