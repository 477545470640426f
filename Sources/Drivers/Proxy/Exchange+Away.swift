internal import Clock
internal import Endings
internal import Entry
internal import HTTP1
internal import Identity
internal import JWT
internal import Settings
internal import Transport
internal import Upstreams

/// What becomes of a request while no server of its group can be reached (`while_away`). Nothing of
/// it was sent then, so it does not matter what it asks for.
extension Exchange {
    /// Others wait for the same servers, none of which is known to be back: to try would be one
    /// attempt more that fails.
    func waitsBehindOthers(in worker: Worker) -> Bool {
        guard !worker.waitingRooms.isEmpty, wait.state != .trying,
            case .hold = plan.route.settings.whileAway
        else { return false }
        return worker.isAway(plan.group)
    }

    /// No server was reached: waits until its worker says to try once more.
    func awaitServer(in worker: Worker) {
        worker.noteAway(plan.group, for: client.token)
        guard case .hold(let patience) = plan.route.settings.whileAway, !worker.isDraining,
            !client.hasInputEnded, wait.begin(at: worker.now, patience: patience)
        else { return fail(.unreachable, in: worker) }
        guard worker.awaitServer(of: plan.group, for: client.token, context) else {
            worker.shared.counters.note(held: \.refused)
            return fail(.unreachable, in: worker)
        }
        client.set(.phase, at: wait.deadline, in: worker)
        watchToken(in: worker)
        client.updateInterest(in: worker)
    }

    /// It is this request's turn to try.
    func tryServer(of group: BackendGroup, in worker: Worker) {
        guard wait.tryNow() else { return }
        chooseServer(of: group, in: worker)
        client.updateInterest(in: worker)
    }

    /// It waits no more: it goes on, or ends.
    func endWait(_ outcome: WritableKeyPath<Counters.Held, UInt64>, in worker: Worker) {
        var ended = wait
        guard ended.end() else { return }
        wait = ended
        worker.shared.counters.note(held: outcome)
        worker.stopAwaitingServer(of: plan.group, for: client.token)
        client.timers.clear(.phase)
        client.timers.clear(.flow)
    }

    func waitTimedOut(in worker: Worker) {
        guard wait.isActive, worker.now >= wait.deadline else { return }
        // A server is back, and it has only not been its turn yet.
        if wait.state == .waiting, let group = worker.openingGroup(plan.group) {
            return tryServer(of: group, in: worker)
        }
        fail(.unreachable, in: worker)
    }

    /// The process stops, and what waits would only delay that.
    func drainWaiting(in worker: Worker) {
        if wait.isActive { fail(.draining, in: worker) }
    }

    // MARK: The token's end

    private func watchToken(in worker: Worker) {
        client.set(.flow, at: tokenDue(in: worker) ?? .never, in: worker)
    }

    /// When its token has to be asked about: nobody waits for longer than his token is good.
    private func tokenDue(in worker: Worker) -> Instant? {
        if let live = context.live { return live.nextDue(in: worker) }
        guard let identity = context.identity, context.enforcesTokens else { return nil }
        let now = SystemClock.wallTime()
        return context.expiry(of: identity, by: context.generation, now: now)
            .delay(from: now).map { worker.now + $0 }
    }

    func checkToken(in worker: Worker) {
        if let live = context.live {
            if live.expire(context, client, in: worker) { watchToken(in: worker) }
            return
        }
        fail(TokenError.expired.refusal, in: worker)
    }
}
