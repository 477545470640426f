internal import Clock
internal import Endings
internal import Identity
internal import Sessions
internal import Settings
internal import Transport

/// What is kept of a WebSocket or event stream that a token let in, for as long as it lives: its
/// place in the table of live connections, the end of its token, and the next token while it waits
/// for keys.
final class LiveState {
    let lease: LiveLease
    /// When the client is told, and when the connection ends.
    var expiry: ExpirySchedule
    /// A refresh that waits for keys, and what is said when they do not come.
    private var pending: (request: RefreshRequest, wait: KeyWait)?
    private(set) var hasEnded = false

    init(lease: LiveLease, expiry: ExpirySchedule) {
        self.lease = lease
        self.expiry = expiry
    }

    var id: SessionID { lease.id }

    /// When `expiry` has something to say, or who waits has waited long enough; nil for never.
    func nextDue(in worker: Worker) -> Instant? {
        let next = expiry.delay(from: SystemClock.wallTime()).map { worker.now + $0 }
        return [next, pending?.wait.deadline].compactMap(\.self).min()
    }

    /// The newest refresh counts: it takes the place of one that waits already.
    func await(_ wait: KeyWait, _ request: RefreshRequest, in worker: Worker) {
        takePending()?.reply(.superseded, in: worker)
        pending = (request, wait)
    }

    func takePending() -> RefreshRequest? {
        defer { pending = nil }
        return pending?.request
    }

    /// The refresh that has waited long enough, and the answer to it.
    func takeOverdue(at now: Instant) -> (request: RefreshRequest, refusal: GateRefusal)? {
        guard let pending, now >= pending.wait.deadline else { return nil }
        self.pending = nil
        return (pending.request, pending.wait.refusal)
    }

    /// The connection has ended, or turns out to be none that lasts.
    func end(in worker: Worker) {
        hasEnded = true
        lease.end()
        takePending()?.reply(.unknownSession, in: worker)
    }
}

extension LiveConnection.Token {
    init(_ identity: VerifiedIdentity) {
        self.init(
            rule: identity.rule, user: identity.user, id: identity.tokenID,
            issued: identity.issued)
    }
}

extension RequestContext {
    /// Enters the connection into the table of live ones; does nothing for one that no token let
    /// in, or that is there already. From here on revocations find it.
    ///
    /// Throws when its token was revoked just now.
    func becomeLive(
        _ client: ClientConnection, in worker: Worker
    ) throws(Refusal) {
        guard live == nil, let identity else { return }
        let now = SystemClock.wallTime()
        let lease = worker.shared.live.register(
            LiveConnection(
                id: session?.lease.id ?? worker.newSessionID(),
                address: ConnectionAddress(
                    worker: UInt64(worker.index), connection: client.token),
                token: LiveConnection.Token(identity)))
        if worker.shared.revocations.current.isRevoked(identity, now: now) {
            guard !enforcesTokens else {
                lease.end()
                throw GateFailure.revoked.refusal
            }
            worker.noteReportOnly(.auth, of: self)
        }
        live = LiveState(lease: lease, expiry: expiry(of: identity, now: now))
    }

    func expiry(of identity: VerifiedIdentity, now: WallTime) -> ExpirySchedule {
        let settings = generation.tokenSettings(of: identity)
        return ExpirySchedule(
            expires: identity.expires, onExpiry: settings?.onExpiry ?? .close,
            notice: speaksControl ? settings?.expiringNotice : nil, now: now)
    }

    /// What a client is told first that reads what the gateway says: how to refresh its token.
    var sessionMessage: [UInt8]? {
        guard speaksControl, let live, let identity else { return nil }
        return ControlReply(
            session: live.id.description, of: identity, now: SystemClock.wallTime()
        ).octets
    }
}
