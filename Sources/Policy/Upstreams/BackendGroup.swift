package import Clock
package import Settings

/// A group of upstream servers and the question which of them comes next. One value a generation,
/// shared by all workers; the servers' states outlive it (`UpstreamRegistry`).
package final class BackendGroup: Sendable {
    package let settings: BackendSettings
    /// Which servers there are.
    package let members: GroupMembers

    package init(_ settings: BackendSettings, registry: UpstreamRegistry) {
        self.settings = settings
        members = GroupMembers(
            settings.servers.map { server in
                GroupMembers.Server(
                    weight: max(1, server.weight), isBackup: server.isBackup,
                    state: registry.state(group: settings.name, address: server.address))
            }, settings)
    }

    /// The server for one exchange; nil when all of them are in `tried`.
    ///
    /// The caller connects, then says `reportSuccess` or `reportFailure` (a server on trial stays
    /// skipped until it hears one of them); after a failure it may ask again with that server in
    /// `tried`, up to `settings.retries` times.
    package func choose(now: Instant, tried: [ServerState] = []) -> ServerLease? {
        members.choose(now: now, tried: tried)
    }

    /// The server that `state` is of, for a connection that is open already and leads to it,
    /// whichever server is next; nil when the server is not in this group.
    package func lease(of state: ServerState) -> ServerLease? {
        members.servers.contains { $0.state === state } ? ServerLease(of: state) : nil
    }

    /// How long its servers have for a request.
    package func patience(isWebSocket: Bool) -> ServerPatience {
        ServerPatience(settings, isWebSocket: isWebSocket)
    }

    /// The server could not be reached: it is skipped for `failTimeout`.
    ///
    /// - Returns: what is to be said about it.
    @discardableResult
    package func reportFailure(_ server: ServerState, now: Instant) -> Outage.Notice? {
        server.failed(at: now, skipUntil: now + settings.failTimeout)
    }

    /// The server was reached: a connection was made, or one that was kept open still works.
    ///
    /// - Returns: what is to be said about it.
    @discardableResult
    package func reportSuccess(_ server: ServerState, now: Instant) -> Outage.Notice? {
        server.succeeded(at: now)
    }

    /// True while all of them are skipped: another attempt would most likely fail as well.
    package func isAway(at now: Instant) -> Bool {
        members.servers.allSatisfy { !$0.state.isAvailable(at: now) }
    }

    /// True when one of them works as far as is known.
    package var isReachable: Bool { members.servers.contains { $0.state.skippedUntil == nil } }
}
