import Clock
import Settings
import Upstreams

/// The servers that are checked, and the checks of each: who is asked next, and what follows from
/// what is found out. It knows no socket and no clock.
struct CheckTargets {
    struct Target {
        let server: ServerState
        let group: BackendGroup
        /// The host that its certificate must be for; nil for one that is found at its address.
        let host: String?
        var check: HealthCheck
    }

    /// A check that is to be made.
    struct Order {
        let target: Target
        /// When it has failed unless it is over.
        let deadline: Instant
    }

    private var targets: [ObjectIdentifier: Target] = [:]

    var count: Int { targets.count }

    /// When a check is to begin next; nil while all are running.
    var nextDue: Instant? { targets.values.compactMap(\.check.due).min() }

    /// The servers of exactly these groups are checked, of those that have a `check`: servers come
    /// and go while a generation serves, so this is asked again and again. What is known stays;
    /// servers that are not checked any more count as up.
    ///
    /// - Parameter randomness: 0 to 1.
    /// - Returns: those that are not checked any more.
    mutating func follow(
        _ groups: [BackendGroup], now: Instant, randomness: () -> Double
    ) -> [ServerState] {
        var gone = Set(targets.keys)
        for group in groups {
            guard let settings = group.settings.health.check else { continue }
            for member in group.members.servers {
                let key = ObjectIdentifier(member.state)
                gone.remove(key)
                var check =
                    targets[key]?.check
                    ?? HealthCheck(
                        settings, isUp: member.state.health.finding?.isUp, now: now,
                        randomness: randomness())
                check.adopt(settings, now: now)
                targets[key] = Target(
                    server: member.state, group: group, host: member.host, check: check)
            }
        }
        let left = gone.compactMap { targets.removeValue(forKey: $0)?.server }
        for server in left { server.health.forgetChecks() }
        return left
    }

    /// Begins what is due.
    ///
    /// - Parameter randomness: 0 to 1.
    mutating func beginDue(at now: Instant, randomness: () -> Double) -> [Order] {
        var orders: [Order] = []
        for key in targets.keys {
            guard var target = targets[key], let due = target.check.due, due <= now else {
                continue
            }
            let deadline = target.check.began(at: now, randomness: randomness())
            targets[key] = target
            orders.append(Order(target: target, deadline: deadline))
        }
        return orders
    }

    /// The check of this server found out nothing: this machine has nothing to make it with.
    mutating func abandoned(_ server: ServerState) {
        targets[ObjectIdentifier(server)]?.check.abandoned()
    }

    /// The check of this server is over.
    ///
    /// - Parameter failure: why it failed; nil when it passed.
    /// - Returns: what is to be said about it.
    mutating func ended(
        _ server: ServerState, _ failure: CheckFailure?, at now: Instant
    ) -> [HealthReport] {
        let key = ObjectIdentifier(server)
        guard var target = targets[key] else { return [] }
        let change = target.check.ended(passed: failure == nil)
        targets[key] = target
        let since = server.health.finding?.since ?? now
        let isUp = target.check.isUp ?? true
        if case .up? = change { server.cameBack(at: now) }
        server.health.checked(isUp: isUp, failure, at: now)
        var reports: [HealthReport] = []
        // A server that answers can be connected to, whatever was found before.
        if failure == nil, isUp, let notice = target.group.reportSuccess(server, now: now) {
            reports.append(.reached(server, notice))
        }
        switch change {
        case .down(let failures):
            reports.append(
                .down(
                    server, failures: failures, failure ?? .closed,
                    endsLive: target.group.settings.health.endsLive))
        case .up: reports.append(.up(server, after: now - since))
        case nil: break
        }
        return reports
    }
}
