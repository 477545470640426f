package import Clock
import Endings
import Settings

/// Whether the client is there and takes what it is sent, and what else is due by time.
extension WebSocketFlow {
    /// What the flow has to know of the two connections, as it is at the moment.
    package struct Surroundings: Sendable {
        package let backlog: ClientBacklog
        /// Octets that wait for the upstream; 0 when it is gone.
        package let upstreamPending: Int
        /// The name of a ping, if one is sent: any random number.
        package let pingName: UInt32

        package init(backlog: ClientBacklog, upstreamPending: Int, pingName: UInt32) {
            self.backlog = backlog
            self.upstreamPending = upstreamPending
            self.pingName = pingName
        }
    }

    /// More of a client's backlog is of interest by time than how many octets wait here.
    package var asksForBacklog: Bool {
        liveness.asksForAcknowledgements || timers[.queue] != .never
    }

    /// Does one thing that is due. To be asked until it answers false, with all orders taken in
    /// between.
    package mutating func timePassed(_ surroundings: Surroundings, now: Instant) -> Bool {
        guard let timer = timers.takeDue(at: now) else { return false }
        switch timer {
        case .token: orders.give(.judgeToken)
        case .look: lookAfterClient(surroundings, now: now)
        case .probe: judgeProbe(surroundings.backlog, now: now)
        case .queue: judgeQueue(surroundings.backlog, now: now)
        case .end: endTimedOut(now: now)
        case .session: sessionTimedOut(now: now)
        case .heartbeat: keepSession(now: now)
        }
        return true
    }

    /// The token, or what leads up to its end, is judged then, or at once; nil for never.
    package mutating func tokenIsDue(at instant: Instant?, now: Instant) {
        timers.clear(.token)
        guard isOpen, let instant else { return }
        if instant > now { timers[.token] = instant } else { orders.give(.judgeToken) }
    }

    // MARK: Looks

    private mutating func lookAfterClient(_ surroundings: Surroundings, now: Instant) {
        let verdict = liveness.look(
            ClientLiveness.Circumstances(
                backlog: surroundings.backlog, isHeard: isHeard(surroundings),
                pingWaits: toClient.ping != nil),
            pingInterval: terms.pingInterval, silenceTimeout: terms.silenceTimeout,
            name: surroundings.pingName, now: now)
        switch verdict {
        case .silent:
            return end(StreamEnding(.timeout, detail: "silent", awaitsBoundary: false), now: now)
        case .ping(let octets): ping(octets)
        case .fine: break
        }
        timers[.look] = liveness.nextLook(
            pingInterval: terms.pingInterval, silenceTimeout: terms.silenceTimeout, now: now)
    }

    private func isHeard(_ surroundings: Surroundings) -> Bool {
        wantsClientInput(
            behind: surroundings.backlog.pending, upstreamPending: surroundings.upstreamPending)
    }

    private mutating func ping(_ octets: [UInt8]) {
        toClient.ping = octets
        sendWaitingToClient()
    }

    // MARK: Questions of others

    /// Asks whether the client lives, for one who waits for its seat perhaps: what it
    /// answers, or says, is heard (`clientIsThere`).
    package mutating func probe(_ surroundings: Surroundings, now: Instant) {
        guard isOpen else { return }
        // A client that is not read from cannot be heard.
        guard isHeard(surroundings) else {
            liveness.withdrawQuestion()
            return orders.give(.clientIsThere)
        }
        if let octets = liveness.ask(name: surroundings.pingName, now: now) { ping(octets) }
        guard toClient.ping != nil || surroundings.backlog.pending > 0 else { return }
        liveness.watchAcknowledgements(surroundings.backlog.acknowledgements, now: now)
        timers[.probe] = now + AcknowledgementProbe.interval
    }

    private mutating func judgeProbe(_ backlog: ClientBacklog, now: Instant) {
        switch liveness.judge(backlog.acknowledgements, now: now) {
        case .isThere: orders.give(.clientIsThere)
        case .isSilent: orders.give(.clientIsSilent)
        case nil where liveness.watchesAcknowledgements:
            timers[.probe] = now + AcknowledgementProbe.interval
        case nil: break
        }
    }

    // MARK: Slow clients

    private mutating func judgeQueue(_ backlog: ClientBacklog, now: Instant) {
        switch queue.judge(taken: backlog.taken, now: now) {
        case .inTime(let next): timers[.queue] = next
        case .tooSlow where isOpen:
            orders.give(.countSlowClient)
            breakOff(StreamEnding(.slowConsumer), .finishSoon)
        case .tooSlow, nil: break
        }
    }
}
