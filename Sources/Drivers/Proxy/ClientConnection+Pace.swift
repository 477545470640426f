internal import Clock
internal import Endings
internal import Relays
internal import Settings
internal import Transport

/// How fast a client does what is waited for: `body_rate` and `response_rate`.
struct ClientPace {
    /// Nil when no body is being read.
    var sending: ProgressClock?
    /// Octets that came for requests so far.
    var bodyCount: Int64 = 0
    /// Nil when nothing ever waited for the client, or it may take its time.
    var taking: ProgressClock?

    /// From here on other rules may hold, and what was so far is another matter.
    mutating func forgetTaking() { taking = nil }
}

extension ClientConnection {
    /// The client's turn to send or to take begins or ends.
    func watchPace(in worker: Worker) {
        if stream.pendingCount > 0 {
            if pace.taking?.isRunning != true { awaitTaking(in: worker) }
        } else if pace.taking?.isRunning == true {
            var clock = pace.taking
            clock?.pause(at: worker.now)
            pace.taking = clock
            timers.clear(.taking)
        }
        guard case .exchange(let exchange) = phase, exchange.isReadingBody else {
            if pace.sending != nil { stopAwaitingBody() }
            return
        }
        let isWaitedFor =
            interest.isReadable && exchange.wantsClientInput && !exchange.awaitsContinue
        if isWaitedFor != (pace.sending?.isRunning ?? false) {
            awaitBody(isWaitedFor, in: worker)
        }
    }

    private func awaitTaking(in worker: Worker) {
        guard let rate = responseRate else { return }
        var clock =
            pace.taking
            ?? ProgressClock(
                octetsPerSecond: rate.octetsPerSecond, patience: rate.patience,
                count: stream.takenCount)
        set(.taking, at: clock.resume(at: worker.now), in: worker)
        pace.taking = clock
    }

    private func awaitBody(_ isWaitedFor: Bool, in worker: Worker) {
        let rate = generation.settings.limits.bodyRate
        var clock =
            pace.sending
            ?? ProgressClock(
                octetsPerSecond: rate.octetsPerSecond, patience: rate.patience,
                count: pace.bodyCount)
        if isWaitedFor {
            set(.sending, at: clock.resume(at: worker.now), in: worker)
        } else {
            clock.pause(at: worker.now)
            timers.clear(.sending)
        }
        pace.sending = clock
    }

    private func stopAwaitingBody() {
        pace.sending = nil
        timers.clear(.sending)
    }

    /// Nil for who may take its time: WebSockets and event streams with `slow wait`. With
    /// `slow cut` they have at least as much as that says.
    private var responseRate: LeastRate? {
        var rate = generation.settings.limits.responseRate
        guard let slow = liveRoute?.slowClient else { return rate }
        switch slow {
        case .wait: return nil
        case .cut(let least):
            rate.patience = max(rate.patience, least.savedPatience)
            return rate
        }
    }

    /// Of the WebSocket or event stream that the connection carries.
    private var liveRoute: RouteSettings? {
        switch phase {
        case .exchange(let exchange) where exchange.events != nil: exchange.plan.route.settings
        case .webSocket(let relay): relay.route.settings
        case .exchange, .head, .held, .closing, .lingering, .closed: nil
        }
    }

    func judgeSending(in worker: Worker) {
        guard case .exchange(let exchange) = phase, var clock = pace.sending, clock.isRunning
        else { return }
        let verdict = clock.judge(count: pace.bodyCount, at: worker.now)
        pace.sending = clock
        switch verdict {
        case .inTime(let next): set(.sending, at: next, in: worker)
        case .tooSlow:
            worker.shared.counters.note(slow: \.bodies)
            exchange.bodyTooSlow(in: worker)
        }
    }

    /// What the client's system acknowledged counts, not what ours took: that may be megabytes.
    func judgeTaking(in worker: Worker) {
        guard var clock = pace.taking, clock.isRunning else { return }
        let verdict = clock.judge(count: stream.takenCount, at: worker.now)
        pace.taking = clock
        switch verdict {
        case .inTime(let next): set(.taking, at: next, in: worker)
        case .tooSlow:
            worker.shared.counters.note(slow: \.responses)
            tookTooLittle(in: worker)
        }
    }

    private func tookTooLittle(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.giveUp(.slowConsumer, detail: "rate", in: worker)
        case .webSocket(let relay):
            // It has as long as any slow one to hear why.
            pace.taking = nil
            return relay.tookTooLittle(in: worker)
        case .held(let request): request.clientLost(in: worker)
        case .head, .closing, .lingering, .closed: break
        }
        // What waits is not for anybody who would read it.
        close(reset: true, in: worker)
    }
}
