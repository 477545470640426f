package import Clock
import Locks
package import Settings
package import TLS

/// A group of upstream servers and the question which of them comes next. One value a generation,
/// shared by all workers; the servers' states outlive it (`UpstreamRegistry`).
package final class BackendGroup: Sendable {
    package let settings: BackendSettings
    /// Held by who leaves a server out: one at a time, so that no two are one too many.
    let ejecting = Guarded(())
    /// The servers of a group with fixed addresses only; nil for one whose servers have names.
    private let fixed: GroupMembers?
    private let current: Guarded<GroupMembers>
    private let registry: UpstreamRegistry
    private let seal: StickySeal?
    /// What is counted of it, whatever the generation.
    package let ledger: GroupLedger
    /// How its servers are spoken to; nil without TLS.
    package let security: TLSClientContext?

    /// - Parameters:
    ///   - names: what is known of the names of its servers.
    ///   - security: made of the settings' `tls`.
    ///   - seal: for `sticky cookie`; nil where there is none.
    package init(
        _ settings: BackendSettings, registry: UpstreamRegistry,
        names: [ServerName: [ServerEndpoint]] = [:], security: TLSClientContext? = nil,
        seal: StickySeal? = nil
    ) {
        self.settings = settings
        self.security = security
        self.registry = registry
        self.seal = seal
        ledger = registry.ledger(of: settings.name)
        let members = GroupMembers(
            Self.servers(settings, names, registry, seal), settings, inPlaceOf: nil)
        let hasNames = settings.servers.contains { $0.name != nil }
        fixed = hasNames ? nil : members
        current = Guarded(members)
    }

    /// Which servers there are. Of a group with names they may be others the next time: who decides
    /// something reads them once.
    package var members: GroupMembers { fixed ?? current.withLock { $0 } }

    /// Names stand for other servers now. Called by one thread alone. The states of the servers
    /// that stay are the same objects as before.
    ///
    /// - Returns: false when the group has the same servers as before.
    package func resolve(_ names: [ServerName: [ServerEndpoint]]) -> Bool {
        guard fixed == nil else { return false }
        let before = members
        let servers = Self.servers(settings, names, registry, seal)
        guard servers != before.servers else { return false }
        let next = GroupMembers(servers, settings, inPlaceOf: before)
        current.withLock { $0 = next }
        return true
    }

    /// In the order of the configuration. An address that several lines have is one server, which
    /// is as the first of them says.
    private static func servers(
        _ settings: BackendSettings, _ names: [ServerName: [ServerEndpoint]],
        _ registry: UpstreamRegistry, _ seal: StickySeal?
    ) -> [GroupMembers.Server] {
        var known: Set<SocketAddressSettings> = []
        var servers: [GroupMembers.Server] = []
        for server in settings.servers {
            for endpoint in server.endpoints(names) {
                guard known.insert(endpoint.address).inserted else { continue }
                servers.append(
                    GroupMembers.Server(
                        server, endpoint,
                        registry.state(group: settings.name, address: endpoint.address), seal))
            }
        }
        return servers
    }

    /// A server for one exchange.
    ///
    /// The caller connects, then says `reportSuccess` or `reportFailure` (a server on trial stays
    /// skipped until it hears one of them); after a failure it may ask again with that server in
    /// `tried`, up to `settings.bounds.retries` times.
    ///
    /// - Parameter isCalled: the exchange has waited for a place, and it is its turn.
    package func choose(
        for wish: ServerWish, now: Instant, tried: [ServerState] = [], isCalled: Bool = false
    ) -> ServerOffer {
        if tried.isEmpty, !isCalled { ledger.requestBegan(at: now) }
        let members = members
        // The requests that wait came first.
        if !isCalled, members.hasLimits, ledger.waiting > 0 { return .full }
        guard ledger.beginPending(limit: settings.bounds.maxPending) else { return .overloaded }
        switch members.choose(for: wish, now: now, tried: tried, ledger) {
        case .server(let server):
            return .server(ServerLease(of: server.state, host: server.host, isPending: true))
        case .full:
            ledger.endPending()
            return .full
        case .none:
            ledger.endPending()
            return .none
        }
    }

    /// The server that `state` is of, for a connection that is open already and leads to it,
    /// whichever server is next; nil when the server is not in this group.
    package func lease(of state: ServerState) -> ServerLease? {
        guard let server = members.servers.first(where: { $0.state === state }),
            // The connection is open, and counted nowhere else: the limit is not asked.
            state.takePlace(nil)
        else { return nil }
        return ServerLease(of: state, host: server.host, isPending: false)
    }

    /// What a client is told in the cookie of `sticky cookie`; nil where it knows, and where there
    /// is none.
    package func cookie(
        for state: ServerState, _ wish: ServerWish, isSecure: Bool
    ) -> String? {
        guard case .cookie(let name, _) = settings.choice.sticky,
            let code = members.servers.first(where: { $0.state === state })?.code,
            code != wish.cookie
        else { return nil }
        return "\(name)=\(code); Path=/; HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
    }

    // MARK: Places

    /// How many may wait for a place, and how long.
    package var queue: GroupBounds.Queue { settings.bounds.queue ?? GroupBounds.Queue() }

    /// Every server has as many exchanges as it may hold: the request waits.
    ///
    /// - Parameter inFront: it was called, and found no place.
    /// - Returns: false when too many wait.
    package func enterQueue(_ waiter: PlaceQueue.Waiter, inFront: Bool, now: Instant) -> Bool {
        guard ledger.enter(waiter, limit: queue.length, inFront: inFront) else {
            ledger.note(\.refusedPlaces)
            return false
        }
        callWaiter(now: now)
        return true
    }

    /// Calls a request that waits although there is a place, because a server is back or a reload
    /// has raised its limit: asked when one begins to wait, and now and then.
    package func callWaiter(now: Instant) {
        if members.hasPlace(at: now) { ledger.callNext() }
    }

    /// A request is to be tried once more.
    ///
    /// - Returns: false when that is not within the budget.
    func takeRetry(at now: Instant) -> Bool {
        ledger.takeRetry(settings.bounds.retryBudget, at: now)
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
        members.servers.allSatisfy { !$0.isChosen || !$0.state.isAvailable(at: now) }
    }

    /// True when one of them works as far as is known.
    package var isReachable: Bool {
        members.servers.contains {
            $0.isChosen && $0.state.skippedUntil == nil && !$0.state.order.isDraining
                && $0.state.health.isGood
        }
    }
}

extension BackendSettings.Server {
    /// The servers that this line stands for.
    fileprivate func endpoints(_ names: [ServerName: [ServerEndpoint]]) -> [ServerEndpoint] {
        switch place {
        case .address(let address):
            return [ServerEndpoint(address: address, host: "", weight: weight)]
        case .name(let name):
            var endpoints = names[name] ?? []
            if case .host = name {
                for index in endpoints.indices { endpoints[index].weight = weight }
            }
            return endpoints
        }
    }
}

extension GroupMembers.Server: Equatable {
    package static func == (left: GroupMembers.Server, right: GroupMembers.Server) -> Bool {
        left.state === right.state && left.weight == right.weight && left.tier == right.tier
            && left.isBackup == right.isBackup && left.host == right.host
            && left.isDown == right.isDown && left.limit == right.limit
    }
}
