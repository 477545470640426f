internal import Clock
internal import Console
internal import Endings
internal import Records
internal import Sessions
internal import Settings
internal import State
internal import Transport

/// What the console asks about sessions, and tells to be done with them.
extension Operations {
    // MARK: Sessions

    func sessions(
        _ filter: SessionFilter, after cursor: SessionID?, most: Int,
        _ answer: @escaping ConsoleAnswer<SessionPage>
    ) {
        let request = SessionRequest.list(filter, after: cursor, most: most)
        guard case .page(let records, let next) = submit(request) else { return }
        let list = SessionList(
            (records, next), shared.live.list(filter, after: cursor, most: most), most: most)
        FigureRound.ask(list.sessions, shared) { figures in
            answer(.success(SessionPage(list, figures)))
        }
    }

    func end(_ filter: SessionFilter, _ kick: Kick) -> Int {
        guard case .ended(let records) = submit(.kick(filter, kick)) else { return 0 }
        return records.count + shared.endSeatless(filter, kick)
    }

    private func submit(_ request: SessionRequest) -> SessionAnswer {
        shared.sessions.submit(request, now: SystemClock.now())
    }

    // MARK: Stores

    func stores(block: String?, after cursor: StoreKey?, most: Int) -> StorePage {
        let request = SessionRequest.stores(SessionFilter(block: block), after: cursor, most: most)
        guard case .stores(let summaries, let next) = submit(request) else {
            return StorePage(stores: [], next: nil)
        }
        let views = summaries.map {
            StoreView(summary: $0, rules: shared.kept.rules(of: $0.key.block))
        }
        return StorePage(stores: views, next: next)
    }

    func store(_ key: StoreKey) -> StoreView? {
        let rules = shared.kept.rules(of: key.block)
        let filter = SessionFilter(block: key.block, store: key.store)
        if case .stores(let summaries, _) = submit(.stores(filter, after: nil, most: 1)),
            let summary = summaries.first
        {
            return StoreView(summary: summary, rules: rules)
        }
        return rules.map { StoreView(summary: StoreSummary(key: key), rules: $0) }
    }

    // MARK: Policies

    func policy(_ key: StorePolicyKey, _ answer: @escaping ConsoleAnswer<StorePolicy?>) {
        withStore(answer) { store in
            store.policy(key, now: SystemClock.wallTime()) { answer($0.orRefusal) }
        }
    }

    func setPolicy(_ order: PolicyOrder, _ answer: @escaping ConsoleAnswer<PolicyOutcome>) {
        do throws(Refusal) {
            try check(order.change)
        } catch {
            return answer(.failure(error))
        }
        withStore(answer) { store in
            // Asked first, on the thread of the store: whether there is one, and for a dry run
            // whether the condition holds.
            store.policy(order.change.key, now: SystemClock.wallTime()) { result in
                switch result {
                case .failure(let error): answer(.failure(Refusal(error)))
                case .success(let current): set(order, in: store, inPlaceOf: current, answer)
                }
            }
        }
    }

    private func set(
        _ order: PolicyOrder, in store: StateStore, inPlaceOf current: StorePolicy?,
        _ answer: @escaping ConsoleAnswer<PolicyOutcome>
    ) {
        let now = SystemClock.wallTime()
        if order.isDryRun { return answer(tryOut(order, current, now)) }
        let kept = shared.kept
        store.setPolicy(order.change, if: order.condition, now: now) { result in
            answer(
                result.map { policy in
                    PolicyOutcome(
                        policy: policy, isNew: current == nil,
                        ended: kept.putInForce(policy, endsExcess: order.endsExcess))
                }.orRefusal)
        }
    }

    private func tryOut(
        _ order: PolicyOrder, _ current: StorePolicy?, _ now: WallTime
    ) -> Result<PolicyOutcome, Refusal> {
        guard order.condition.holds(for: current) else {
            return .failure(Refusal(StateError.conflict(current: current)))
        }
        do throws(InvalidRecord) {
            try order.change.check(now: now)
        } catch {
            return .failure(Refusal(StateError.invalid(error)))
        }
        var ended: [SessionRecord] = []
        if let limit = shared.kept.limit(order.change, SystemClock.reading()),
            case .ended(let records) = submit(.tryLimit(order.change.key.storeKey, limit))
        {
            ended = records
        }
        return .success(PolicyOutcome(policy: nil, isNew: current == nil, ended: ended))
    }

