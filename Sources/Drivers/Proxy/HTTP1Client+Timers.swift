internal import Clock
internal import Rates
internal import Relays
internal import Settings
internal import Transport

/// What a client's connection waits for, and what it wants to hear of.
extension HTTP1Client {
    /// What is due by itself, whatever else is.
    enum Timer: Int, CaseIterable {
        /// What the phase waits for: a handshake, a head, the next request, keys, a close.
        case phase
        /// A server whose queue was full is asked for a connection once more.
        case connect
        /// The client sends the body of its request fast enough.
        case sending
        /// A client that is not read from is asked whether it has left.
        case asking
        /// The client takes what waits for it fast enough.
        case taking
        /// Something is due for the WebSocket or event stream that the connection carries, or for
        /// the token of one that has still to begin.
        case flow
        /// A session of Engine.IO is kept alive that its app has still to open.
        case heartbeat
    }

    func set(_ timer: Timer, at instant: Instant, in worker: Worker) {
        timers[timer] = instant
        watchTimers(in: worker)
    }

    func change(_ timer: Timer, _ change: TimerChange, in worker: Worker) {
        switch change {
        case .none: break
        case .set(let instant): set(timer, at: instant, in: worker)
        case .clear: timers.clear(timer)
        }
    }

    private func watchTimers(in worker: Worker) {
        let next = timers.next
        if deadline.set(next) { worker.schedule(token, at: next) }
    }

    func timerFired(in worker: Worker) {
        guard worker.isDue(&deadline, of: token) else { return }
        while let timer = timers.takeDue(at: worker.now) { fired(timer, in: worker) }
        if case .closed = phase { return }
        watchTimers(in: worker)
        updateInterest(in: worker)
    }

    private func fired(_ timer: Timer, in worker: Worker) {
        switch timer {
        case .phase: phaseTimedOut(in: worker)
        case .sending: judgeSending(in: worker)
        case .taking: judgeTaking(in: worker)
        case .asking: askWhetherItLeft(in: worker)
        case .connect: if case .exchange(let exchange) = phase { exchange.connectAgain(in: worker) }
        case .heartbeat: heartbeatDue(in: worker)
        case .flow:
            switch phase {
            case .exchange(let exchange): exchange.eventTimerFired(in: worker)
            case .webSocket(let relay): relay.timerFired(in: worker)
            case .head, .held, .closing, .lingering, .closed: break
            }
        }
    }

    private func phaseTimedOut(in worker: Worker) {
        switch phase {
        case .head(.idle), .head(.partial): RequestIntake.timedOut(from: self, in: worker)
        case .lingering(let close): lingeringTimedOut(close, in: worker)
        case .head(.proxyHeader), .head(.handshake), .closing: close(in: worker)
        case .held(let request): request.timerFired(from: self, in: worker)
        case .exchange(let exchange): exchange.waitTimedOut(in: worker)
        case .webSocket, .closed: break
        }
    }

    // MARK: Flow

    func drained(in worker: Worker) {
        switch phase {
        case .exchange(let exchange): exchange.clientDrained(in: worker)
        case .webSocket(let relay): relay.clientDrained(in: worker)
        case .lingering: linger(in: worker)
        case .head: resume(in: worker)
        case .held, .closing, .closed: break
        }
    }

    /// The request at hand waits for something that is not up to its client.
    private var isHolding: Bool {
        switch phase {
        case .held: true
        case .exchange(let exchange): exchange.wait.isActive
        case .head, .webSocket, .closing, .lingering, .closed: false
        }
    }

    private var wantsInput: Bool {
        if hasInputEnded { return false }
        // What comes behind a request that waits is kept, so that a client that leaves is noticed.
        if isHolding { return held.count < Self.heldSize }
        if unreadEnd.isLookedFor { return held.count < Self.aheadSize }
        guard held.isEmpty else { return false }
        switch phase {
        case .head, .held, .closing: return true
        case .lingering(let close): return close.isReading
        case .exchange(let exchange): return exchange.wantsClientInput
        case .webSocket(let relay): return relay.wantsClientInput
        case .closed: return false
        }
    }

    /// Watches for what is wanted now; asks the kernel only when that changed.
    func updateInterest(in worker: Worker) {
        if case .closed = phase { return }
        var wanted = wantsInput ? Readiness.readable.rawValue : 0
        if stream.pendingCount > 0 { wanted |= Readiness.writable.rawValue }
        if wanted & Readiness.readable.rawValue == 0, watchesForLeaving {
            wanted |= Readiness.finished.rawValue
        }
        if wanted != interest.rawValue {
            interest = Readiness(rawValue: wanted)
            worker.poller.change(stream.descriptor.number, token: token, interest: interest)
        }
        watchPace(in: worker)
        watchForSilentLeave(in: worker)
        countMemory(in: worker)
    }
}
