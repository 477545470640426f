internal import Clock
internal import Endings
internal import Identity

/// Who has failed too often to enter is not looked at for a while.
extension Worker {
    /// Throws when further attempts from the address of a request are refused.
    func checkAttempts(of context: RequestContext) throws(Refusal) {
        guard attempts != nil, let address = context.clientAddress,
            attempts?.isBlocked(address, now: now) == true
        else { return }
        shared.counters.noteBlockedAttempt()
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
        shared.counters.noteFailedAttempt()
        guard let address = context.clientAddress else { return }
        attempts?.noteFailure(address, now: now)
    }
}
