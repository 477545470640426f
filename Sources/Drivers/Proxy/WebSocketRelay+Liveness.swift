internal import Clock
internal import Endings
internal import Identity
internal import Relays
internal import Settings
internal import Transport
internal import WebSocket

/// Is the client still there, and does it take what it is sent?
extension WebSocketRelay {
    /// Messages of ours that wait for the end of one of the upstream's.
    private static let waitingLimit = 16

    static func octets(of ping: UInt32) -> [UInt8] {
        [0x67, 0x77] + (0..<4).map { UInt8(truncatingIfNeeded: ping >> ($0 * 8)) }
    }

    /// When a client that was just heard is to be looked at again.
    func nextCheck(lastHeard: Instant, in worker: Worker) -> Instant {
        min(lastHeard + route.settings.pingInterval, nextExpiry(in: worker))
    }

    private func nextExpiry(in worker: Worker) -> Instant {
        isOpen ? context.live?.nextDue(in: worker) ?? .never : .never
    }

    func timerFired(_ timer: ClientConnection.Timer, in worker: Worker) {
        if hasEnded { return client.close(in: worker) }
        switch timer {
        case .end: endTimedOut(in: worker)
        // Who closes already is waited for as `end` says.
        case .check: if isOpen { check(in: worker) }
        case .queue: judgeQueue(in: worker)
        case .phase, .connect, .sending, .taking, .heartbeat, .asking: break
        }
    }

    /// The client does not keep `response_rate`.
    func tookTooLittle(in worker: Worker) {
        guard isOpen else { return client.lost(in: worker) }
        breakOff(End(reason: .slowConsumer, detail: "rate"), isHurried: true, in: worker)
    }

    private func check(in worker: Worker) {
        if let live = context.live, !live.expire(context, client, in: worker) { return }
        noteTaking(in: worker)
        let silence = worker.now - lastSign
        // A ping that a long message holds back was not left unanswered; but none takes for ever.
        let isHeldBack = pendingToClient.ping != nil && client.stream.pendingCount == 0
        // And who is not read from cannot be heard.
        let patience = wantsClientInput ? (isHeldBack ? 2 : 1) : 4
        let limit = route.settings.silenceTimeout * patience
        if silence >= limit {
            return end(
                End(reason: .timeout, detail: "silent", cannotWait: true), in: worker)
        }
        checkProbe(in: worker)
        if silence < route.settings.pingInterval {
            // Of one that was repeated there may be more answers, until there is another.
            if lastSign > ownPing.sent, !ownPing.isRepeated { ownPing.payload = nil }
        } else if ownPing.payload == nil || ownPing.isRepeated && lastSign > ownPing.sent {
            ping(in: worker)
        } else if !wantsClientInput, client.stream.pendingCount == 0 {
            repeatPing(in: worker)
        }
        scheduleCheck(in: worker)
    }

    /// What a client answers that is not read from is not heard, nor that it leaves: its end stands
    /// behind what its system could not send. But then what it is sent is answered with a reset.
    private func repeatPing(in worker: Worker) {
        guard let payload = ownPing.payload else { return }
        ownPing.isRepeated = true
        pendingToClient.ping = Self.octets(of: payload)
        injectToClient(in: worker)
    }

    /// While octets wait in front of a ping that was not answered, that the client takes some of
    /// them is its sign of life: there may be megabytes in the kernel, and we see only when a good
    /// part of them is gone.
    private func noteTaking(in worker: Worker) {
        guard ownPing.payload != nil, ownPing.sent >= lastSign,
            client.stream.pendingCount > 0 || client.stream.unsentCount > 0
        else { return }
        let count = client.stream.acknowledgedCount
        if let before = acknowledgedCount, count > before { lastTaken = worker.now }
        acknowledgedCount = count
    }

    /// Octets that came from the client, or what waited for it that it took.
    private var lastSign: Instant { max(client.lastHeard, lastTaken) }

    /// Asks the client whether it is there: what it answers, or says, is heard by its connection.
    func probe(in worker: Worker) {
        guard isOpen else { return }
        // Who is not read from cannot be heard.
        guard wantsClientInput else { return client.answerProbe(in: worker) }
        if ownPing.payload == nil || client.lastHeard > ownPing.sent { ping(in: worker) }
        // Where it does not see the ping soon, it has to acknowledge what comes before.
        guard pendingToClient.ping != nil || client.stream.pendingCount > 0 else { return }
        acknowledgementProbe = client.stream.probe(at: worker.now)
        scheduleCheck(in: worker)
    }

    private func checkProbe(in worker: Worker) {
        guard let probe = acknowledgementProbe,
            let outcome = probe.outcome(client.stream.acknowledgements, now: worker.now)
        else { return }
        acknowledgementProbe = nil
        if outcome == .isThere { client.answerProbe(in: worker) }
    }

    private func ping(in worker: Worker) {
        ownPing.sent = worker.now
        ownPing.isRepeated = false
        let ping = worker.newMaskingKey().bits
        ownPing.payload = ping
        acknowledgedCount = nil
        pendingToClient.ping = Self.octets(of: ping)
        injectToClient(in: worker)
    }

    private func scheduleCheck(in worker: Worker) {
        var next = lastSign + route.settings.pingInterval
        if ownPing.payload != nil {
            // The next ping is due then, if its pong comes.
            next = min(
                lastSign + route.settings.silenceTimeout,
                worker.now + route.settings.pingInterval)
        }
        next = max(next, worker.now + .milliseconds(500))
        if acknowledgementProbe != nil {
            next = min(next, worker.now + AcknowledgementProbe.interval)
        }
        client.set(.check, at: min(next, nextExpiry(in: worker)), in: worker)
    }

    /// The queue has grown: when it is full the upstream is read no more, and the clock starts.
    func noteQueue(in worker: Worker) {
        let pending = client.stream.pendingCount
        guard let next = sendQueue.grew(to: pending, now: worker.now) else { return }
        client.set(.queue, at: next, in: worker)
    }

    private func judgeQueue(in worker: Worker) {
        switch sendQueue.judge(taken: client.stream.takenCount, now: worker.now) {
        case .inTime(let next): client.set(.queue, at: next, in: worker)
        case .tooSlow where isOpen:
            worker.shared.counters.note(slow: \.queues)
            breakOff(End(reason: .slowConsumer), isHurried: true, in: worker)
        case .tooSlow, nil: break
        }
    }

    // MARK: What the gateway says itself

    /// Sends a text message of ours, behind the message that is on its way.
    func say(_ reply: ControlReply, in worker: Worker) {
        guard !hasEnded, pendingEnd == nil, violation == nil else { return }
        // Within a message whose end does not come, only the last words are kept.
        if pendingToClient.messages.count == Self.waitingLimit {
            pendingToClient.messages.removeFirst()
        }
        pendingToClient.messages.append(reply.octets)
        injectToClient(in: worker)
        noteQueue(in: worker)
    }

    func rescheduleExpiry(in worker: Worker) {
        if isOpen { scheduleCheck(in: worker) }
    }

    /// Nobody has begun to close.
    private var isOpen: Bool {
        !hasEnded && !clientHasClosed && !upstreamHasClosed && pendingEnd == nil && violation == nil
    }
}
