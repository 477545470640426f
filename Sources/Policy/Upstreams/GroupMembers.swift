import Clock
import Settings

/// The servers that a group has at one time, and which of them comes next.
///
/// The server that the client sticks to comes first. Else the servers that may be chosen are, in
/// this order: 1. those that are neither backups nor skipped, 2. the backups that are not skipped,
/// 3. the one whose skip ends first, server or backup: a server that may work again is worth more
/// than a certain refusal. One that checks say is down, or that is left out, comes last of these;
/// with `fail_fast` none of these is chosen. A server that has all it may hold is waited for, as
/// long as there is none of its kind that has a place. One that is `down`, or that an operator
/// drains, is none of them.
///
/// A server that an exchange has tried before is never chosen again.
package final class GroupMembers: Sendable {
    package struct Server: Sendable {
        /// 0 for one that only those come to who stick to it.
        package let weight: Int
        package let isBackup: Bool
        /// Among backups those with the lowest tier come first; 0 for others.
        package let tier: Int
        /// As its certificate must have it; nil for one that is found at its address.
        package let host: String?
        package let state: ServerState
        /// What a client's cookie says that sticks to it.
        let code: String?
        let isDown: Bool
        let limit: Int?
        /// What it draws its scores with.
        fileprivate let seed: UInt64

        /// - Parameters:
        ///   - settings: the line that it is of.
        ///   - endpoint: where the line's server is, or one of them.
        init(
            _ settings: BackendSettings.Server, _ endpoint: ServerEndpoint, _ state: ServerState,
            _ seal: StickySeal?
        ) {
            weight = endpoint.weight
            isBackup = settings.isBackup || endpoint.tier > 0
            tier = endpoint.tier
            host = settings.name == nil ? nil : endpoint.host
            isDown = settings.isDown
            limit = settings.connectionLimit
            self.state = state
            code = seal?.code(group: state.group, server: state.address.text)
            seed = StableHash.of(state.address.text)
        }

        /// Requests may be sent to it, whoever they are from.
        var isChosen: Bool { !isDown && weight > 0 }

        /// Takes the right to send it an exchange, and a place there.
        fileprivate func claim(at now: Instant, patience: Duration) -> Bool {
            guard state.takePlace(limit) else { return false }
            if state.claim(at: now, patience: patience) { return true }
            state.givePlaceBack()
            return false
        }
    }

    /// The server that was chosen; a place of it is taken.
    enum Pick {
        case server(Server)
        case full
        case none
    }

    /// In the order of the configuration.
    package let servers: [Server]
    /// Some server holds only so many.
    let hasLimits: Bool
    private let settings: BackendSettings
    private let rotation: WeightedRotation
    private let dice = Dice()

    /// - Parameter before: those that the group had until now, whose turns go on.
    init(_ servers: [Server], _ settings: BackendSettings, inPlaceOf before: GroupMembers? = nil) {
        self.servers = servers
        self.settings = settings
        hasLimits = servers.contains { $0.limit != nil }
        rotation = WeightedRotation(
            weights: servers.map { $0.isBackup || $0.isDown ? 0 : $0.weight },
            after: before?.rotation)
    }

    /// As `BackendGroup.choose`.
    func choose(
        for wish: ServerWish, now: Instant, tried: [ServerState], _ ledger: GroupLedger
    ) -> Pick {
        if let server = stuckTo(wish, now: now, tried, ledger),
            server.claim(at: now, patience: settings.failTimeout)
        {
            return .server(server)
        }
        let pick = balance(wish, now: now, tried)
        if case .server(let server) = pick, let key = wish.stickyKey,
            case .key(_, let memory) = settings.choice.sticky
        {
            ledger.stick(key, to: server.state, memory: memory, at: now)
        }
        return pick
    }

    /// The server that the client had, as long as it may be had again.
    private func stuckTo(
        _ wish: ServerWish, now: Instant, _ tried: [ServerState], _ ledger: GroupLedger
    ) -> Server? {
        let server: Server?
        switch settings.choice.sticky {
        case nil: return nil
        case .cookie:
            guard let cookie = wish.cookie else { return nil }
            server = servers.first { $0.code == cookie }
        case .key(_, let memory):
            guard let key = wish.stickyKey,
                let state = ledger.server(for: key, memory: memory, at: now)
            else { return nil }
            server = servers.first { $0.state === state }
        }
        guard let server, !server.isDown, server.state.isAvailable(at: now),
            !server.state.isAmong(tried)
        else { return nil }
        return server
    }

    private func balance(_ wish: ServerWish, now: Instant, _ tried: [ServerState]) -> Pick {
        var excluded = tried
        // A server found available may be another worker's trial by the time it is claimed, or
        // full; it is passed over then, so there are no more rounds than servers.
        while let index = available(wish, at: now, excluded) {
            if servers[index].claim(at: now, patience: settings.failTimeout) {
                return .server(servers[index])
            }
            excluded.append(servers[index].state)
        }
        if isFull(at: now, tried) { return .full }
        guard !settings.health.failsFast, let last = firstBack(tried, now) else { return .none }
        return last.state.takePlace(last.limit) ? .server(last) : .full
    }

    // MARK: Who may be chosen

    /// A server may be chosen that is none of these.
    func hasOther(than tried: [ServerState], at now: Instant) -> Bool {
        servers.contains {
            $0.isChosen && !$0.state.isAmong(tried) && $0.state.isAvailable(at: now)
        }
    }

    private func available(
        _ wish: ServerWish, at now: Instant, _ excluded: [ServerState]
    ) -> Int? {
        // Only the first attempt of an exchange takes a turn of the plan.
        if settings.choice.balance == .roundRobin, excluded.isEmpty, let index = rotation.next(),
            servers[index].state.isAvailable(at: now),
            servers[index].state.hasPlace(servers[index].limit)
        {
            if takesTurn(index, at: now) { return index }
            // The server has its turn all the same when only a backup could have it.
            let other = pick(wish, at: now, [servers[index].state])
            return other.flatMap { servers[$0].isBackup ? nil : $0 } ?? index
        }
        return pick(wish, at: now, excluded)
    }

    /// The servers that can be reached, or without any the backups of the lowest tier, whether
    /// they have a place or not: backups are for servers that cannot be reached, not for those that
    /// have much to do.
    private func serving(at now: Instant, _ excluded: [ServerState]) -> [Int] {
        let usable = servers.indices.filter { index in
            servers[index].isChosen && servers[index].state.isAvailable(at: now)
                && !servers[index].state.isAmong(excluded)
        }
        let own = usable.filter { !servers[$0].isBackup }
        guard own.isEmpty, let tier = usable.map({ servers[$0].tier }).min() else { return own }
        return usable.filter { servers[$0].tier == tier }
    }

    /// True when the turn is the server's: one that was away has only some of its turns, until it
    /// is warm.
    private func takesTurn(_ index: Int, at now: Instant) -> Bool {
        let share = share(of: index, at: now)
        return share >= SlowStart.whole || dice.next() % UInt64(SlowStart.whole) < UInt64(share)
    }

    private func share(of index: Int, at now: Instant) -> Int {
        servers[index].state.share(at: now, over: settings.choice.slowStart)
    }

    /// What these are worth now, against each other.
    private func weighed(
        _ candidates: [Int], at now: Instant
    ) -> [(index: Int, weight: Int)] {
        let shares = candidates.map { share(of: $0, at: now) }
        // Small numbers make short rounds.
        let isWarm = shares.allSatisfy { $0 == SlowStart.whole }
        return zip(candidates, shares).map { index, share in
            (index, servers[index].weight * (isWarm ? 1 : share))
        }
    }

    private func pick(
        _ wish: ServerWish, at now: Instant, _ excluded: [ServerState]
    ) -> Int? {
        let candidates = serving(at: now, excluded).filter {
            servers[$0].state.hasPlace(servers[$0].limit)
        }
        if candidates.isEmpty { return nil }
        let weighed = weighed(candidates, at: now)
        switch settings.choice.balance {
        case .roundRobin: return rotation.deal(among: weighed)
        case .leastConnections: return rotation.deal(among: leastLoaded(of: weighed))
        case .random: return betterOfTwo(weighed)
        case .hash:
            guard let key = wish.balanceKey else { return rotation.deal(among: weighed) }
            return Rendezvous.choose(
                key,
                among: weighed.map { index, weight in
                    Rendezvous.Candidate(
                        index: index, seed: servers[index].seed, weight: weight,
                        active: servers[index].state.active)
                })
        }
    }

    /// The servers that hold the fewest exchanges for their weight. Counts of other workers move
    /// meanwhile: two may choose the same server at once, and the next choice makes up for it.
    private func leastLoaded(
        of candidates: [(index: Int, weight: Int)]
    ) -> [(index: Int, weight: Int)] {
        var least: [(index: Int, weight: Int)] = []
        var best = (active: 0, weight: 0)
        for (index, weight) in candidates {
            let active = servers[index].state.active
            // active / weight against the best, without dividing.
            let (load, bestLoad) = (active * best.weight, best.active * weight)
            if least.isEmpty || load < bestLoad {
                (least, best) = ([(index, weight)], (active, weight))
            } else if load == bestLoad {
                least.append((index, weight))
            }
        }
        return least
    }

    /// The one of two servers, drawn by weight, that holds fewer exchanges for its weight: nearly
    /// as even as the least of all, and workers that know the same do not all run to one server
    /// (Mitzenmacher: "The Power of Two Choices in Randomized Load Balancing", 2001).
    private func betterOfTwo(_ candidates: [(index: Int, weight: Int)]) -> Int {
        let first = dice.draw(among: candidates)
        let others = candidates.filter { $0.index != first.index }
        if others.isEmpty { return first.index }
        let second = dice.draw(among: others)
        let firstLoad = servers[first.index].state.active * second.weight
        let secondLoad = servers[second.index].state.active * first.weight
        return secondLoad < firstLoad ? second.index : first.index
    }

    /// The server that comes back first of those that are skipped and not yet tried.
    private func firstBack(_ tried: [ServerState], _ now: Instant) -> Server? {
        servers.filter {
            $0.isChosen && !$0.state.order.isDraining && !$0.state.isAmong(tried)
        }
        .map { (server: $0, until: back($0.state, now)) }
        .min { ($0.until.isOut, $0.until.skip) < ($1.until.isOut, $1.until.skip) }?
        .server
    }

    // MARK: Places

    /// Some server works, and those that do hold all they may.
    private func isFull(at now: Instant, _ excluded: [ServerState]) -> Bool {
        hasLimits
            && serving(at: now, excluded).contains {
                !servers[$0].state.hasPlace(servers[$0].limit)
            }
    }

    /// Some server that may be chosen has a place.
    func hasPlace(at now: Instant) -> Bool {
        serving(at: now, []).contains { servers[$0].state.hasPlace(servers[$0].limit) }
    }

    private func back(_ state: ServerState, _ now: Instant) -> (isOut: Int, skip: Int64) {
        (state.health.allows(at: now) ? 0 : 1, state.skippedUntil?.nanoseconds ?? .min)
    }
}
