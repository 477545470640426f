import Locks
import Settings

/// What the console shows of the table. Each shard is seen as it was at some instant.
extension SessionTable {
    /// A page of this many at most, whatever is asked for.
    package static let longestPage = 1000

    func list(
        _ filter: SessionFilter, after cursor: SessionID?, _ most: Int
    ) -> SessionAnswer {
        let most = min(max(1, most), Self.longestPage)
        var page = ListPage<SessionRecord>(most: most) { $0.id.isBefore($1.id) }
        for shard in shards(for: filter) {
            shard.stores.withLock { stores in
                for (key, store) in stores.byKey where filter.matches(key) {
                    for record in store.engine.seats.records
                    where filter.matches(record) && (cursor.map { $0.isBefore(record.id) } ?? true)
                    {
                        page.add(record)
                    }
                }
            }
        }
        let records = page.first()
        return .page(records, next: page.isCut ? records.last?.id : nil)
    }

    func stores(
        _ filter: SessionFilter, after cursor: StoreKey?, _ most: Int
    ) -> SessionAnswer {
        let most = min(max(1, most), Self.longestPage)
        var page = ListPage<StoreSummary>(most: most) { $0.key.isBefore($1.key) }
        for shard in shards(for: filter) {
            shard.stores.withLock { stores in
                for (key, store) in stores.byKey
                where filter.matches(key) && (cursor.map { $0.isBefore(key) } ?? true) {
                    page.add(store.engine.summary(of: key))
                }
            }
        }
        let summaries = page.first()
        return .stores(summaries, next: page.isCut ? summaries.last?.key : nil)
    }

    /// Live sessions.
    package var count: Int { sum { $0.engine.sessionCount } }

    /// Stores that have a session, a place in grace, somebody who waits, or a limit of their own.
    package var storeCount: Int { sum { _ in 1 } }

    /// As `count` and `storeCount`, by the names of the blocks.
    package var countsByBlock: [String: (sessions: Int, stores: Int)] {
        shards.reduce(into: [:]) { counts, shard in
            shard.stores.withLock { stores in
                for (key, store) in stores.byKey {
                    counts[key.block, default: (0, 0)].sessions += store.engine.sessionCount
                    counts[key.block, default: (0, 0)].stores += 1
                }
            }
        }
    }

    private func sum(_ number: (Store) -> Int) -> Int {
        shards.reduce(0) { total, shard in
            total + shard.stores.withLock { $0.byKey.values.reduce(0) { $0 + number($1) } }
        }
    }
}

extension StoreEngine {
    fileprivate func summary(of key: StoreKey) -> StoreSummary {
        StoreSummary(
            key: key, sessions: sessionCount, devices: deviceCount, graces: graceCount,
            waiting: waitingCount, limits: limitsInForce)
    }
}

extension StoreKey {
    fileprivate func isBefore(_ other: StoreKey) -> Bool {
        if block != other.block { return block < other.block }
        return store.utf8.lexicographicallyPrecedes(other.store.utf8)
    }
}
