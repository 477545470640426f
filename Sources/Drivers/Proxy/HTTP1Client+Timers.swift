internal import Clock
internal import HTTP1
internal import Loop
internal import Rates
internal import Relays
internal import Settings
internal import Transport
internal import Upstreams

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

    func set(_ timer: Timer, at instant: Instant) {
        timers[timer] = instant
        watchTimers()
    }

    func change(_ timer: Timer, _ change: TimerChange) {
        switch change {
        case .none: break
        case .set(let instant): set(timer, at: instant)
        case .clear: timers.clear(timer)
        }
    }

    private func watchTimers() {
        let next = timers.next
        if deadline.set(next) { loop.schedule(token, at: next) }
    }

    func timerFired() {
        guard loop.isDue(&deadline, of: token) else { return }
        while let timer = timers.takeDue(at: loop.now) { fired(timer) }
        if case .closed = phase { return }
        watchTimers()
        updateInterest()
    }

    private func fired(_ timer: Timer) {
        switch timer {
        case .phase: phaseTimedOut()
        case .sending: judgeSending()
        case .taking: judgeTaking()
        case .asking: askWhetherItLeft()
        case .connect: if case .exchange(let exchange) = phase { exchange.connectAgain() }
        case .heartbeat: heartbeatDue()
        case .flow:
            switch phase {
            case .exchange(let exchange): exchange.eventTimerFired()
            case .webSocket(let relay): relay.timerFired()
            case .head, .held, .closing, .lingering, .closed: break
            }
        }
    }

    private func phaseTimedOut() {
        switch phase {
        case .head(.idle), .head(.partial): RequestIntake.timedOut(from: self)
        case .lingering(let close): lingeringTimedOut(close)
        case .head(.proxyHeader), .head(.handshake), .closing: close()
        case .held(let request): request.timerFired()
        case .exchange(let exchange): exchange.waitTimedOut()
        case .webSocket, .closed: break
        }
    }

    // MARK: Flow

    func drained() {
        switch phase {
        case .exchange(let exchange): exchange.clientDrained()
        case .webSocket(let relay): relay.clientDrained()
        case .lingering: linger()
        case .head: resume()
        case .held, .closing, .closed: break
        }
    }

    /// It may be read from now.
    private var wantsInput: Bool {
        if hasInputEnded { return false }
        switch phase {
        case .head, .closing: return held.isEmpty
        // What comes behind a request that waits is kept, so that a client that leaves is noticed.
        case .held: return held.count < Self.heldSize
        case .exchange(let exchange):
            if exchange.wait.isActive { return held.count < Self.heldSize }
            if unreadEnd.isLookedFor { return held.count < Self.aheadSize }
            return held.isEmpty && exchange.wantsClientInput
        case .webSocket(let relay): return held.isEmpty && relay.wantsClientInput
        case .lingering(let close): return held.isEmpty && close.isReading
        case .closed: return false
        }
    }

    /// Watches for what is wanted now; asks the kernel only when that changed.
    func updateInterest() {
        if case .closed = phase { return }
        let (isWaiting, isRead) = (stream.pendingCount > 0, wantsInput)
        var wanted = isRead ? Readiness.readable.rawValue : 0
        if isWaiting { wanted |= Readiness.writable.rawValue }
        if !isRead, watchesForLeaving { wanted |= Readiness.finished.rawValue }
        if wanted != watch.interest.rawValue {
            watch.interest = Readiness(rawValue: wanted)
            loop.change(stream.descriptor.number, token: token, interest: watch.interest)
        }
        let lacksBody = if case .webSocket = phase { false } else { http.lacksBody }
        lookAfter(isCalm: isRead && !isWaiting && !lacksBody)
        countMemory()
    }

    /// Nothing is expected of a client that is read from, has taken everything, and has no body to
    /// send: nothing has to be watched of it, and while that stays so nothing changes.
    private func lookAfter(isCalm: Bool) {
        if isCalm, watch.wasCalm { return }
        watch.wasCalm = isCalm
        watchPace()
        watchForSilentLeave()
    }
}

/// What is watched of a client.
struct ClientWatch {
    var interest: Readiness = .readable
    /// Nothing had to be watched of the client when its interest was last looked at.
    var wasCalm = false
    /// How fast the client sends the body of the request at hand, and takes what waits for it.
    var pace = ClientPace()
}
