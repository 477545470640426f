internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import Loop
internal import Sessions
internal import Settings
internal import Transport

/// What a request has of the table of live connections.
extension RequestContext {
    /// Enters the connection into the table of live ones; does nothing for one that is there
    /// already. From here on operators find it, and with a token revocations and reloads do.
    ///
    /// Throws when its token was revoked just now, and when the rules have changed since the
    /// request came and do not let it stay; never for a download, which outlives its token.
    func becomeLive(
        as transport: LiveTransport, of client: UInt64, _ head: RequestHead
    ) throws(Refusal) {
        guard life.place == nil, let route = found.route else { return }
        let facts = LiveConnection.Facts(
            transport: transport, isSeated: session != nil,
            route: generation.rules.routes[route].name, generation: generation.number,
            address: self.client, since: thread.loop.now)
        let lease = thread.shared.live.register(
            LiveConnection(
                id: session?.lease.id ?? thread.loop.newSessionID(),
                connection: ConnectionAddress(
                    worker: UInt64(thread.index), connection: client),
                facts: facts, token: found.identity.map { LiveConnection.Token($0) }))
        life = .listed(lease)
        guard let identity = found.identity, transport.endsWithToken else { return }
        let now = SystemClock.wallTime()
        let request = LiveRequest(
            head, authority: authority, isWebSocket: origin.isWebSocket,
            without: generation.rules.routes[route].stripping)
        life = .onToken(
            LiveState(
                lease: lease, request: request, generation: generation, route: route,
                expiry: expiry(of: identity, by: generation, now: now)))
        if let refusal = review() ?? revocation() {
            life = .listed(lease)
            lease.end()
            throw refusal
        }
    }

    /// The refusal of a request whose token has been revoked since it was let in.
    func revocation() -> Refusal? {
        guard let identity = found.identity,
            thread.shared.revocations.current.isRevoked(identity, now: SystemClock.wallTime())
        else { return nil }
        if enforcesTokens { return GateFailure.revoked.refusal }
        noteReportOnly(.auth, as: GateFailure.revoked.refusal)
        return nil
    }

    /// When its token has to be asked about: nobody waits for longer than his token is good.
    func tokenDue() -> Instant? {
        let now = thread.loop.now
        if let live { return live.nextDue(at: now) }
        guard let identity = found.identity, enforcesTokens else { return nil }
        let wall = SystemClock.wallTime()
        return expiry(of: identity, by: generation, now: wall).delay(from: wall).map { now + $0 }
    }

    func expiry(
        of identity: VerifiedIdentity, by generation: Generation, now: WallTime
    ) -> ExpirySchedule {
        let settings = generation.tokenSettings(of: identity)
        return ExpirySchedule(
            expires: identity.expires, onExpiry: settings?.onExpiry ?? .close,
            notice: found.speaksControl ? settings?.expiringNotice : nil, now: now)
    }

    /// What a client is told first that reads what the gateway says: how to refresh its token.
    var sessionMessage: [UInt8]? {
        guard found.speaksControl, let live, let identity = found.identity else { return nil }
        return ControlReply(
            session: live.id.description, of: identity, now: SystemClock.wallTime()
        ).octets
    }
}
