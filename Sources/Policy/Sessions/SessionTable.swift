package import Clock
import Locks
import Settings
import Synchronization

/// All sessions of the process, shared by its workers and kept over reloads: the store of sessions
/// that answers at once.
///
/// Sharded by store: stores of different shards never wait for each other, and one store's
/// operations are decided one after the other (`StoreEngine`). A lock is taken when a session
/// begins or ends, is probed or listed. Nothing is called under a lock: decisions leave it as
/// values. Those of two calls may thus reach a worker in either order: it may be told of a
/// connection that it has just closed, and that a session is in which it was told has ended.
package final class SessionTable: SessionStore {
    /// Plenty for the cores there are; a shard costs a mutex and an empty dictionary.
    package static let shardCount = 64

    struct Store: Sendable {
        var engine = StoreEngine()
        /// The earliest entry of `Stores.deadlines` about it.
        var scheduled: Instant?
    }

    struct Stores: Sendable {
        var byKey: [StoreKey: Store] = [:]
        var deadlines = DeadlineHeap<StoreKey>()
        var tallies = SessionTallies()
    }

    final class Shard: Sendable {
        let stores = Guarded(Stores())
        /// Nanoseconds of the first deadline, for a look without the lock.
        let due = Atomic(Int64.max)
    }

    let shards: [Shard] = (0..<shardCount).map { _ in Shard() }
    private let deliver: @Sendable (SessionMessage) -> Void
    private let report: @Sendable (SessionReport) -> Void

    /// - Parameters:
    ///   - deliver: passes a message to the worker `message.connection.worker`. Called on the
    ///     thread that submitted a request, not under a lock.
    ///   - report: as `deliver`, for histories and logs.
    package init(
        deliver: @escaping @Sendable (SessionMessage) -> Void,
        report: @escaping @Sendable (SessionReport) -> Void = { _ in }
    ) {
        self.deliver = deliver
        self.report = report
    }

    package func arrive(_ arrival: Arrival, now: Instant) -> SeatAnswer? {
        carryOut(change(arrival.store, .arrive(arrival), now), for: arrival.id)
    }

    package func ask(_ question: StoreQuestion, number: UInt64, now: Instant) -> StoreAnswer? {
        switch question {
        case .setLimit(let store, let limit, let endsExcess):
            return ended(change(store, .setLimit(limit, endsExcess: endsExcess), now))
        case .tryLimit(let store, let limit):
            return .ended(engine(of: store)?.excess(under: limit) ?? [])
        case .clearLimit(let store, let role):
            return done(change(store, .clearLimit(role: role), now))
        case .kick(let filter, let kick):
            return ended(changeAll(filter, .kick(filter, kick), now))
        case .adopt(let block, let rules):
            return done(changeAll(SessionFilter(block: block), .adopt(rules), now))
        case .list(let filter, let cursor, let most): return list(filter, after: cursor, most)
        case .stores(let filter, let cursor, let most): return stores(filter, after: cursor, most)
        case .counts: return .counts(counts)
        }
    }

    package func tell(_ fact: SessionFact, now: Instant) {
        switch fact {
        case .depart(let id, let store, let departure):
            _ = carryOut(change(store, .depart(id, departure), now))
        case .answered(let id, let store): _ = carryOut(change(store, .answered(id), now))
        case .silent(let id, let store): _ = carryOut(change(store, .silent(id), now))
        case .tick: tick(now)
        }
    }

    package var nextDeadline: Instant? {
        let first = shards.reduce(Int64.max) { min($0, $1.due.load(ordering: .relaxed)) }
        return first == .max ? nil : Instant(nanoseconds: first)
    }

    // MARK: Changing

    private func change(
        _ key: StoreKey, _ event: SessionEvent, _ now: Instant
    ) -> [SessionDecision] {
        let shard = shard(of: key)
        return shard.stores.withLock { stores in
            defer { shard.noteDeadline(stores) }
            return stores.change(key, event, now)
        }
    }

    private func tick(_ now: Instant) {
        for shard in shards where shard.due.load(ordering: .relaxed) <= now.nanoseconds {
            let decisions = shard.stores.withLock { stores in
                defer { shard.noteDeadline(stores) }
                return stores.tick(now)
            }
            _ = carryOut(decisions)
        }
    }

    /// In every store that has to do with `filter`.
    private func changeAll(
        _ filter: SessionFilter, _ event: SessionEvent, _ now: Instant
    ) -> [SessionDecision] {
        shards(for: filter).flatMap { shard in
            shard.stores.withLock { stores in
                defer { shard.noteDeadline(stores) }
                return stores.byKey.keys.filter(filter.matches).flatMap { key in
                    stores.change(key, event, now)
                }
            }
        }
    }

    // MARK: Decisions

    /// Passes on what concerns others, and answers what concerns `asker`, about whom something is
    /// decided.
    private func carryOut(
        _ decisions: [SessionDecision], for asker: SessionID? = nil
    ) -> SeatAnswer? {
        var answer: SeatAnswer?
        for decision in decisions {
            switch decision {
            case .admitted(let record):
                let admitted = SeatAnswer.admitted(record, despite: nil)
                if record.id == asker {
                    answer = admitted
                } else {
                    deliver(.answer(admitted, record.id, record.connection))
                }
            case .overruled(let record, let rule):
                if record.id == asker { answer = .admitted(record, despite: rule) }
            case .waiting(let id): if id == asker { answer = .waiting }
            case .refused(let arrival, let rejection):
                report(.refused(arrival, rejection))
                if arrival.id == asker {
                    answer = .refused(rejection)
                } else {
                    deliver(.answer(.refused(rejection), arrival.id, arrival.connection))
                }
            case .ended(let end):
                if let ending = end.ending { deliver(.end(ending)) }
                report(.ended(end))
            case .probe(let record): deliver(.probe(record.id, record.connection))
            case .noticed(let notice): report(.noticed(notice))
            }
        }
        return answer
    }

    /// As `carryOut`, answering who was ended.
    private func ended(_ decisions: [SessionDecision]) -> StoreAnswer {
        _ = carryOut(decisions)
        return .ended(
            decisions.compactMap { decision in
                if case .ended(let end) = decision { end.record } else { nil }
            })
    }

    private func done(_ decisions: [SessionDecision]) -> StoreAnswer {
        _ = carryOut(decisions)
        return .done
    }

    // MARK: Shards

    private func engine(of key: StoreKey) -> StoreEngine? {
        shard(of: key).stores.withLock { $0.byKey[key]?.engine }
    }

    private func shard(of store: StoreKey) -> Shard {
        shards[Int(UInt(bitPattern: store.hashValue) % UInt(shards.count))]
    }

    func shards(for filter: SessionFilter) -> [Shard] {
        if filter.isSeated == false { return [] }
        guard let block = filter.block, let store = filter.store else { return shards }
        return [shard(of: StoreKey(block: block, store: store))]
    }
}

