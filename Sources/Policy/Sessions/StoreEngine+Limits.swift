import Clock
import Settings

/// Limits, those that operators set while the process runs among them, and what is in the store.
extension StoreEngine {
    func limit(for arrival: Arrival, _ group: Int) -> SessionSettings.Limit {
        if let limit = runtimeLimit(group) { return limit }
        return rules?.limit(
            group, in: arrival.store.store, claimed: arrival.claimedDevices.map(Int.init))
            ?? SessionSettings.Limit(devices: 0, policy: .blockNew)
    }

    private func runtimeLimit(_ group: Int) -> SessionSettings.Limit? {
        rules?.runtimeLimit(group, runtimeLimits)?.limit
    }

    mutating func set(_ limit: RuntimeLimit, endsExcess: Bool) {
        runtimeLimits.removeAll { $0.role == limit.role }
        if let expires = limit.expires {
            if expires <= now { return }
            timers.push(.review, at: expires)
        }
        if runtimeLimits.count >= Self.mostRuntimeLimits { runtimeLimits.removeLast() }
        // The latest first, so that of two for one group the later one holds.
        runtimeLimits.insert(limit, at: 0)
        guard endsExcess else { return }
        for group in groups(of: limit.role) {
            let excess = seats.groups[group].count - limit.limit.devices
            for _ in 0..<max(0, excess) {
                if let slot = seats.firstGrace(group) {
                    seats.close(slot)
                } else if let slot = seats.eldest(group) {
                    vacate(slot, .limited(limit.limit))
                }
            }
        }
    }

    private func groups(of role: String?) -> [Int] {
        guard let rules else { return [] }
        guard let role else {
            // Where a role has a limit of its own, that one holds.
            return rules.limits.indices.filter { group in
                !runtimeLimits.contains { $0.role.map { rules.group(of: $0) == group } ?? false }
            }
        }
        return rules.group(of: role).map { [$0] } ?? []
    }

    /// The sessions that would be ended if this limit were set and had to hold at once: the longest
    /// connected first.
    package func excess(under limit: RuntimeLimit) -> [SessionRecord] {
        groups(of: limit.role).flatMap { group in
            excessSessions(group, seats.groups[group].count - limit.limit.devices)
        }
    }

    /// The sessions that would end for so many places to be free: none of places in grace, which
    /// are given up first.
    func excessSessions(_ group: Int, _ excess: Int) -> [SessionRecord] {
        let ended = max(0, excess - seats.groups[group].graces)
        return seats.bySeniority(group).filter { !$0.isInGrace }.prefix(ended).flatMap(\.sessions)
    }

    // MARK: What is in here

    package var records: [SessionRecord] { Array(seats.records) }
    package var sessionCount: Int { seats.sessionCount }
    package var waitingCount: Int { waiters.count }

    /// Devices of limited roles, also those in grace, all groups together.
    package var deviceCount: Int { seats.groups.reduce(0) { $0 + $1.count } }

    package var graceCount: Int { seats.groups.reduce(0) { $0 + $1.graces } }

    package var limitsInForce: [RuntimeLimit] { runtimeLimits }
}
