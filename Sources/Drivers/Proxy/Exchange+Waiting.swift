internal import Bookkeeping
internal import Clients
internal import Clock
internal import Entry
internal import Generations
internal import Identity
internal import Loop
internal import Settings
internal import Upstreams

/// A request that waits, or is to: for a server that can be reached (`while_away`), or for a place
/// at one (`max_connections`). How long, says its `ServerWait`; when it is its turn, its worker, or
/// the group's `PlaceQueue`, by whichever worker's doing.
struct WaitingRequest {
    private let client: ClientLink
    private let plan: ForwardPlan
    private let address: ClientAddress?
    /// The client has left, and the request goes on without it.
    private let isUnattended: Bool
    /// Why the last server that was tried could not be reached.
    private let obstacle: UpstreamFailure
    /// A server had it, and did not answer: it waits for none any more.
    private let sentInVain: UpstreamFailure?

    init(_ exchange: Exchange) {
        client = exchange.client
        plan = exchange.plan
        address = exchange.context.clientAddress
        isUnattended = exchange.isUnattended
        obstacle = exchange.attempt.obstacle
        sentInVain = exchange.attempt.sentInVain
    }

    /// How often it is looked whether there is a place although nobody gave one back: a server is
    /// back, or a reload has raised its limit.
    private static let placePause: Duration = .milliseconds(100)

    private var thread: ThreadState { client.thread }
    private var now: Instant { client.loop.now }

    private var waiter: PlaceQueue.Waiter {
        PlaceQueue.Waiter(worker: thread.index, client: client.token)
    }

    /// There is somebody to wait for the answer, and the process goes on.
    private var mayWait: Bool {
        !thread.isDraining && !isUnattended && !client.request.hasInputEnded
    }

    /// The request is to wait.
    ///
    /// - Returns: why it does not; nil for one that does.
    func begin(_ wait: inout ServerWait, for cause: ServerWait.Cause) -> UpstreamFailure? {
        switch cause {
        case .away: awaitServer(&wait)
        case .full: awaitPlace(&wait)
        }
    }

    // MARK: For a server

    /// Others wait for the same servers, none of which is known to be back: to try would be one
    /// attempt more that fails.
    func isBehindOthers(_ wait: ServerWait) -> Bool {
        guard wait.state != .trying, case .hold = plan.route.settings.whileAway else {
            return false
        }
        return thread.isAway(plan.group)
    }

    /// No server was reached: who is still there waits until the worker says to try once more.
    private func awaitServer(_ wait: inout ServerWait) -> UpstreamFailure? {
        if let sentInVain { return sentInVain }
        thread.noteAway(plan.group, for: client.token)
        guard mayWait, case .hold(let patience) = plan.route.settings.whileAway,
            wait.begin(at: now, patience: patience)
        else { return absence }
        guard thread.awaitServer(of: plan.group, for: client.token, from: address) else {
            thread.shared.counters.note(held: \.refused)
            return absence
        }
        client.request.set(.phase, at: wait.deadline)
        return nil
    }

    /// What the request ends with when no server is there for it.
    var absence: UpstreamFailure {
        plan.group.settings.health.failsFast ? .noneUp : obstacle
    }

    // MARK: For a place

    /// Every server is full: the request waits, for the first time, or once more when it found its
    /// place taken.
    private func awaitPlace(_ wait: inout ServerWait) -> UpstreamFailure? {
        let wasCalled = wait.isCalled
        guard mayWait else { return .queueFull }
        guard wait.begin(at: now, patience: plan.group.queue.time, for: .full) else {
            return placeIsLate()
        }
        guard plan.group.enterQueue(waiter, inFront: wasCalled, now: now) else {
            return .queueFull
        }
        client.request.set(.phase, at: wait.deadline)
        client.request.set(.connect, at: now + Self.placePause)
        return nil
    }

    func lookForPlace() {
        thread.newest(plan.group).callWaiter(now: now)
        client.request.set(.connect, at: now + Self.placePause)
    }

    /// The turn of the request did not come in time.
    func placeIsLate() -> UpstreamFailure {
        plan.group.ledger.note(\.latePlaces)
        return .queueTimeout
    }

    // MARK: The end

    /// The request waits no more.
    func ended(
        _ cause: ServerWait.Cause, _ outcome: WritableKeyPath<Counters.Held, UInt64>
    ) {
        switch cause {
        case .away:
            thread.shared.counters.note(held: outcome)
            thread.stopAwaitingServer(of: plan.group, for: client.token)
        case .full:
            plan.group.ledger.leave(waiter)
            client.request.clear(.connect)
        }
        client.request.clear(.phase)
    }
}
