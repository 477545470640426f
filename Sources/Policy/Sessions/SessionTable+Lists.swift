import Locks
import Settings

/// What the console shows of the table. Each shard is seen as it was at some instant.
extension SessionTable {
    func list(
        _ filter: SessionFilter, after cursor: SessionID?, _ most: Int
    ) -> StoreAnswer {
        let most = min(max(1, most), StoreQuestion.longestPage)
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
    ) -> StoreAnswer {
        let most = min(max(1, most), StoreQuestion.longestPage)
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

    var counts: StoreCounts {
        shards.reduce(into: StoreCounts()) { counts, shard in
            shard.stores.withLock { stores in
                for (key, store) in stores.byKey {
                    counts.blocks[key.block, default: .init()].sessions +=
                        store.engine.sessionCount
                    counts.blocks[key.block, default: .init()].stores += 1
                }
                counts.tallies.add(stores.tallies)
            }
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
