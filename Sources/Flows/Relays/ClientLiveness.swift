import Clock

/// Is a WebSocket's client still there, and does it take what it is sent? Pings of ours, silence,
/// and the question of others whether it lives.
struct ClientLiveness: Sendable {
    /// The last ping of the gateway's own.
    private struct Ping: Sendable {
        /// What it carries, to tell its pong from the client's own pongs.
        let name: UInt32
        let sent: Instant
        /// The ping was sent more than once, and may be answered as often.
        var isRepeated = false

        var payload: [UInt8] {
            [0x67, 0x77] + (0..<4).map { UInt8(truncatingIfNeeded: name >> ($0 * 8)) }
        }
    }

    /// Whether somebody has asked if the client lives.
    private enum Question: Sendable {
        case none
        case asked
        /// A ping has to wait: the client is to show by acknowledgements that it is there.
        case acknowledging(AcknowledgementProbe)
    }

    /// What a look at the client comes to.
    enum Verdict: Equatable {
        case fine
        case silent
        /// A ping is to be sent with these octets.
        case ping([UInt8])
    }

    /// What a look has to know beside the times.
    struct Circumstances {
        let backlog: ClientBacklog
        /// The client is read from: who is not cannot be heard.
        let isHeard: Bool
        /// A ping of ours waits for the end of a long message.
        let pingWaits: Bool
    }

    private(set) var lastHeard: Instant
    /// When the client last took some of what waited for it, or was let go on.
    private var lastTaken: Instant
    /// Not answered yet, as far as can be told.
    private var ping: Ping?
    private var question = Question.none
    /// What it had acknowledged when that was last asked for, since the last ping.
    private var acknowledgedCount: Int64?

    init(now: Instant, lastHeard: Instant) {
        self.lastHeard = lastHeard
        lastTaken = now
    }

    /// Octets that came from the client, or what waited for it that it took.
    private var lastSign: Instant { max(lastHeard, lastTaken) }

    /// True when the acknowledgements of the client's system are to be looked at.
    var asksForAcknowledgements: Bool { ping != nil || watchesAcknowledgements }

    /// Acknowledgements are to show that it lives.
    var watchesAcknowledgements: Bool {
        if case .acknowledging = question { true } else { false }
    }

    // MARK: Signs of life

    /// - Returns: true when somebody has asked whether it lives.
    mutating func heard(at now: Instant) -> Bool {
        lastHeard = now
        switch question {
        case .none: return false
        case .asked, .acknowledging:
            question = .none
            return true
        }
    }

    /// The client took something, or is read from again.
    mutating func moved(at now: Instant) { lastTaken = now }

    /// True when a pong answers the ping of ours: it is not for the upstream.
    mutating func takesPong(_ payload: [UInt8]) -> Bool {
        guard let ping, payload == ping.payload else { return false }
        if !ping.isRepeated { self.ping = nil }
        return true
    }

    // MARK: Looks

    /// A look at the client, which is due by time.
    ///
    /// - Parameter name: for a new ping; any random number.
    mutating func look(
        _ circumstances: Circumstances, pingInterval: Duration, silenceTimeout: Duration,
        name: UInt32, now: Instant
    ) -> Verdict {
        noteTaking(circumstances.backlog, now: now)
        let silence = now - lastSign
        let nothingWaits = circumstances.backlog.pending == 0
        // A ping that a long message holds back was not left unanswered; but none takes for ever.
        let isHeldBack = circumstances.pingWaits && nothingWaits
        let patience = circumstances.isHeard ? (isHeldBack ? 2 : 1) : 4
        if silence >= silenceTimeout * patience { return .silent }
        if silence < pingInterval {
            // A ping that was repeated may have more answers, until there is another.
            if let ping, lastSign > ping.sent, !ping.isRepeated { self.ping = nil }
            return .fine
        }
        guard let last = ping, !(last.isRepeated && lastSign > last.sent) else {
            return .ping(newPing(name, now: now))
        }
        guard !circumstances.isHeard, nothingWaits else { return .fine }
        // What a client answers that is not read from is not heard, nor that it leaves: its end
        // stands behind what its system could not send. But then what it is sent is answered with
        // a reset.
        ping?.isRepeated = true
        return .ping(last.payload)
    }

    /// When the next look is due.
    func nextLook(pingInterval: Duration, silenceTimeout: Duration, now: Instant) -> Instant {
        var next = lastSign + pingInterval
        if ping != nil {
            // The next ping is due then, if its pong comes.
            next = min(lastSign + silenceTimeout, now + pingInterval)
        }
        return max(next, now + .milliseconds(500))
    }

    /// While octets wait in front of a ping that was not answered, that the client takes some of
    /// them is its sign of life: there may be megabytes in the kernel, and it shows only when a
    /// good part of them is gone.
    private mutating func noteTaking(_ backlog: ClientBacklog, now: Instant) {
        guard let ping, ping.sent >= lastSign, backlog.pending > 0 || backlog.unsent > 0 else {
            return
        }
        let count = backlog.acknowledgements.count
        if let before = acknowledgedCount, count > before { lastTaken = now }
        acknowledgedCount = count
    }

    private mutating func newPing(_ name: UInt32, now: Instant) -> [UInt8] {
        let ping = Ping(name: name, sent: now)
        self.ping = ping
        acknowledgedCount = nil
        return ping.payload
    }

    // MARK: Questions of others

    /// Asks whether the client is there: what it answers, or says, is heard.
    ///
    /// - Returns: the octets of a ping that is to be sent; nil where one is on its way.
    mutating func ask(name: UInt32, now: Instant) -> [UInt8]? {
        question = .asked
        if let ping, lastHeard <= ping.sent { return nil }
        return newPing(name, now: now)
    }

    /// A client that is not read from cannot be heard: it is not asked.
    mutating func withdrawQuestion() { question = .none }

    /// The client does not see the ping soon: it has to acknowledge what comes before.
    mutating func watchAcknowledgements(_ acknowledgements: Acknowledgements, now: Instant) {
        question = .acknowledging(
            AcknowledgementProbe(at: now, acknowledged: acknowledgements.count))
    }

    /// What came of that; nil while it is not known.
    mutating func judge(
        _ acknowledgements: Acknowledgements, now: Instant
    ) -> AcknowledgementProbe.Outcome? {
        guard case .acknowledging(let probe) = question,
            let outcome = probe.outcome(acknowledgements, now: now)
        else { return nil }
        switch outcome {
        case .isThere: question = .none
        // The client may still be heard.
        case .isSilent: question = .asked
        }
        return outcome
    }
}