extension SessionTable.Shard {
    /// Called under the lock, with what it guards.
    fileprivate func noteDeadline(_ stores: SessionTable.Stores) {
        due.store(stores.deadlines.first?.nanoseconds ?? .max, ordering: .relaxed)
    }
}

extension SessionTable.Stores {
    /// What follows from an event at a store; one that is unused afterwards is gone.
    fileprivate mutating func change(
        _ key: StoreKey, _ event: SessionEvent, _ now: Instant
    ) -> [SessionDecision] {
        let decisions = byKey[key, default: SessionTable.Store()].handle(event, now)
        if byKey[key]?.engine.isUnused == true {
            byKey[key] = nil
        } else if let next = byKey[key]?.unscheduledDeadline() {
            deadlines.push(key, at: next)
        }
        for decision in decisions { tallies.count(decision) }
        return decisions
    }

    /// Lets time pass at the stores whose deadline has come.
    fileprivate mutating func tick(_ now: Instant) -> [SessionDecision] {
        var decisions: [SessionDecision] = []
        while let (at, key) = deadlines.popDue(now) {
            // A store that vanished, or one that came after it, has no use for the old entry.
            guard byKey[key]?.scheduled == at else { continue }
            byKey[key]?.scheduled = nil
            decisions += change(key, .time, now)
        }
        return decisions
    }
}

extension SessionTable.Store {
    fileprivate mutating func handle(
        _ event: SessionEvent, _ now: Instant
    ) -> [SessionDecision] {
        engine.handle(event, at: now)
    }

    /// The store's next deadline, when no entry stands for it or an earlier one.
    fileprivate mutating func unscheduledDeadline() -> Instant? {
        guard let next = engine.nextDeadline else { return nil }
        if let scheduled, scheduled <= next { return nil }
        scheduled = next
        return next
    }
}