    /// Throws for a policy that could never be about anybody.
    private func check(_ change: StorePolicyChange) throws(Refusal) {
        guard let rules = shared.kept.rules(of: change.key.block) else {
            throw Refusal(
                .policy, status: 404, message: "There is no 'sessions' block of this name")
        }
        guard let role = change.key.roleGroup else { return }
        guard rules.group(of: role) != nil else {
            throw Refusal(.invalidPayload, status: 422, message: "This role is not limited")
        }
        let set = store(change.key.storeKey)?.summary.limits ?? []
        let others = set.count { $0.role != role }
        guard others < StoreEngine.mostRuntimeLimits else {
            throw Refusal(
                .overloaded, status: 507, message: "There are too many policies for this store")
        }
    }

    func removePolicy(
        _ key: StorePolicyKey, if condition: PolicyCondition,
        _ answer: @escaping ConsoleAnswer<Void>
    ) {
        let sessions = shared.sessions
        withStore(answer) { store in
            store.removePolicy(key, if: condition, now: SystemClock.wallTime()) { result in
                if case .success = result {
                    _ = sessions.submit(
                        .clearLimit(key.storeKey, role: key.roleGroup), now: SystemClock.now())
                }
                answer(result.map { _ in () }.orRefusal)
            }
        }
    }

    // MARK: Devices

    func alias(_ key: DeviceAlias.Key) -> DeviceAlias? { shared.kept.alias(key) }
    func aliases() -> [DeviceAlias] { shared.kept.allAliases }

    func setAlias(_ alias: DeviceAlias, _ answer: @escaping ConsoleAnswer<DeviceAlias>) {
        let kept = shared.kept
        withStore(answer) { store in
            store.setAlias(alias) { result in
                if case .success(let alias) = result { kept.setAlias(alias.key, alias) }
                answer(result.orRefusal)
            }
        }
    }

    func removeAlias(_ key: DeviceAlias.Key, _ answer: @escaping ConsoleAnswer<Void>) {
        let kept = shared.kept
        withStore(answer) { store in
            store.removeAlias(key) { result in
                if case .success = result { kept.setAlias(key, nil) }
                answer(result.orRefusal)
            }
        }
    }

    // MARK: The past, and numbers

    func history(_ query: HistoryQuery, _ answer: @escaping ConsoleAnswer<HistoryPage>) {
        var query = query
        if case .some(nil, let store, let device) = query.scope, store != nil || device != nil {
            query.scope = .some(
                blocks: shared.kept.blockNames, store: store, device: device)
        }
        let asked = query
        withStore(answer) { store in store.history(asked) { answer($0.orRefusal) } }
    }

    func counts() -> SessionCounts {
        let live = shared.sessions.countsByBlock
        let names = Set(live.keys).union(shared.kept.blockNames).sorted()
        let statistics = shared.kept.store?.statistics ?? StateStatistics()
        var tallies = shared.sessions.tallies
        tallies.kicked += shared.live.kicked
        return SessionCounts(
            blocks: names.map {
                .init(
                    name: $0, sessions: live[$0]?.sessions ?? 0, stores: live[$0]?.stores ?? 0)
            },
            live: shared.live.counts, tallies: tallies,
            kept: .init(
                isPersistent: shared.kept.isPersistent, history: statistics.historyCount,
                lost: statistics.lost, isFailing: statistics.isFailing))
    }

    /// What is kept; refuses where there is nothing.
    func withStore<Value>(
        _ answer: @escaping ConsoleAnswer<Value>, _ body: (StateStore) -> Void
    ) {
        guard let store = shared.kept.store else {
            return answer(.failure(Refusal(StateError.stopped)))
        }
        body(store)
    }
}

extension Result where Failure == StateError {
    var orRefusal: Result<Success, Refusal> { mapError { Refusal($0) } }
}

extension Refusal {
    init(_ error: StateError) {
        switch error {
        case .invalid(let record):
            self.init(.invalidPayload, status: 422, message: record.description)
        case .conflict:
            self.init(
                .policy, status: 412,
                message: "There is another version now: read it, then try again")
        case .notFound: self.init(.policy, status: 404, message: "There is none")
        case .tooMany, .storage(.full, _):
            self.init(.overloaded, status: 507, message: "It was not kept: \(error)")
        case .storage, .overloaded, .stopped:
            self.init(.overloaded, status: 503, message: "It was not kept: \(error)")
        }
    }
}
