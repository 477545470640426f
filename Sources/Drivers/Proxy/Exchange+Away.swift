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

/// What becomes of a request while no server of its group can be reached (`while_away`). Nothing of
/// it was sent then, so it does not matter what it asks for.
extension Exchange {
    /// Others wait for the same servers, none of which is known to be back: to try would be one
    /// attempt more that fails.
    func waitsBehindOthers() -> Bool {
        guard !thread.awayServers.rooms.isEmpty, wait.state != .trying,
            case .hold = plan.route.settings.whileAway
        else { return false }
        return thread.isAway(plan.group)
    }

    /// No server was reached: who is still there waits until the worker says to try once more.
    func awaitServer() {
        thread.noteAway(plan.group, for: client.token)
        guard case .hold(let patience) = plan.route.settings.whileAway, !thread.isDraining,
            !client.request.hasInputEnded, !isUnattended,
            wait.begin(at: loop.now, patience: patience)
        else { return fail(plan.group.settings.health.failsFast ? .noneUp : attempt.obstacle) }
        guard
            thread.awaitServer(
                of: plan.group, for: client.token, from: context.clientAddress)
        else {
            thread.shared.counters.note(held: \.refused)
            return fail(attempt.obstacle)
        }
        client.request.set(.phase, at: wait.deadline)
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
        switch wait.cause {
        case .away:
            thread.shared.counters.note(held: outcome)
            thread.stopAwaitingServer(of: plan.group, for: client.token)
        case .full: leaveQueue()
        }
        client.request.clear(.phase)
        client.request.clear(.flow)
    }

    func waitTimedOut() {
        guard wait.isActive, loop.now >= wait.deadline else { return }
        if wait.cause == .full {
            // Who was called already has a server, and its times.
            return wait.isQueued ? placeIsLate() : ()
        }
        // A server is back, and it has only not been its turn yet.
        if wait.state == .waiting, let group = thread.openingGroup(plan.group) {
            tryServer(of: group)
            return
        }
        fail(attempt.obstacle)
    }

    // MARK: The token's end

    func watchToken() { client.request.set(.flow, at: context.tokenDue() ?? .never) }

    func checkToken() {
        guard let live = context.live else { return fail(TokenError.expired.refusal) }
        if live.expire(context, client) { watchToken() }
    }
}
