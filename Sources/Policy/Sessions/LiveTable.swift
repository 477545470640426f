import Locks

/// Live connections that a token let in, of all workers: to find the one a refresh is meant for,
/// and those a revocation means. Shared by the workers, kept over reloads.
///
/// Sharded by id, one lock a shard, taken when a connection begins, ends, is refreshed or is looked
/// for. Nothing is called under a lock. Grows with the live connections of the process, which the
/// workers bound.
package final class LiveTable: Sendable {
    package static let shardCount = 64

    private final class Shard: Sendable {
        let connections = Guarded<[SessionID: LiveConnection]>([:])
    }

    private let shards: [Shard] = (0..<shardCount).map { _ in Shard() }

    package init() {}

    /// In the table for as long as the lease lives. `connection.id` was never used before. The
    /// caller asks once more whether the token is revoked: a revocation that came meanwhile did not
    /// find the connection here.
    package func register(_ connection: LiveConnection) -> LiveLease {
        let id = connection.id
        shard(of: id).connections.withLock { connections in
            assert(connections[id] == nil, "an id came twice")
            connections[id] = connection
        }
        return LiveLease(of: id, in: self)
    }

    /// The live connection with this id, or nil.
    package func find(_ id: SessionID) -> LiveConnection? {
        shard(of: id).connections.withLock { $0[id] }
    }

    /// All that `isMeant` is true of, in no order; each shard as it was at some instant. Walks
    /// through the whole table: for revocations and for the console.
    package func all(where isMeant: (LiveConnection) -> Bool) -> [LiveConnection] {
        shards.flatMap { shard in
            shard.connections.withLock { Array($0.values) }.filter(isMeant)
        }
    }

    package var count: Int {
        shards.reduce(0) { total, shard in total + shard.connections.withLock { $0.count } }
    }

    /// Does nothing for a connection that is gone.
    func renew(_ id: SessionID, _ token: LiveConnection.Token) {
        shard(of: id).connections.withLock { $0[id]?.token = token }
    }

    func end(_ id: SessionID) {
        shard(of: id).connections.withLock { $0[id] = nil }
    }

    /// The ids are random in all their bits.
    private func shard(of id: SessionID) -> Shard {
        shards[Int(truncatingIfNeeded: id.low % UInt64(Self.shardCount))]
    }
}
