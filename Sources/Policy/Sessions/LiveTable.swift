import Locks
import Synchronization

/// Live WebSockets, event streams and streamed downloads of all workers: to list them and end them,
/// to find the one a refresh is meant for, and those a revocation means. Those with a seat are in
/// the store of sessions, too. Shared by the workers, kept over reloads.
///
/// Sharded by id, one lock a shard, taken when a connection begins, ends, is refreshed or is looked
/// for. Nothing is called under a lock. Grows with the live connections of the process, which the
/// workers bound.
package final class LiveTable: Sendable {
    package static let shardCount = 64

    private struct Places: Sendable {
        private(set) var connections: [SessionID: LiveConnection] = [:]
        private(set) var counts = LiveCounts()

        mutating func insert(_ connection: LiveConnection) {
            assert(connections[connection.id] == nil, "an id came twice")
            connections[connection.id] = connection
            counts.add(1, connection.facts.kind)
        }

        mutating func renew(_ id: SessionID, _ token: LiveConnection.Token) {
            if let connection = connections[id] { connections[id] = connection.renewed(token) }
        }

        mutating func remove(_ id: SessionID) {
            guard let connection = connections.removeValue(forKey: id) else { return }
            counts.add(-1, connection.facts.kind)
        }
    }

    private final class Shard: Sendable {
        let places = Guarded(Places())
    }

    private let shards: [Shard] = (0..<shardCount).map { _ in Shard() }
    private let kicks = Atomic(0)

    package init() {}

    /// In the table for as long as the lease lives. `connection.id` was never used before. The
    /// caller asks once more whether the token is revoked: a revocation that came meanwhile did not
    /// find the connection here.
    package func register(_ connection: LiveConnection) -> LiveLease {
        shard(of: connection.id).places.withLock { $0.insert(connection) }
        return LiveLease(of: connection.id, in: self)
    }

    /// The live connection with this id, or nil.
    package func find(_ id: SessionID) -> LiveConnection? {
        shard(of: id).places.withLock { $0.connections[id] }
    }

    /// All that `isMeant` is true of, in no order; each shard as it was at some instant. Walks
    /// through the whole table: for revocations.
    package func all(where isMeant: (LiveConnection) -> Bool) -> [LiveConnection] {
        shards.flatMap { shard in
            shard.places.withLock { Array($0.connections.values) }.filter(isMeant)
        }
    }

    package var counts: LiveCounts {
        shards.reduce(into: LiveCounts()) { $0.add($1.places.withLock(\.counts)) }
    }

    package var count: Int { counts.total }

    // MARK: Operators

    /// How many connections operators have ended since the process started.
    package var kicked: Int { kicks.load(ordering: .relaxed) }

    /// The connections without a seat that the filter selects, whose id is after the cursor, by id,
    /// at most so many: as `StoreQuestion.list`, and each shard as it was at some instant.
    package func list(
        _ filter: SessionFilter, after cursor: SessionID?, most: Int
    ) -> (connections: [LiveConnection], next: SessionID?) {
        let most = min(max(1, most), StoreQuestion.longestPage)
        var page = ListPage<LiveConnection>(most: most) { $0.id.isBefore($1.id) }
        for shard in shards(for: filter) {
            let found = shard.places.withLock { places in
                places.connections.values.filter { connection in
                    filter.matches(connection)
                        && (cursor.map { $0.isBefore(connection.id) } ?? true)
                }
            }
            for connection in found { page.add(connection) }
        }
        let connections = page.first()
        return (connections, page.isCut ? connections.last?.id : nil)
    }

    /// Takes those without a seat that the filter means out of the table: each is told to end once,
    /// and counts no more.
    /// - Returns: what the workers of their connections have to be told.
    package func kick(_ filter: SessionFilter, _ kick: Kick) -> [Ending] {
        let endings = shards(for: filter).flatMap { shard in
            shard.places.withLock { places in
                let found = places.connections.values.filter(filter.matches)
                for connection in found { places.remove(connection.id) }
                return found.map { Ending($0, kick) }
            }
        }
        kicks.add(endings.count, ordering: .relaxed)
        return endings
    }

    // MARK: Leases

    /// Does nothing for a connection that is gone.
    func renew(_ id: SessionID, _ token: LiveConnection.Token) {
        shard(of: id).places.withLock { $0.renew(id, token) }
    }

    func end(_ id: SessionID) {
        shard(of: id).places.withLock { $0.remove(id) }
    }

    // MARK: Shards

    /// The ids are random in all their bits.
    private func shard(of id: SessionID) -> Shard {
        shards[Int(truncatingIfNeeded: id.low % UInt64(Self.shardCount))]
    }

    private func shards(for filter: SessionFilter) -> [Shard] {
        guard filter.allowsSeatless else { return [] }
        return filter.id.map { [shard(of: $0)] } ?? shards
    }
}
