internal import Bookkeeping
internal import Console
internal import Endings
internal import Generations
internal import Records
internal import Sessions
internal import State
internal import Transport

/// What the console asks about sessions, and tells to be done with them.
extension Operations {
    // MARK: Sessions

    func sessions(
        _ filter: SessionFilter, after cursor: SessionID?, most: Int,
        _ answer: @escaping ConsoleAnswer<SessionPage>
    ) {
        let seatless = shared.live.list(filter, after: cursor, most: most)
        @Sendable func found(_ seated: (records: [SessionRecord], next: SessionID?)) {
            let list = SessionList(seated, seatless, most: most)
            shared.askForFigures(of: list.sessions) { figures in
                answer(.success(SessionPage(list, figures)))
            }
        }
        // One id is one session: that of a connection without a seat is in no store.
        if filter.isSeated == false || filter.id != nil && !seatless.connections.isEmpty {
            return found(([], nil))
        }
        shared.sessions.list(filter, after: cursor, most: most, now: SystemClock.now()) { result in
            result.orProblem(answer) { found($0) }
        }
    }

    func end(_ filter: SessionFilter, _ kick: Kick, _ answer: @escaping ConsoleAnswer<Int>) {
        let seatless = shared.endSeatless(filter, kick)
        if filter.id != nil, seatless > 0 { return answer(.success(seatless)) }
        shared.sessions.ended(by: .kick(filter, kick), now: SystemClock.now()) { result in
            result.orProblem(answer) { answer(.success($0.count + seatless)) }
        }
    }

    // MARK: Stores

    func stores(
        block: String?, after cursor: StoreKey?, most: Int,
        _ answer: @escaping ConsoleAnswer<StorePage>
    ) {
        let kept = shared.kept
        shared.sessions.stores(
            SessionFilter(block: block), after: cursor, most: most, now: SystemClock.now()
        ) { result in
            result.orProblem(answer) { page in
                let views = page.stores.map {
                    StoreView(summary: $0, rules: kept.rules(of: $0.key.block))
                }
                answer(.success(StorePage(stores: views, next: page.next)))
            }
        }
    }

    func store(_ key: StoreKey, _ answer: @escaping ConsoleAnswer<StoreView?>) {
        let rules = shared.kept.rules(of: key.block)
        let filter = SessionFilter(block: key.block, store: key.store)
        shared.sessions.stores(filter, after: nil, most: 1, now: SystemClock.now()) { result in
            result.orProblem(answer) { page in
                if let summary = page.stores.first {
                    return answer(.success(StoreView(summary: summary, rules: rules)))
                }
                answer(
                    .success(
                        rules.map { StoreView(summary: StoreSummary(key: key), rules: $0) }))
            }
        }
    }

    // MARK: Policies

    func policy(_ key: StorePolicyKey, _ answer: @escaping ConsoleAnswer<StorePolicy?>) {
        withStore(answer) { store in
            store.policy(key, now: SystemClock.wallTime()) { answer($0.orRefusal) }
        }
    }

    func setPolicy(_ order: PolicyOrder, _ answer: @escaping ConsoleAnswer<PolicyOutcome>) {
        PolicySetting(order: order, shared: shared, answer: answer).begin()
    }

    func removePolicy(
        _ key: StorePolicyKey, if condition: PolicyCondition,
        _ answer: @escaping ConsoleAnswer<Void>
    ) {
        let sessions = shared.sessions
        withStore(answer) { store in
            store.removePolicy(key, if: condition, now: SystemClock.wallTime()) { result in
                if case .failure(let error) = result { return answer(.failure(Refusal(error))) }
                let order = StoreQuestion.clearLimit(key.storeKey, role: key.roleGroup)
                sessions.carryOut(order, now: SystemClock.now()) { result in
                    result.orProblem(answer) { answer(.success(())) }
                }
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
            query.scope = .some(blocks: shared.kept.blockNames, store: store, device: device)
        }
        let asked = query
        withStore(answer) { store in store.history(asked) { answer($0.orRefusal) } }
    }

    func counts(_ answer: @escaping ConsoleAnswer<SessionCounts>) {
        let shared = shared
        shared.sessions.counts(now: SystemClock.now()) { result in
            result.orProblem(answer) { answer(.success(SessionCounts($0, shared))) }
        }
    }

    /// What is kept; refuses where there is nothing.
    func withStore<Value>(_ answer: @escaping ConsoleAnswer<Value>, _ body: (StateStore) -> Void) {
        guard let store = shared.kept.store else {
            return answer(.failure(Refusal(StateError.stopped)))
        }
        body(store)
    }
}

extension SessionCounts {
    /// What the store of sessions says, with what is known here.
    fileprivate init(_ counts: StoreCounts, _ shared: SharedState) {
        let names = Set(counts.blocks.keys).union(shared.kept.blockNames).sorted()
        let statistics = shared.kept.store?.statistics ?? StateStatistics()
        var tallies = counts.tallies
        tallies.kicked += shared.live.kicked
        self.init(
            blocks: names.map {
                let block = counts.blocks[$0] ?? .init()
                return .init(name: $0, sessions: block.sessions, stores: block.stores)
            },
            live: shared.live.counts, tallies: tallies,
            kept: .init(
                isPersistent: shared.kept.isPersistent, history: statistics.historyCount,
                lost: statistics.lost, isFailing: statistics.isFailing))
    }
}

extension Result where Failure == StoreFailure {
    /// Goes on with what the store of sessions says; or whoever asked hears why it says nothing.
    func orProblem<Value>(_ answer: ConsoleAnswer<Value>, _ goOn: (Success) -> Void) {
        switch self {
        case .success(let value): goOn(value)
        case .failure(let failure): answer(.failure(failure.problem))
        }
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
