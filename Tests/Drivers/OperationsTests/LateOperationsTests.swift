import Bookkeeping
import Clock
import Console
import Endings
import Generations
import Identity
import LateStores
import Locks
import Prepared
import Records
import Sessions
import Settings
import State
import Testing
import Transport

@testable import Operations

/// What the console asks and orders, with a store of sessions that answers later.
@Suite struct LateOperationsTests {
    private let shared: SharedState
    private let store: LateStore
    private let operations: Operations
    private let rules: SessionRules
    private let key = StorePolicyKey(block: "boards", store: "17")

    init() throws {
        (shared, store) = try SharedState.late()
        operations = Operations(shared)
        let block = SessionSettings(
            name: "boards", store: .query("store"), limit: .init(devices: 2, policy: .blockNew))
        rules = SessionRules(block, generation: 1)
        var settings = Settings()
        settings.sessions = [block]
        try shared.kept.open(settings, 1)
        store.catchUp()
    }

    /// An answer that comes on whatever thread, and how often.
    private final class Answer<Value: Sendable>: Sendable {
        private let results = Guarded<[Result<Value, Refusal>]>([])

        func take(_ result: Result<Value, Refusal>) { results.withLock { $0.append(result) } }

        var isThere: Bool { !results.withLock(\.isEmpty) }

        func get() throws -> Value {
            try wait { isThere }
            #expect(results.withLock(\.count) == 1)
            return try results.withLock { $0[0] }.get()
        }

        var status: Int? {
            get throws {
                try wait { isThere }
                guard case .failure(let refusal) = results.withLock({ $0[0] }) else { return nil }
                return refusal.status
            }
        }
    }

    private func ask<Value: Sendable>(
        _ question: (@escaping ConsoleAnswer<Value>) -> Void
    ) -> Answer<Value> {
        let answer = Answer<Value>()
        question { answer.take($0) }
        return answer
    }

    private func enter(_ number: UInt64, device: String) throws {
        _ = store.arrive(
            Arrival(
                id: SessionID(high: 0, low: number),
                connection: ConnectionAddress(worker: 0, connection: number),
                store: key.storeKey,
                device: DeviceIdentity(
                    key: .client(try ClientID(device)), origin: .given(.query("id"))),
                role: nil, address: "192.0.2.1", userAgent: "", transport: .webSocket,
                route: "/ws", rules: rules), now: SystemClock.now())
        store.catchUp()
    }

    private func connectSeatless(_ number: UInt64) -> LiveLease {
        shared.live.register(
            LiveConnection(
                id: SessionID(high: 1, low: number),
                connection: ConnectionAddress(worker: 0, connection: number),
                facts: LiveConnection.Facts(
                    transport: .webSocket, isSeated: false, route: "/", generation: 1,
                    address: "192.0.2.1", since: .zero),
                token: nil))
    }

    /// No worker is there that could say more of sessions.
    private func giveUpFigures() {
        for case .figures(let round) in shared.control.take() { round.giveUp() }
    }

    private func letTimePass() {
        shared.sessions.timePassed(to: SystemClock.now() + AskedStore.patience)
    }

    private func order(_ devices: Int, isDryRun: Bool = false, now: Bool = false) -> PolicyOrder {
        PolicyOrder(
            change: StorePolicyChange(
                key: key, devices: devices, policy: "block_new", changedBy: "test"),
            condition: .always, isDryRun: isDryRun, endsExcess: now)
    }

    // MARK: Reads

    @Test func `a list waits for the store, and what the store has no part in does not`() throws {
        try enter(1, device: "A")
        let lease = connectSeatless(2)
        let all = ask { operations.sessions(SessionFilter(), after: nil, most: 9, $0) }
        let seatless = ask {
            operations.sessions(SessionFilter(isSeated: false), after: nil, most: 9, $0)
        }
        let one = ask { operations.sessions(SessionFilter(id: lease.id), after: nil, most: 1, $0) }
        giveUpFigures()
        #expect(try seatless.get().entries.count == 1 && one.get().entries.count == 1)
        #expect(!all.isThere)
        store.catchUp()
        giveUpFigures()
        #expect(try all.get().entries.map(\.session.id.low) == [1, 2])
        lease.end()
    }

    @Test func `stores and counts come when the store says them`() throws {
        try enter(1, device: "A")
        let page = ask { operations.stores(block: nil, after: nil, most: 9, $0) }
        let one = ask { operations.store(key.storeKey, $0) }
        let empty = ask { operations.store(StoreKey(block: "boards", store: "99"), $0) }
        let none = ask { operations.store(StoreKey(block: "none", store: "17"), $0) }
        let counts = ask { operations.counts($0) }
        #expect(!page.isThere && !one.isThere && !counts.isThere)
        store.catchUp()
        #expect(try page.get().stores.map(\.summary.sessions) == [1])
        #expect(try one.get()?.summary.sessions == 1)
        #expect(try empty.get()?.summary.sessions == 0)
        #expect(try none.get() == nil)
        #expect(try counts.get().blocks == [.init(name: "boards", sessions: 1, stores: 1)])
    }

