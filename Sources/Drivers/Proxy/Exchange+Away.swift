internal import Bookkeeping
internal import Clients
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP1
internal import Identity
internal import JWT
internal import Loop
internal import Settings
internal import Transport
internal import Upstreams

/// What becomes of a request while no server of its group can be reached (`while_away`), or while
/// every one has as many as it may (`max_connections`). Nothing of it was sent then, so it does not
/// matter what it asks for.
extension Exchange {
    var waiting: WaitingRequest { WaitingRequest(self) }

    func beginWait(for cause: ServerWait.Cause) {
        // A server was reached when there is only no place.
        if cause == .full, wait.isActive, !wait.isCalled { endWait(\.served) }
        if let failure = waiting.begin(&wait, for: cause) { return fail(failure) }
        watchToken()
        client.updateInterest()
    }

    /// It is this request's turn to try, unless its user was locked out meanwhile.
    ///
    /// - Returns: false for one that waits no more, or does not go on.
    @discardableResult
    func tryServer(of group: BackendGroup, for cause: ServerWait.Cause = .away) -> Bool {
        guard wait.tryNow(cause) else { return false }
        client.request.clear(.connect)
        if let refusal = context.revocation() {
            fail(refusal)
            return false
        }
        chooseServer(of: group)
        client.updateInterest()
        return true
    }

    /// It waits no more: it goes on, or ends.
    func endWait(_ outcome: WritableKeyPath<Counters.Held, UInt64>) {
        guard wait.end() else { return }
        waiting.ended(wait.cause, outcome)
        client.request.clear(.flow)
    }

    func waitTimedOut() {
        guard wait.isActive, loop.now >= wait.deadline else { return }
        if wait.cause == .full {
            // Who was called already has a server, and its times.
            if wait.isQueued { fail(waiting.placeIsLate()) }
        } else if wait.state == .waiting, let group = thread.openingGroup(plan.group) {
            // A server is back, and it has only not been its turn yet.
            tryServer(of: group)
        } else {
            fail(waiting.absence)
        }
    }

    // MARK: The token's end

    func watchToken() { client.request.set(.flow, at: context.tokenDue() ?? .never) }

    func checkToken() {
        guard let live = context.live else { return fail(TokenError.expired.refusal) }
        if live.expire(context, client) { watchToken() }
    }
}
