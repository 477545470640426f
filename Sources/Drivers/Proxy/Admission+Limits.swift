internal import Clock
internal import Endings
internal import Identity
internal import Rates
internal import Settings

/// Steps 3 and 5 of admission, and the end of step 7: who may come at all, and how often. Rates are
/// asked before the token where they can be, so that what they refuse costs no look at one.
extension Admission {
    /// `allow` and `deny`: by the client's address, a trusted proxy's word counted.
    func checkAddress(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        let rules = route.settings.addresses
        guard !rules.rules.isEmpty, rules.denies(context.provenance.address.rulesOctets) else {
            return
        }
        worker.shared.counters.noteRefused(.deny, route: route.name)
        throw Refusal(
            .policy, status: 403, detail: "address", message: "This address may not come here")
    }

    /// By what is known without a token. Asked once, also of a request that waits for keys and is
    /// looked at again.
    func checkEarlyRates(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        guard !route.earlyRates.isEmpty, !context.hasDrawn else { return }
        context.hasDrawn = true
        try check(route.earlyRates, of: route, in: worker)
    }

    /// By what the token says.
    func checkLateRates(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        guard !route.lateRates.isEmpty else { return }
        try check(route.lateRates, of: route, in: worker)
    }

    /// A request that some limit refuses draws from none of `rules`.
    private func check(
        _ rules: [RateRule], of route: Generation.Route, in worker: Worker
    ) throws(Refusal) {
        let draws = rules.compactMap(draw)
        guard let wait = worker.shared.rates.take(draws, now: worker.now) else { return }
        let refusal = Refusal(
            .rateLimited, detail: "rate", message: "Too many requests",
            retryAfterSeconds: wait.secondsRoundedUp)
        if route.settings.reportOnly.contains(.rate) {
            return worker.noteReportOnly(.rate, of: context, as: refusal)
        }
        worker.noteRateLimited(context, on: route)
        throw refusal
    }

    /// Nil for a request that has nothing to count by.
    private func draw(_ rule: RateRule) -> RateDraw? {
        switch rule.limit.subject {
        case .address: context.clientAddress.map { rule.draw(addressKey: $0.key) }
        case .user:
            context.identity.flatMap { identity in
                identity.user.map { rule.draw(user: $0, of: identity.rule) }
            }
        case .source(let source): facts.text(of: source).map { rule.draw(value: $0) }
        }
    }
}

extension Duration {
    /// Whole seconds, at least one, for `Retry-After`.
    fileprivate var secondsRoundedUp: Int {
        let nanoseconds = max(1, wholeNanoseconds)
        return Int((nanoseconds - 1) / 1_000_000_000 + 1)
    }
}
