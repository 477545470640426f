import Clock
import HTTP1
import Settings
import Upstreams

extension Instant {
    static func seconds(_ seconds: Int) -> Instant { .zero + .seconds(seconds) }
}

/// A server at a port of the loopback address.
func server(_ port: UInt16, weight: Int = 1, isBackup: Bool = false) -> BackendSettings.Server {
    BackendSettings.Server(
        address: .ip(address: "127.0.0.1", port: port), weight: weight, isBackup: isBackup)
}

/// A group called `app` of these servers.
func group(
    of servers: [BackendSettings.Server], registry: UpstreamRegistry = UpstreamRegistry(),
    seal: StickySeal? = nil, change: (inout BackendSettings) -> Void = { _ in }
) -> BackendGroup {
    var settings = BackendSettings(name: "app", servers: servers)
    change(&settings)
    return BackendGroup(settings, registry: registry, seal: seal)
}

/// A group called `app` with servers of these weights, then backups of those.
func group(
    _ weights: [Int], backups: [Int] = [], balance: ServerChoice.Balance = .roundRobin,
    registry: UpstreamRegistry = UpstreamRegistry()
) -> BackendGroup {
    let servers = weights.indices.map { server(UInt16(8000 + $0), weight: weights[$0]) }
    let spares = backups.indices.map {
        server(UInt16(9000 + $0), weight: backups[$0], isBackup: true)
    }
    var settings = BackendSettings(name: "app", servers: servers + spares)
    settings.choice.balance = balance
    return BackendGroup(settings, registry: registry)
}

extension BackendGroup {
    var servers: [GroupMembers.Server] { members.servers }

    func choose(now: Instant, tried: [ServerState] = []) -> ServerLease? {
        switch choose(for: ServerWish(), now: now, tried: tried) {
        case .server(let lease): lease
        case .full: nil
        case .overloaded: nil
        case .none: nil
        }
    }

    /// The index of the server for one exchange that is over at once.
    func turn(at now: Instant = .zero, tried: [Int] = []) -> Int? {
        guard let lease = choose(now: now, tried: tried.map { servers[$0].state }) else {
            return nil
        }
        return index(of: lease.state)
    }

    func index(of state: ServerState) -> Int? { servers.firstIndex { $0.state === state } }

    @discardableResult
    func reportFailure(_ index: Int, now: Instant) -> Outage.Notice? {
        reportFailure(servers[index].state, now: now)
    }

    @discardableResult
    func reportSuccess(_ index: Int, now: Instant) -> Outage.Notice? {
        reportSuccess(servers[index].state, now: now)
    }

    /// The index of the server that an exchange with this wish is given; `body` runs while it is
    /// held.
    @discardableResult
    func place(
        _ wish: ServerWish, at now: Instant = .zero, tried: [Int] = [],
        _ body: (Int) -> Void = { _ in }
    ) -> Int? {
        let tried = tried.map { servers[$0].state }
        guard case .server(let lease) = choose(for: wish, now: now, tried: tried),
            let index = index(of: lease.state)
        else { return nil }
        body(index)
        lease.close()
        return index
    }

    /// How often each server was chosen in `count` such exchanges.
    func shares(of count: Int, at now: Instant = .zero) -> [Int] {
        var shares = servers.map { _ in 0 }
        for _ in 0..<count {
            if let index = turn(at: now) { shares[index] += 1 }
        }
        return shares
    }
}

extension Attempt {
    mutating func failed(
        _ failure: UpstreamFailure, at index: Int, of group: BackendGroup,
        obstacle: UpstreamUse.RetryObstacle? = nil, now: Instant
    ) -> Step {
        failed(
            failure, at: group.servers[index].state, of: group, obstacle: obstacle, now: now)
    }
}
