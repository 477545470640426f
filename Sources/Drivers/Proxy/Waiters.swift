internal import Identity

/// Connections that wait for the same kind of thing, and how many of them come from where: nobody
/// may have more places than are left, so that one address never takes them all.
struct Waiters {
    static let limit = 8192

    /// Where clients come from (`ClientAddress.key`); nil for nowhere.
    private var customers: [UInt64: UInt64?] = [:]
    private var counts: [UInt64?: Int] = [:]

    /// False when there is no place. A client that waits already keeps its place.
    mutating func insert(_ client: UInt64, from address: ClientAddress?) -> Bool {
        if customers[client] != nil { return true }
        let customer = address?.key
        guard counts[customer, default: 0] < Self.limit - customers.count else { return false }
        customers.updateValue(customer, forKey: client)
        counts[customer, default: 0] += 1
        return true
    }

    var isEmpty: Bool { customers.isEmpty }

    var count: Int { customers.count }

    mutating func remove(_ client: UInt64) {
        guard let customer = customers.removeValue(forKey: client) else { return }
        counts[customer, default: 0] -= 1
        if counts[customer] == 0 { counts[customer] = nil }
    }

    /// All of them; nobody waits any more.
    mutating func takeAll() -> [UInt64] {
        let clients = Array(customers.keys)
        self = Waiters()
        return clients
    }
}
