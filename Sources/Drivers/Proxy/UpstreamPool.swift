internal import Clock
internal import Settings
internal import Upstreams

/// The idle upstream connections of one worker: those that may be used for anybody, by server, and
/// those on which one client has authenticated itself, by client. It only keeps them; whoever is
/// handed one that is not to be used closes it.
struct UpstreamPool {
    /// Of each server the newest last.
    private var idle: [ObjectIdentifier: [UpstreamConnection]] = [:]
    /// By the token of the client's connection; one a server at most.
    private var reserved: [UInt64: [UpstreamConnection]] = [:]
    /// The servers of the generation that is served.
    private var served: Set<ObjectIdentifier> = []

    init(_ groups: [BackendGroup]) { served = Self.servers(of: groups) }

    /// The connection that rested shortest among those that need not wait, or nil; the caller looks
    /// at its `resting` before it is used.
    mutating func take(
        for server: ServerState, at now: Instant, turn: UInt64
    ) -> UpstreamConnection? {
        let key = ObjectIdentifier(server)
        let index = idle[key]?.lastIndex { connection in
            connection.resting.step(at: now, turn: turn, mayRepeat: true) != .wait
        }
        return index.flatMap { idle[key]?.remove(at: $0) }
    }

    /// The connection to a server of `group` that is the client's alone, or nil.
    mutating func take(reservedFor client: UInt64, in group: BackendGroup) -> UpstreamConnection? {
        // Nearly always there is none at all.
        guard !reserved.isEmpty, var own = reserved[client] else { return nil }
        let index = own.firstIndex { connection in
            group.servers.contains { $0.state === connection.server }
        }
        guard let index else { return nil }
        let connection = own.remove(at: index)
        reserved[client] = own.isEmpty ? nil : own
        return connection
    }

    /// - Returns: false when it may not stay: enough are kept already, or a reload took its server
    ///   away meanwhile.
    mutating func put(_ connection: UpstreamConnection, capacity: Int) -> Bool {
        let key = ObjectIdentifier(connection.server)
        guard served.contains(key) else { return false }
        if let owner = connection.owner {
            let own = reserved[owner, default: []]
            guard capacity > 0, !own.contains(where: { $0.server === connection.server }) else {
                return false
            }
            reserved[owner] = own + [connection]
            return true
        }
        guard idle[key, default: []].count < capacity else { return false }
        idle[key, default: []].append(connection)
        return true
    }

    mutating func remove(_ connection: UpstreamConnection) {
        if let owner = connection.owner {
            reserved[owner]?.removeAll { $0 === connection }
            if reserved[owner]?.isEmpty == true { reserved[owner] = nil }
            return
        }
        let key = ObjectIdentifier(connection.server)
        idle[key]?.removeAll { $0 === connection }
        if idle[key]?.isEmpty == true { idle[key] = nil }
    }

    /// The connections that were the client's alone, which is gone; to be closed.
    mutating func release(client: UInt64) -> [UpstreamConnection] {
        if reserved.isEmpty { return [] }
        return reserved.removeValue(forKey: client) ?? []
    }

    /// Another generation is served.
    ///
    /// - Returns: the connections to servers that are in none of `groups` any more; to be closed.
    mutating func keep(_ groups: [BackendGroup]) -> [UpstreamConnection] {
        served = Self.servers(of: groups)
        let all = [Array(idle.values.joined()), Array(reserved.values.joined())]
        return all.joined().filter { !served.contains(ObjectIdentifier($0.server)) }
    }

    private static func servers(of groups: [BackendGroup]) -> Set<ObjectIdentifier> {
        Set(groups.flatMap { $0.servers.map { ObjectIdentifier($0.state) } })
    }
}
