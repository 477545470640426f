internal import Bookkeeping
internal import Clients
internal import Clock
internal import Loop
internal import Settings
internal import Upstreams

/// What becomes of a request while every server has as many as it may (`max_connections`). Whose
/// turn it is, by whichever worker's doing, says the group's `PlaceQueue`.
extension Exchange {
    /// How often it is looked whether there is a place although nobody gave one back: a server is
    /// back, or a reload has raised its limit.
    private static let placePause: Duration = .milliseconds(100)

    private var waiter: PlaceQueue.Waiter {
        PlaceQueue.Waiter(worker: thread.index, client: client.token)
    }

    /// The request waits, for the first time, or once more when it found its place taken.
    func awaitPlace() {
        let wasCalled = wait.isCalled
        // A server was reached by then.
        if wait.isActive, !wasCalled { endWait(\.served) }
        guard !thread.isDraining, !isUnattended, !client.request.hasInputEnded else {
            return fail(.queueFull)
        }
        guard wait.begin(at: loop.now, patience: plan.group.queue.time, for: .full) else {
            return placeIsLate()
        }
        guard plan.group.enterQueue(waiter, inFront: wasCalled, now: loop.now) else {
            return fail(.queueFull)
        }
        client.request.set(.phase, at: wait.deadline)
        client.request.set(.connect, at: loop.now + Self.placePause)
        watchToken()
        client.updateInterest()
    }

    func lookForPlace() {
        thread.newest(plan.group).callWaiter(now: loop.now)
        client.request.set(.connect, at: loop.now + Self.placePause)
    }

    func placeIsLate() {
        plan.group.ledger.note(\.latePlaces)
        fail(.queueTimeout)
    }

    func leaveQueue() {
        plan.group.ledger.leave(waiter)
        client.request.clear(.connect)
    }
}
