internal import Clock
internal import Settings
internal import Upstreams

/// The idle upstream connections of one worker: those that may be used for anybody, by server, and
/// those on which one client has authenticated itself, by client. It only keeps them; whoever is
/// handed one that is not to be used closes it.
struct UpstreamPool {
    /// Those to one server that may be used for anybody, the newest last. An object, so that it is
    /// looked up once and changed in its place.
    private final class Shelf {
        var connections: [UpstreamConnection] = []
    }

    /// One for each server of the generation that is served.
    private var shelves: [ObjectIdentifier: Shelf] = [:]
    /// By the token of the client's connection; one a server at most.
    private var reserved: [UInt64: [UpstreamConnection]] = [:]

    init(_ groups: [BackendGroup]) {
        for server in Self.servers(of: groups) { shelves[server] = Shelf() }
    }

    /// The connection that rested shortest among those that need not wait, or nil; the caller looks
    /// at its `resting` before it is used.
    func take(for server: ServerState, at now: Instant, turn: UInt64) -> UpstreamConnection? {
        guard let shelf = shelves[ObjectIdentifier(server)] else { return nil }
        let index = shelf.connections.lastIndex { connection in
            connection.resting.step(at: now, turn: turn, mayRepeat: true) != .wait
        }
        return index.map { shelf.connections.remove(at: $0) }
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
        guard let shelf = shelves[ObjectIdentifier(connection.server)] else { return false }
        if let owner = connection.owner {
            let own = reserved[owner, default: []]
            guard capacity > 0, !own.contains(where: { $0.server === connection.server }) else {
                return false
            }
            reserved[owner] = own + [connection]
            return true
        }
        guard shelf.connections.count < capacity else { return false }
        shelf.connections.append(connection)
        return true
    }

    mutating func remove(_ connection: UpstreamConnection) {
        guard let owner = connection.owner else {
            let shelf = shelves[ObjectIdentifier(connection.server)]
            shelf?.connections.removeAll { $0 === connection }
            return
        }
        reserved[owner]?.removeAll { $0 === connection }
        if reserved[owner]?.isEmpty == true { reserved[owner] = nil }
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
        let served = Self.servers(of: groups)
        var left = reserved.values.joined().filter {
            !served.contains(ObjectIdentifier($0.server))
        }
        for (server, shelf) in shelves where !served.contains(server) {
            left += shelf.connections
            shelves[server] = nil
        }
        for server in served where shelves[server] == nil { shelves[server] = Shelf() }
        return left
    }

    private static func servers(of groups: [BackendGroup]) -> Set<ObjectIdentifier> {
        Set(groups.flatMap { $0.servers.map { ObjectIdentifier($0.state) } })
    }
}
