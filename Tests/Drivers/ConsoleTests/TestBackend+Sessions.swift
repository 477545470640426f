import Clock
import Endings
import Locks
import Records
import Sessions
import Settings

@testable import Console

/// A backend around a real table of sessions, and a dictionary for what is kept.
extension TestBackend {
    static let block = SessionSettings(
        name: "boards", store: .query("store_id"),
        limits: [
            .init(roles: ["admin"], limit: .init(devices: 2, policy: .blockNew)),
            .init(roles: ["kiosk"], limit: .init(devices: 1, policy: .ejectOld)),
        ])
    static let rules = SessionRules(block, generation: 3)

    /// A session comes in, at an instant that is its number in seconds.
    @discardableResult
    func enter(
        _ number: UInt64, store: String = "17", device: String, role: String = "admin"
    ) throws -> SessionID {
        let id = SessionID(high: 0, low: number)
        let arrival = Arrival(
            id: id, connection: ConnectionAddress(worker: 0, connection: number),
            store: StoreKey(block: "boards", store: store),
            device: DeviceIdentity(
                key: .client(try ClientID(device)), origin: .given(.query("client_id"))),
            role: role, user: "7", address: "192.0.2.1", userAgent: "Mozilla/5.0",
            transport: .webSocket, route: "/ws", rules: Self.rules)
        _ = table.arrive(arrival, now: Instant.zero + .seconds(Int64(number) - 1000))
        return id
    }

    /// Somebody comes in without a seat, at an instant that is its number in seconds.
    @discardableResult
    func connect(
        _ number: UInt64, _ transport: LiveTransport = .webSocket, route: String = "/open",
        token: LiveConnection.Token? = nil, isSeated: Bool = false
    ) -> SessionID {
        let id = SessionID(high: 0, low: number)
        let lease = liveTable.register(
            LiveConnection(
                id: id, connection: ConnectionAddress(worker: 0, connection: number),
                facts: LiveConnection.Facts(
                    transport: transport, isSeated: isSeated, route: route, generation: 2,
                    address: "192.0.2.9",
                    since: Instant.zero + .seconds(Int64(number) - 1000)),
                token: token))
        leases.withLock { $0.append(lease) }
        return id
    }

    func sessions(
        _ filter: SessionFilter, after cursor: SessionID?, most: Int,
        _ answer: @escaping ConsoleAnswer<SessionPage>
    ) {
        guard case .page(let records, let next) = ask(.list(filter, after: cursor, most: most))
        else { return }
        let list = SessionList(
            (records, next), liveTable.list(filter, after: cursor, most: most), most: most)
        // The worker of every other session answers.
        let known = list.sessions.map(\.id).filter { $0.low.isMultiple(of: 2) }.map {
            (
                $0,
                SessionFigures(
                    lastHeard: .zero, octetsIn: 1, octetsOut: 2, messagesIn: 3, messagesOut: 4,
                    backend: "app", server: "127.0.0.1:8000")
            )
        }
        answer(.success(SessionPage(list, Dictionary(uniqueKeysWithValues: known))))
    }

    func end(_ filter: SessionFilter, _ kick: Kick, _ answer: @escaping ConsoleAnswer<Int>) {
        kicks.withLock { $0.append(kick) }
        guard case .ended(let records) = ask(.kick(filter, kick)) else { return }
        answer(.success(records.count + liveTable.kick(filter, kick).count))
    }

    private func ask(_ question: StoreQuestion) -> StoreAnswer? {
        table.ask(question, number: 1, now: .zero)
    }

    private func stores(block: String?, after cursor: StoreKey?, most: Int) -> StorePage {
        let question = StoreQuestion.stores(SessionFilter(block: block), after: cursor, most: most)
        guard case .stores(let summaries, let next) = ask(question) else {
            return StorePage(stores: [], next: nil)
        }
        return StorePage(
            stores: summaries.map { StoreView(summary: $0, rules: Self.rules) }, next: next)
    }

    func stores(
        block: String?, after cursor: StoreKey?, most: Int,
        _ answer: @escaping ConsoleAnswer<StorePage>
    ) {
        answer(.success(stores(block: block, after: cursor, most: most)))
    }

