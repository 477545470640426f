internal import Clock
internal import Endings
internal import Identity
internal import Settings

/// Who has failed too often to enter is not looked at for a while.
extension Worker {
    /// Throws when further attempts from the address of a request are refused.
    func checkAttempts(of context: RequestContext) throws(Refusal) {
        guard attempts != nil, let address = context.clientAddress,
            attempts?.isBlocked(address, now: now) == true
        else { return }
        shared.counters.note(\.blockedAttempts)
        if let leftOut = attempts?.shouldLog(now: now) {
            let others = leftOut == 0 ? "" : " (and \(leftOut) more)"
            shared.log.warning(
                "too many failed attempts from \(context.client): refused\(others)")
        }
        throw Refusal(
            .rateLimited, detail: "attempts", message: "Too many failed attempts",
            retryAfterSeconds: 1)
    }

    func noteFailedAttempt(of context: RequestContext) {
        shared.counters.note(\.failedAttempts)
        guard let address = context.clientAddress else { return }
        attempts?.noteFailure(address, now: now)
    }

    /// A rule that is not in force would have refused a request: counted always, and written down
    /// for the access log, and once a second for the operator.
    /// - Parameter words: what it would have done.
    func noteReportOnly(
        _ rule: RouteSettings.Rule, of context: RequestContext,
        _ words: @autoclosure () -> String = "would have refused a request"
    ) {
        if context.wouldRefuse.contains(rule) { return }
        let route = context.ruledBy
        // Where no token is asked for any more, nothing would have been refused for one.
        if rule == .auth, let route, !route.authenticates { return }
        context.wouldRefuse.append(rule)
        guard let route = route?.name else { return }
        shared.counters.noteReportOnly(rule, route: route)
        guard now >= nextReport else { return }
        nextReport = now + .seconds(1)
        shared.log.info("'\(rule.rawValue)' of route \(route) \(words())")
    }
}