    @Test func `metrics are there while the store says nothing, but for its own`() throws {
        func names(_ answer: Answer<[MetricFamily]>) throws -> Set<String> {
            Set(try answer.get().map(\.name))
        }
        let whole = ask { operations.metrics($0) }
        store.catchUp()
        let late = ask { operations.metrics($0) }
        #expect(!late.isThere)
        letTimePass()
        let missing = try names(whole).subtracting(names(late))
        #expect(
            missing.contains("gateway_sessions")
                && missing.contains("gateway_sessions_admitted_total"))
        #expect(missing.allSatisfy { $0.hasPrefix("gateway_session") })
        #expect(try names(late).contains("gateway_state_failing"))
    }

    @Test func `what is not answered in time is 504, what cannot be is 503`() throws {
        let late = ask { operations.stores(block: nil, after: nil, most: 9, $0) }
        let kick = ask { operations.end(SessionFilter(store: "17"), Kick(), $0) }
        letTimePass()
        #expect(try late.status == 504 && kick.status == 504)
        store.catchUp()
        store.goAway()
        let away = ask { operations.counts($0) }
        store.catchUp()
        #expect(try away.status == 503)
    }

    // MARK: Orders

    @Test func `an order is answered when it is carried out`() throws {
        try enter(1, device: "A")
        let lease = connectSeatless(2)
        let all = ask { operations.end(SessionFilter(), Kick(), $0) }
        #expect(!all.isThere)
        store.catchUp()
        #expect(try all.get() == 2)
        lease.end()
        let gone = connectSeatless(3)
        // The store has no part in it.
        let one = ask { operations.end(SessionFilter(id: gone.id), Kick(), $0) }
        #expect(try one.get() == 1)
        #expect(store.waitingCount == 0)
    }

    @Test func `a policy is kept, then in force, then answered`() throws {
        try enter(1, device: "A")
        try enter(2, device: "B")
        let set = ask { operations.setPolicy(order(1, now: true), $0) }
        try wait { store.waitingCount == 1 }
        #expect(!set.isThere)
        store.catchUp()
        let outcome = try set.get()
        #expect(outcome.isNew && outcome.ended.map(\.id.low) == [1])
        let kept = ask { operations.policy(key, $0) }
        #expect(try kept.get()?.change.devices == 1)
        let removal = ask { operations.removePolicy(key, if: .always, $0) }
        try wait { store.waitingCount == 1 }
        #expect(!removal.isThere)
        store.catchUp()
        _ = try removal.get()
        #expect(store.counts.blocks["boards"]?.sessions == 1)
    }

    @Test func `a policy that the store does not confirm is 504, and kept`() throws {
        let set = ask { operations.setPolicy(order(1), $0) }
        try wait { store.waitingCount == 1 }
        letTimePass()
        #expect(try set.status == 504)
        let kept = ask { operations.policy(key, $0) }
        #expect(try kept.get()?.change.devices == 1)
        // In the end it is in force all the same.
        store.catchUp()
        let view = ask { operations.store(key.storeKey, $0) }
        store.catchUp()
        #expect(try view.get()?.summary.limits.map(\.limit.devices) == [1])
    }

    @Test func `a dry run changes nothing, and waits as well`() throws {
        try enter(1, device: "A")
        try enter(2, device: "B")
        let trial = ask { operations.setPolicy(order(1, isDryRun: true), $0) }
        try wait { store.waitingCount == 1 }
        #expect(!trial.isThere)
        store.catchUp()
        let outcome = try trial.get()
        #expect(outcome.policy == nil && outcome.ended.map(\.id.low) == [1])
        #expect(store.counts.blocks["boards"]?.sessions == 2)
    }

    @Test func `what is decided last is in force last`() throws {
        let first = ask { operations.setPolicy(order(1), $0) }
        let second = ask { operations.setPolicy(order(7), $0) }
        try wait { store.waitingCount == 2 }
        store.catchUp()
        _ = try (first.get(), second.get())
        let view = ask { operations.store(key.storeKey, $0) }
        store.catchUp()
        let last = ask { operations.policy(key, $0) }
        let limits = try view.get()?.summary.limits ?? []
        #expect(limits.count == 1)
        #expect(try limits.first?.limit.devices == last.get()?.change.devices)
    }
}