    func store(_ key: StoreKey, _ answer: @escaping ConsoleAnswer<StoreView?>) {
        let page = stores(block: key.block, after: nil, most: 1000)
        if let view = page.stores.first(where: { $0.summary.key == key }) {
            return answer(.success(view))
        }
        guard key.block == "boards" else { return answer(.success(nil)) }
        answer(.success(StoreView(summary: StoreSummary(key: key), rules: Self.rules)))
    }

    // MARK: What is kept

    private func changing<Value>(
        _ answer: ConsoleAnswer<Value>, _ body: (inout Kept) throws(Refusal) -> Value
    ) {
        do throws(Refusal) {
            let value = try kept.withLock { kept throws(Refusal) in
                if let failure = kept.failure { throw failure }
                return try body(&kept)
            }
            answer(.success(value))
        } catch {
            answer(.failure(error))
        }
    }

    private static let changed = Refusal(.policy, status: 412, message: "changed")
    private static let missing = Refusal(.policy, status: 404, message: "none")

    func policy(_ key: StorePolicyKey, _ answer: @escaping ConsoleAnswer<StorePolicy?>) {
        changing(answer) { kept throws(Refusal) in kept.policies[key] }
    }

    func setPolicy(_ order: PolicyOrder, _ answer: @escaping ConsoleAnswer<PolicyOutcome>) {
        let change = order.change
        let limit = RuntimeLimit(
            role: change.key.roleGroup,
            limit: .init(
                devices: change.devices ?? 0,
                policy: SessionSettings.Policy(rawValue: change.policy ?? "") ?? .blockNew))
        let key = StoreKey(block: change.key.block, store: change.key.store)
        changing(answer) { kept throws(Refusal) in
            let current = kept.policies[change.key]
            guard order.condition.holds(for: current) else { throw Self.changed }
            let request =
                order.isDryRun
                ? StoreQuestion.tryLimit(key, limit)
                : .setLimit(key, limit, endsExcess: order.endsExcess)
            guard case .ended(let ended) = ask(request) else { throw Self.missing }
            if order.isDryRun { return PolicyOutcome(policy: nil, isNew: false, ended: ended) }
            kept.lastVersion += 1
            let policy = StorePolicy(
                change: change, version: kept.lastVersion, changed: Self.now)
            kept.policies[change.key] = policy
            return PolicyOutcome(policy: policy, isNew: current == nil, ended: ended)
        }
    }

    func removePolicy(
        _ key: StorePolicyKey, if condition: PolicyCondition,
        _ answer: @escaping ConsoleAnswer<Void>
    ) {
        changing(answer) { kept throws(Refusal) in
            guard condition.holds(for: kept.policies[key]) else { throw Self.changed }
            guard kept.policies.removeValue(forKey: key) != nil else { throw Self.missing }
        }
    }

    func alias(_ key: DeviceAlias.Key) -> DeviceAlias? { kept.withLock { $0.aliases[key] } }
    func aliases() -> [DeviceAlias] { kept.withLock { Array($0.aliases.values) } }

    func setAlias(_ alias: DeviceAlias, _ answer: @escaping ConsoleAnswer<DeviceAlias>) {
        changing(answer) { kept throws(Refusal) in
            kept.aliases[alias.key] = alias
            return alias
        }
    }

    func removeAlias(_ key: DeviceAlias.Key, _ answer: @escaping ConsoleAnswer<Void>) {
        changing(answer) { kept throws(Refusal) in
            guard kept.aliases.removeValue(forKey: key) != nil else { throw Self.missing }
        }
    }

    func history(_ query: HistoryQuery, _ answer: @escaping ConsoleAnswer<HistoryPage>) {
        queries.withLock { $0.append(query) }
        changing(answer) { kept throws(Refusal) in
            HistoryPage(
                entries: Array(kept.history.prefix(query.limit)),
                next: kept.history.count > query.limit ? HistoryCursor(number: 36) : nil)
        }
    }

    /// What the table says of itself.
    var storeCounts: StoreCounts {
        guard case .counts(let counts) = ask(.counts) else { return StoreCounts() }
        return counts
    }

    func counts(_ answer: @escaping ConsoleAnswer<SessionCounts>) {
        let counts = storeCounts
        answer(
            .success(
                SessionCounts(
                    blocks: counts.blocks.map {
                        .init(name: $0.key, sessions: $0.value.sessions, stores: $0.value.stores)
                    },
                    live: liveTable.counts, tallies: counts.tallies,
                    kept: .init(isPersistent: true, history: 5, lost: 1, isFailing: false))))
    }
}
