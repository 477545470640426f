internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import Identity
internal import Sessions
internal import Transport

/// What is kept of a WebSocket or event stream that a token let in, for as long as it lives: its
/// place in the table of live connections, what it was asked for, by whose rules it is here, the
/// end of its token, and the next token while it waits for keys. One without a token has its place
/// in that table alone.
final class LiveState {
    /// What time brings to a connection that a token let in.
    enum Matter {
        /// A refresh has waited long enough for keys, and is refused.
        case overdue(RefreshRequest, Refusal)
        /// The rules do not let it stay.
        case leaving(Refusal)
        case notice(expiresInSeconds: Int64)
        /// Its token has ended.
        case expired
    }

    let lease: LiveLease
    let request: LiveRequest
    /// By whose rules it was asked last whether it may be here.
    private(set) var generation: Generation
    /// An index into the routes of that; nil when nothing is served there any more.
    private var routeIndex: Int?
    /// When it ends, and why, because those rules do not let it stay.
    private var leaving: (moment: Instant, refusal: Refusal)?
    /// When the client is told, and when the connection ends.
    var expiry: ExpirySchedule
    /// A refresh that waits for keys, and what is said when they do not come.
    private var pending: (request: RefreshRequest, wait: KeyWait)?
    private(set) var hasEnded = false

    init(
        lease: LiveLease, request: LiveRequest, generation: Generation, route: Int?,
        expiry: ExpirySchedule
    ) {
        self.lease = lease
        self.request = request
        self.generation = generation
        routeIndex = route
        self.expiry = expiry
    }

    /// Nil when nothing is served there any more.
    var route: ServedRoute? { routeIndex.map { generation.rules.routes[$0] } }

    /// The rules of `generation` were asked.
    ///
    /// - Parameter moment: when it ends if they do not let it stay; nil for with its token. Who was
    ///   to end sooner does.
    func adopt(_ standing: Rulebook.Standing, of generation: Generation, leavingAt moment: Instant?)
    {
        self.generation = generation
        routeIndex = standing.route
        guard let refusal = standing.refusal, let moment else { return leaving = nil }
        leaving = (min(moment, leaving?.moment ?? moment), refusal)
    }

    /// A new token was judged by the rules of `generation`, and may be here.
    func adopt(route: Int, of generation: Generation) {
        self.generation = generation
        routeIndex = route
        leaving = nil
    }

    /// Why it ends now; nil while it does not.
    func takeLeaving(at now: Instant) -> Refusal? {
        guard let leaving, now >= leaving.moment else { return nil }
        self.leaving = nil
        return leaving.refusal
    }

    var id: SessionID { lease.id }

    /// When `expiry` has something to say, or who waits has waited long enough; nil for never.
    func nextDue(at now: Instant) -> Instant? {
        let next = expiry.delay(from: SystemClock.wallTime()).map { now + $0 }
        return [next, pending?.wait.deadline, leaving?.moment].compactMap(\.self).min()
    }

    /// The newest refresh counts: it takes the place of one that waits already.
    func await(_ wait: KeyWait, _ request: RefreshRequest) {
        takePending()?.reply(.superseded)
        pending = (request, wait)
    }

    func takePending() -> RefreshRequest? {
        defer { pending = nil }
        return pending?.request
    }

    /// The refresh that has waited long enough, and the answer to it.
    func takeOverdue(at now: Instant) -> (request: RefreshRequest, refusal: Refusal)? {
        guard let pending, now >= pending.wait.deadline else { return nil }
        self.pending = nil
        return (pending.request, pending.wait.refusal)
    }

    /// What is due at `now` for the connection, each thing once; nil for nothing yet.
    func takeDue(at now: Instant) -> Matter? {
        if let (request, refusal) = takeOverdue(at: now) { return .overdue(request, refusal) }
        if let refusal = takeLeaving(at: now) { return .leaving(refusal) }
        switch expiry.takeDue(at: SystemClock.wallTime()) {
        case .notify(let seconds): return .notice(expiresInSeconds: seconds)
        case .end: return .expired
        case nil: return nil
        }
    }

    /// The connection has ended, or turns out to be none that lasts.
    func end() {
        hasEnded = true
        lease.end()
        takePending()?.reply(.unknownSession)
    }
}

/// What a request has of the table of live connections.
enum Life {
    /// It is none that lives.
    case none
    /// Its place, which may be given back already.
    case listed(LiveLease)
    /// A token let it in, and it ends with it.
    case onToken(LiveState)

    var place: LiveLease? {
        switch self {
        case .none: nil
        case .listed(let place): place
        case .onToken(let live): live.lease
        }
    }
}

extension LiveConnection.Token {
    init(_ identity: VerifiedIdentity) {
        self.init(
            rule: identity.rule, user: identity.user, role: identity.role,
            id: identity.tokenID, issued: identity.issued)
    }
}
