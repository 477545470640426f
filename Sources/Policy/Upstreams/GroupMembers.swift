import Clock
import Settings

/// The servers that a group has at one time, and which of them comes next.
///
/// The servers that may be chosen, in this order: 1. those that are neither backups nor skipped, 2.
/// the backups that are not skipped, 3. the one whose skip ends first, server or backup: a server
/// that may work again is worth more than a certain refusal. One that checks say is down, or that
/// is left out, comes last of these; with `fail_fast` none of these is chosen. One that an operator
/// drains is none of them.
///
/// A server that an exchange has tried before is never chosen again.
package final class GroupMembers: Sendable {
    package struct Server: Sendable {
        package let weight: Int
        package let isBackup: Bool
        /// Among backups those with the lowest tier come first; 0 for others.
        package let tier: Int
        /// As its certificate must have it; nil for one that is found at its address.
        package let host: String?
        package let state: ServerState
    }

    /// In the order of the configuration.
    package let servers: [Server]
    private let settings: BackendSettings
    private let rotation: WeightedRotation

    /// - Parameter before: those that the group had until now, whose turns go on.
    init(_ servers: [Server], _ settings: BackendSettings, inPlaceOf before: GroupMembers? = nil) {
        self.servers = servers
        self.settings = settings
        rotation = WeightedRotation(
            weights: servers.map { $0.isBackup ? 0 : $0.weight }, after: before?.rotation)
    }

    /// As `BackendGroup.choose`.
    func choose(now: Instant, tried: [ServerState]) -> ServerLease? {
        var excluded = tried
        // A server found available may be another worker's trial by the time it is claimed; it is
        // passed over then, so there are no more rounds than servers.
        while let index = available(at: now, excluded) {
            let state = servers[index].state
            if state.claim(at: now, patience: settings.failTimeout) {
                return lease(of: index)
            }
            excluded.append(state)
        }
        if settings.health.failsFast { return nil }
        return firstBack(tried, now).map { lease(of: $0) }
    }

    /// As `BackendGroup.lease`.
    func lease(of state: ServerState) -> ServerLease? {
        servers.firstIndex { $0.state === state }.map { lease(of: $0) }
    }

    private func lease(of index: Int) -> ServerLease {
        ServerLease(of: servers[index].state, host: servers[index].host)
    }

    private func available(at now: Instant, _ excluded: [ServerState]) -> Int? {
        // Only the first attempt of an exchange takes a turn of the plan.
        if settings.balance == .roundRobin, excluded.isEmpty,
            let index = rotation.next(), servers[index].state.isAvailable(at: now)
        {
            return index
        }
        return pick(backups: false, at: now, excluded) ?? pick(backups: true, at: now, excluded)
    }

    private func pick(backups: Bool, at now: Instant, _ excluded: [ServerState]) -> Int? {
        let usable = servers.indices.filter { index in
            servers[index].isBackup == backups && servers[index].state.isAvailable(at: now)
                && !servers[index].state.isAmong(excluded)
        }
        guard let tier = usable.map({ servers[$0].tier }).min() else { return nil }
        let candidates = usable.filter { servers[$0].tier == tier }
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
    private func firstBack(_ tried: [ServerState], _ now: Instant) -> Int? {
        servers.indices
            .filter { !servers[$0].state.isAmong(tried) && !servers[$0].state.order.isDraining }
            .map { (index: $0, until: back(servers[$0].state, now)) }
            .min { ($0.until.isOut, $0.until.skip) < ($1.until.isOut, $1.until.skip) }?
            .index
    }

    private func back(_ state: ServerState, _ now: Instant) -> (isOut: Int, skip: Int64) {
        (state.health.allows(at: now) ? 0 : 1, state.skippedUntil?.nanoseconds ?? .min)
    }
}
