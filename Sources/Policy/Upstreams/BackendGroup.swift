package import Clock
package import Settings

/// A group of upstream servers and the question which of them comes next. One value a generation,
/// shared by all workers; the servers' states outlive it (`UpstreamRegistry`).
///
/// The servers that may be chosen, in this order: 1. those that are neither backups nor skipped, 2.
/// the backups that are not skipped, 3. the one whose skip ends first, server or backup: a server
/// that may work again is worth more than a certain refusal.
///
/// A server in the exchange's list of those tried before is never chosen again.
package final class BackendGroup: Sendable {
    package struct Server: Sendable {
        package let address: SocketAddressSettings
        package let weight: Int
        package let isBackup: Bool
        package let state: ServerState
    }

    package let settings: BackendSettings
    /// In the order of the configuration; a lease's `index` points in here.
    package let servers: [Server]
    private let rotation: WeightedRotation

    package init(_ settings: BackendSettings, registry: UpstreamRegistry) {
        self.settings = settings
        servers = settings.servers.map { server in
            Server(
                address: server.address, weight: max(1, server.weight),
                isBackup: server.isBackup,
                state: registry.state(group: settings.name, address: server.address))
        }
        rotation = WeightedRotation(weights: servers.map { $0.isBackup ? 0 : $0.weight })
    }

    /// The server for one exchange; nil when all of them are in `tried`.
    ///
    /// The caller connects, then says `reportSuccess` or `reportFailure` (a server on trial stays
    /// skipped until it hears one of them); after a failure it may ask again with that index in
    /// `tried`, up to `settings.retries` times.
    package func choose(now: Instant, tried: [Int] = []) -> ServerLease? {
        var excluded = tried
        // A server found available may be another worker's trial by the time it is claimed; it is
        // passed over then, so there are no more rounds than servers.
        while let index = available(at: now, excluded: excluded) {
            let state = servers[index].state
            if state.claim(at: now, patience: settings.failTimeout) {
                return ServerLease(of: state, index: index)
            }
            excluded.append(index)
        }
        return firstBack(tried: tried).map { ServerLease(of: servers[$0].state, index: $0) }
    }

    /// The server that `state` is of, for a connection that is open already and leads to it,
    /// whichever server is next; nil when the server is not in this group.
    package func lease(of state: ServerState) -> ServerLease? {
        servers.firstIndex { $0.state === state }.map { ServerLease(of: state, index: $0) }
    }

    /// How long its servers have for a request.
    package func patience(isWebSocket: Bool) -> ServerPatience {
        ServerPatience(settings, isWebSocket: isWebSocket)
    }

    /// The server could not be reached: it is skipped for `failTimeout`.
    ///
    /// - Returns: what is to be said about it.
    @discardableResult
    package func reportFailure(_ index: Int, now: Instant) -> Outage.Notice? {
        servers[index].state.failed(at: now, skipUntil: now + settings.failTimeout)
    }

    /// The server was reached: a connection was made, or one that was kept open still works.
    ///
    /// - Returns: what is to be said about it.
    @discardableResult
    package func reportSuccess(_ index: Int, now: Instant) -> Outage.Notice? {
        servers[index].state.succeeded(at: now)
    }

    /// True while all of them are skipped: another attempt would most likely fail as well.
    package func isAway(at now: Instant) -> Bool {
        servers.allSatisfy { !$0.state.isAvailable(at: now) }
    }

    /// True when one of them works as far as is known.
    package var isReachable: Bool { servers.contains { $0.state.skippedUntil == nil } }

    private func available(at now: Instant, excluded: [Int]) -> Int? {
        // Only the first attempt of an exchange takes a turn of the plan.
        if settings.balance == .roundRobin, excluded.isEmpty, let index = rotation.next(),
            isAvailable(index, at: now, excluded)
        {
            return index
        }
        return pick(backups: false, at: now, excluded) ?? pick(backups: true, at: now, excluded)
    }

    private func isAvailable(_ index: Int, at now: Instant, _ excluded: [Int]) -> Bool {
        !excluded.contains(index) && servers[index].state.isAvailable(at: now)
    }

    private func pick(backups: Bool, at now: Instant, _ excluded: [Int]) -> Int? {
        let candidates = servers.indices.filter { index in
            servers[index].isBackup == backups && isAvailable(index, at: now, excluded)
        }
        if candidates.isEmpty { return nil }
        let equals =
            switch settings.balance {
            case .roundRobin: candidates
            case .leastConnections: leastLoaded(of: candidates)
            }
        return rotation.deal(among: equals.map { ($0, servers[$0].weight) })
    }

    /// The servers that hold the fewest exchanges for their weight. Counts of other workers move
    /// meanwhile: two may choose the same server at once, and the next choice makes up for it.
    private func leastLoaded(of candidates: [Int]) -> [Int] {
        var least: [Int] = []
        var best = (active: 0, weight: 0)
        for index in candidates {
            let (active, weight) = (servers[index].state.active, servers[index].weight)
            // active / weight against the best, without dividing.
            let (load, bestLoad) = (active * best.weight, best.active * weight)
            if least.isEmpty || load < bestLoad {
                (least, best) = ([index], (active, weight))
            } else if load == bestLoad {
                least.append(index)
            }
        }
        return least
    }

    /// The server that comes back first of those that are skipped and not yet tried.
    private func firstBack(tried: [Int]) -> Int? {
        servers.indices.filter { !tried.contains($0) }
            .map { (index: $0, until: servers[$0].state.skippedUntil?.nanoseconds ?? .min) }
            .min { $0.until < $1.until }?
            .index
    }
}
