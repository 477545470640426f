internal import Clock
internal import Endings
internal import Identity
internal import Settings

/// What becomes of those who fail to enter.
extension Worker {
    /// What somebody is told who is refused: that, or `rate_limited` when it is a failed attempt
    /// and too many failed from its address before. Whoever succeeds is not asked here.
    func answer(_ refusal: GateRefusal, of context: RequestContext) -> GateRefusal {
        guard refusal.isFailedAttempt else { return refusal }
        guard let address = context.clientAddress,
            attempts?.isOverLimit(address, now: now) == true
        else {
            noteFailedAttempt(of: context)
            return refusal
        }
        shared.counters.note(\.blockedAttempts)
        if let leftOut = attempts?.shouldLog(now: now) {
            let others = leftOut == 0 ? "" : " (and \(leftOut) more)"
            shared.log.warning(
                "too many failed attempts from \(context.client): refused\(others)")
        }
        return GateRefusal(refusal: .tooManyAttempts)
    }

    /// Whoever has failed so far has failed by the new limit, too.
    func adopt(attempts limit: AttemptLimit?) {
        guard limit != generation.settings.limits.failedAttempts else { return }
        guard let limit else { return attempts = nil }
        if attempts == nil {
            attempts = AttemptLimiter(limit)
        } else {
            attempts?.use(limit, now: now)
        }
    }

    func noteFailedAttempt(of context: RequestContext) {
        shared.counters.note(\.failedAttempts)
        guard let address = context.clientAddress else { return }
        attempts?.noteFailure(address, now: now)
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
        if context.wouldRefuse.contains(where: { $0.rule == rule }) { return }
        let route = context.ruledBy
        // Where no token is asked for any more, nothing would have been refused for one.
        if rule == .auth, let route, !route.authenticates { return }
        context.wouldRefuse.append((rule, refusal))
        guard let route = route?.name else { return }
        shared.counters.noteReportOnly(rule, route: route)
        guard now >= nextReport else { return }
        nextReport = now + .seconds(1)
        let end = refusal.map { " with \($0.status) \($0.word)" } ?? ""
        shared.log.info("'\(rule.rawValue)' of route \(route) \(words())\(end)")
    }
}

extension Refusal {
    /// One more failed than its address may. Its connection ends with that (`endsConnection`).
    static let tooManyAttempts = Refusal(
        .rateLimited, detail: "attempts", message: "Too many failed attempts",
        retryAfterSeconds: 1)

    /// The finest word there is for it.
    var word: String { detail ?? reason.rawValue }

    /// No further request is read behind such an answer: where the request ends is not known for
    /// sure, or the client is up to something.
    var endsConnection: Bool { reason == .protocolError || self == .tooManyAttempts }
}
