package import Settings

/// What one `sessions` block of one generation says, made ready to be asked. An object, because
/// every session of the block holds on to it.
package final class SessionRules: Sendable {
    /// The number of the generation of the configuration.
    package let generation: UInt64
    package let limits: [SessionSettings.RoleLimit]
    package let sameDevice: SessionSettings.SameDevice
    package let grace: Duration?
    package let probe: Duration?
    /// Indices of `limits` by role, and the one for every other role.
    private let groups: [String: Int]
    private let others: Int?

    package init(_ settings: SessionSettings, generation: UInt64) {
        self.generation = generation
        limits = settings.limits
        sameDevice = settings.sameDevice
        grace = settings.grace
        probe = settings.probe
        var groups: [String: Int] = [:]
        for (index, limit) in settings.limits.enumerated() {
            for role in limit.roles { groups[role] = index }
        }
        self.groups = groups
        others = settings.limits.firstIndex { $0.roles.isEmpty }
    }

    /// An index of `limits`: the count that sessions of `role` are in; nil for unlimited.
    package func group(of role: String?) -> Int? { role.flatMap { groups[$0] } ?? others }

    /// The role among those of one token by which a session is counted: the first one that a limit
    /// names, so that no client escapes the limit by another role; else the first.
    package func role(among roles: [String]) -> String? {
        roles.first { groups[$0] != nil } ?? roles.first
    }

    /// The claim that may say how many devices there may be of `role`.
    package func claim(for role: String?) -> String? {
        group(of: role).flatMap { limits[$0].claim }
    }

    /// The number of devices that a claim's text says; nil when it says none.
    package static func devices(claimed text: String?) -> Int? {
        guard let text, let number = Int(text), (1...1_000_000).contains(number) else { return nil }
        return number
    }

    /// What the configuration and the token say about the devices of a group.
    func limit(_ group: Int, in store: String, claimed: Int?) -> SessionSettings.Limit {
        let rule = limits[group]
        var limit = rule.stores[store] ?? rule.limit
        if rule.claim != nil, let claimed { limit.devices = claimed }
        return limit
    }

    /// What a store is limited to where no token says otherwise, by the place in `limits`.
    ///
    /// - Parameter set: what operators set for the store, the latest first.
    package func limits(
        in store: String, _ set: [RuntimeLimit]
    ) -> [(limit: SessionSettings.Limit, set: RuntimeLimit?)] {
        limits.indices.map { group in
            let own = runtimeLimit(group, set)
            return (own?.limit ?? limit(group, in: store, claimed: nil), own)
        }
    }

    /// The one that is for a group: one for a role of it, or else one for all.
    func runtimeLimit(_ group: Int, _ set: [RuntimeLimit]) -> RuntimeLimit? {
        set.first { $0.role.map { self.group(of: $0) == group } ?? false }
            ?? set.first { $0.role == nil }
    }

    /// True when both count the same roles together, so that counts of one hold for the other.
    func countsAlike(_ other: SessionRules) -> Bool {
        limits.elementsEqual(other.limits) { $0.roles == $1.roles }
    }
}
