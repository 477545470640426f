package import Clock
import Locks
package import Settings

/// A question to the table: may this session come in under this limit?
package struct AdmissionRequest: Sendable {
    package var arrival: Arrival
    /// `SessionSettings.limit(forStore:)`, unless something knows better.
    package var limit: SessionSettings.Limit

    package init(arrival: Arrival, limit: SessionSettings.Limit) {
        self.arrival = arrival
        self.limit = limit
    }
}

/// The answer to an `AdmissionRequest`.
package enum AdmissionOutcome: Sendable {
    /// It is in for as long as the lease lives; the connections of `endings` are to be closed.
    case admitted(SessionLease, endings: [Ending])
    case refused(limit: SessionSettings.Limit)
}

/// All sessions of the process, shared by its workers and kept over reloads.
///
/// Sharded by store: stores of different shards never wait for each other, and one store's
/// operations are decided one after the other. Never more than the limit's devices are in a store
/// at any instant: whatever is ejected is out at the very moment the newcomer is in. Nothing is
/// called under a lock; what has to be done about a decision leaves it as values.
///
/// A store that lives elsewhere would take the same requests and give the same outcomes, only
/// later; nothing here depends on the answer being there at once.
package final class SessionTable: Sendable {
    /// Plenty for the cores there are; a shard costs a mutex and an empty dictionary.
    package static let shardCount = 64

    private let shards: [Shard] = (0..<shardCount).map { _ in Shard() }

    package init() {}

    /// Decides and records in one step.
    package func admit(_ request: AdmissionRequest, now: Instant) -> AdmissionOutcome {
        let arrival = request.arrival
        let admission = shard(of: arrival.store).stores.withLock { stores in
            let admission = stores[arrival.store, default: StoreSessions()]
                .arrived(arrival, limit: request.limit, at: now)
            if stores[arrival.store]?.isEmpty == true { stores[arrival.store] = nil }
            return admission
        }
        switch admission {
        case .admitted(let endings):
            let lease = SessionLease(of: arrival.id, in: arrival.store, table: self)
            return .admitted(lease, endings: endings)
        case .refused(let limit):
            return .refused(limit: limit)
        }
    }

    /// Takes a session out. Nothing happens when it is out already, as after it was ejected.
    func end(_ id: SessionID, in store: StoreKey) {
        shard(of: store).stores.withLock { stores in
            stores[store]?.ended(id)
            if stores[store]?.isEmpty == true { stores[store] = nil }
        }
    }

    /// The live sessions that `filter` means, in no order; each shard as it was at some instant.
    package func list(_ filter: SessionFilter = SessionFilter()) -> [SessionRecord] {
        shards(for: filter).flatMap { shard in
            shard.stores.withLock { stores in
                stores.flatMap { key, sessions in
                    filter.matches(key) ? sessions.records.filter(filter.matches) : []
                }
            }
        }
    }

    /// How many live sessions there are.
    package var count: Int { sum { $0.count } }

    /// How many stores have a session.
    package var storeCount: Int { sum { _ in 1 } }

    private func sum(_ number: (StoreSessions) -> Int) -> Int {
        shards.reduce(0) { total, shard in
            total + shard.stores.withLock { $0.values.reduce(0) { $0 + number($1) } }
        }
    }

    private func shard(of store: StoreKey) -> Shard {
        shards[Int(UInt(bitPattern: store.hashValue) % UInt(shards.count))]
    }

    private func shards(for filter: SessionFilter) -> [Shard] {
        guard let block = filter.block, let store = filter.store else { return shards }
        return [shard(of: StoreKey(block: block, store: store))]
    }

    private final class Shard: Sendable {
        let stores = Guarded<[StoreKey: StoreSessions]>([:])
    }
}
