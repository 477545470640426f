internal import Clock
internal import Settings
internal import Upstreams

/// The idle upstream connections of one worker, newest first, by server.
struct UpstreamPool {
    private var idle: [ObjectIdentifier: [UpstreamConnection]] = [:]

    /// The connection that rested shortest, or nil.
    mutating func take(for server: ServerState) -> UpstreamConnection? {
        idle[ObjectIdentifier(server)]?.popLast()
    }

    /// - Returns: false when enough are kept already.
    mutating func put(_ connection: UpstreamConnection, capacity: Int) -> Bool {
        let key = ObjectIdentifier(connection.server)
        guard idle[key, default: []].count < capacity else { return false }
        idle[key, default: []].append(connection)
        return true
    }

    mutating func remove(_ connection: UpstreamConnection) {
        let key = ObjectIdentifier(connection.server)
        idle[key]?.removeAll { $0 === connection }
        if idle[key]?.isEmpty == true { idle[key] = nil }
    }

    /// Closes the connections to servers that are in none of `groups` any more.
    mutating func keep(_ groups: [BackendGroup], in worker: Worker) {
        let used = Set(groups.flatMap { $0.servers.map { ObjectIdentifier($0.state) } })
        for key in idle.keys where !used.contains(key) {
            for connection in idle.removeValue(forKey: key) ?? [] { connection.close(in: worker) }
        }
    }
}
