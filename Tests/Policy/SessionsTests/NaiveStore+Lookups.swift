import Settings

/// Who stands where.
extension NaiveStore {
    func counted(_ group: Int) -> [Device] { devices.filter { $0.count == "limit \(group)" } }

    func group(of role: String) -> Int? {
        rules.limits.firstIndex { $0.roles.contains(role) }
            ?? rules.limits.firstIndex { $0.roles.isEmpty }
    }

    func limit(_ group: Int, _ arrival: Newcomer) -> SessionSettings.Limit {
        if let set = runtime.last(where: { $0.role.map { self.group(of: $0) == group } ?? false })
            ?? runtime.last(where: { $0.role == nil })
        {
            return set.limit
        }
        var limit = rules.limits[group].limit
        if rules.limits[group].takesClaim, let claimed = arrival.claimed {
            limit.devices = claimed
        }
        return limit
    }

    func groups(of role: String?) -> [Int] {
        if let role { return group(of: role).map { [$0] } ?? [] }
        let own = Set(runtime.compactMap { $0.role.flatMap { group(of: $0) } })
        return rules.limits.indices.filter { !own.contains($0) }
    }

    func position(of number: Int, in device: Device) -> Int? {
        device.isInGrace ? nil : device.sessions.firstIndex { $0.number == number }
    }

    func find(_ arrival: Newcomer, _ count: String) -> Int? {
        func named(_ name: String) -> Int? {
            devices.firstIndex { device in
                device.count == count && device.last.owner == arrival.owner
                    && (device.last.key == name || device.last.alias == name)
            }
        }
        return named(arrival.key) ?? arrival.alias.flatMap(named)
    }

    func isSame(_ one: Newcomer, _ other: Newcomer) -> Bool {
        guard one.owner == other.owner else { return false }
        let names = [one.key, one.alias]
        return names.contains(other.key) || (other.alias.map { names.contains($0) } ?? false)
    }
}
