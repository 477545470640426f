package import Clock
package import Identity
internal import Locks
package import Records
package import Sessions
package import Settings
package import State
internal import Synchronization
internal import Transport

/// What operators decide while the gateway runs: made durable first, then put in force, then
/// answered. The last two happen on the thread of the store, one decision after the other, so what
/// is in force is always what was decided last.
package final class KeptState: Sendable {
    private let sessions: AskedStore
    private let revocations: RevocationStore
    private let journal: SessionJournal
    private let log: EventLog
    private let opened = Guarded<StateStore?>(nil)
    private let isOnDisk = Atomic(false)
    /// Names of devices, by what they name.
    private let aliases = Guarded<[DeviceAlias.Key: DeviceAlias]>([:])
    /// The `sessions` blocks of the current generation, by name.
    private let blocks = Guarded<[String: SessionRules]>([:])
    /// When 1970 was by the clock that knows no dates: another instant after the clock was set.
    private let origin = Guarded<Instant?>(nil)

    package init(
        sessions: AskedStore, revocations: RevocationStore, journal: SessionJournal,
        log: EventLog
    ) {
        self.sessions = sessions
        self.revocations = revocations
        self.journal = journal
        self.log = log
    }

    /// Nil before `open`, and after `close`.
    package var store: StateStore? { opened.withLock { $0 } }

    /// What is decided is there again after a restart.
    package var isPersistent: Bool { isOnDisk.load(ordering: .relaxed) }

    /// The rules of a `sessions` block as they are now; nil when there is none of this name.
    package func rules(of block: String) -> SessionRules? { blocks.withLock { $0[block] } }

    package var blockNames: [String] { blocks.withLock { $0.keys.sorted() } }

    // MARK: From start to end

    /// Opens what is kept and puts it in force; returns when all of that is done. Called once,
    /// before anybody is served.
    package func open(_ settings: Settings, _ generation: UInt64) throws(StateFileError) {
        let log = log
        let isUsed = settings.state != nil || settings.console != nil
        let place = settings.state.map { StateStore.Place.folder($0.path) } ?? .memory
        let store = try StateStore(
            .init(place: place, history: Self.historyLimits(settings))
        ) { notice in
            switch notice {
            // Without a console no operator decides anything.
            case .info(let text): if isUsed { log.info(text) }
            case .warning(let text): log.warning(text)
            }
        }
        adopt(settings, generation)
        do throws(StateError) {
            try load(from: store)
        } catch {
            store.close()
            throw .system(reason: error.description)
        }
        opened.withLock { $0 = store }
        isOnDisk.store(place != .memory, ordering: .relaxed)
        journal.keep(in: store)
    }

    private func load(from store: StateStore) throws(StateError) {
        let clock = SystemClock.reading()
        let now = clock.wallTime
        _ = noteSetting(of: clock)
        _ = try wait { store.timePassed(to: now, $0) }
        // The store of sessions is not waited for: it takes what it is told in this order, and
        // nobody has come yet.
        putInForce(try wait { store.policies(now: now, $0) }, clock)
        let names = try wait { store.aliases(block: nil, $0) }
        aliases.withLock { aliases in
            for alias in names { aliases[alias.key] = alias }
        }
        for revocation in try wait({ store.revocations(now: now, $0) }) {
            _ = revocations.add(revocation, now: now)
        }
    }

    private func wait<Value: Sendable>(
        _ ask: (@escaping StateStore.Completion<Value>) -> Void
    ) throws(StateError) -> Value {
        let result: Result<Value, StateError>
        do throws(SystemError) {
            let handover = try Handover<Result<Value, StateError>>()
            ask { handover.give($0) }
            result = try handover.wait()
        } catch {
            throw .storage(.failed, reason: error.reason)
        }
        return try result.get()
    }

    /// From now on these settings hold; where things are kept stays as it is.
    package func adopt(_ settings: Settings, _ generation: UInt64) {
        let rules = settings.sessions.map { ($0.name, SessionRules($0, generation: generation)) }
        blocks.withLock { $0 = Dictionary(rules) { first, _ in first } }
        let now = SystemClock.now()
        for (block, rules) in rules {
            carryOut(.adopt(block: block, rules), "the rules of 'sessions " + block + "'", now)
        }
        store?.keepHistory(Self.historyLimits(settings)) { _ in }
    }

    private static func historyLimits(_ settings: Settings) -> HistoryLimits {
        if let state = settings.state {
            return HistoryLimits(age: state.historyAge, count: state.historyCount)
        }
        // No operator could ask for the history.
        return settings.console == nil ? HistoryLimits(count: 0) : .inMemory
    }

    /// Called every now and then: what is over is over. When the clock was set, policies end when
    /// it says so now.
    package func timePassed(to clock: ClockReading) {
        journal.timePassed(to: clock.now)
        let revocations = revocations
        if noteSetting(of: clock) {
            log.info("the clock was set: policies of stores end by what it says now")
            store?.policies(now: clock.wallTime) { result in
                if case .success(let policies) = result { self.putInForce(policies, clock) }
            }
        }
        store?.timePassed(to: clock.wallTime) { result in
            // A failure was logged, and is tried again the next time.
            guard case .success(let expired) = result else { return }
            for policy in expired.policies {
                self.carryOut(
                    .clearLimit(policy.key.storeKey, role: policy.key.roleGroup),
                    "the end of the policy of store " + policy.key.store, SystemClock.now())
            }
            revocations.forget(now: clock.wallTime)
        }
    }

    /// True when somebody set the clock since the last time.
    private func noteSetting(of clock: ClockReading) -> Bool {
        let now = clock.instant(of: WallTime(seconds: 0))
        return origin.withLock { origin in
            guard let before = origin else {
                origin = now
                return false
            }
            // Less is what keeps a clock right.
            guard abs((now - before).wholeMilliseconds) >= 1000 else { return false }
            origin = now
            return true
        }
    }

    /// Returns when everything is on the disk.
    package func close() {
        let store = opened.withLock { store in
            defer { store = nil }
            return store
        }
        guard let store else { return }
        journal.finish(lastRecords(), now: SystemClock.now())
        store.close()
    }

    /// The sessions that are still there; the process does not wait long to hear of them.
    private func lastRecords() -> [SessionRecord] {
        do {
            let handover = try Handover<Result<[SessionRecord], StoreFailure>>()
            sessions.records(now: SystemClock.now()) { handover.give($0) }
            guard let result = try handover.wait(atMost: Self.lastPatience) else {
                throw StoreFailure.late
            }
            return try result.get()
        } catch let failure as StoreFailure {
            log.warning("history: sessions that are still there are not in it: \(failure.words)")
        } catch {
            log.warning("history: sessions that are still there are not in it: \(error)")
        }
        return []
    }

    private static let lastPatience: Duration = .seconds(2)

    /// An order that nobody hears the answer of.
    private func carryOut(_ order: StoreQuestion, _ what: String, _ now: Instant) {
        let log = log
        sessions.carryOut(order, now: now) { result in
            if case .failure(let failure) = result {
                log.warning("\(what) may not be in force: \(failure.words)")
            }
        }
    }

    // MARK: Policies

    /// What a policy means for the store of sessions; nil when it leaves something to a `sessions`
    /// block that is not there.
    package func limit(_ policy: StorePolicyChange, _ clock: ClockReading) -> RuntimeLimit? {
        let rules = rules(of: policy.key.block)
        let configured = rules?.limits(in: policy.key.store, [])
        let group = rules?.group(of: policy.key.roleGroup) ?? 0
        let usual = configured.flatMap { $0.indices.contains(group) ? $0[group].limit : nil }
        guard let devices = policy.devices ?? usual?.devices,
            let kind = policy.policy.flatMap({ SessionSettings.Policy(rawValue: $0) })
                ?? usual?.policy
        else { return nil }
        return RuntimeLimit(
            role: policy.key.roleGroup, limit: .init(devices: devices, policy: kind),
            expires: policy.expires.map(clock.instant(of:)))
    }

    /// In the order they were set: of two for one group the later one holds.
    private func putInForce(_ policies: [StorePolicy], _ clock: ClockReading) {
        for policy in policies.sorted(by: { $0.version < $1.version }) {
            putInForce(policy, endsExcess: false, clock) { _ in }
        }
    }

    /// - Parameter told: who had to go; or why it is not known to be in force, of which there is a
    ///   line in the log, too.
    package func putInForce(
        _ policy: StorePolicy, endsExcess: Bool, _ clock: ClockReading = SystemClock.reading(),
        _ told: @escaping AskedStore.Told<[SessionRecord]>
    ) {
        guard let limit = limit(policy.change, clock) else {
            log.warning(
                "state: the policy of store \(policy.key.store) is not in force: there is no"
                    + " 'sessions \(policy.key.block)'")
            return told(.success([]))
        }
        let log = log
        let order = StoreQuestion.setLimit(policy.key.storeKey, limit, endsExcess: endsExcess)
        sessions.ended(by: order, now: clock.now) { result in
            if case .failure(let failure) = result {
                log.warning(
                    "state: the policy of store \(policy.key.store) may not be in force: "
                        + failure.words)
            }
            told(result)
        }
    }

    // MARK: Names of devices

    package func alias(_ key: DeviceAlias.Key) -> DeviceAlias? { aliases.withLock { $0[key] } }

    /// In no order.
    package var allAliases: [DeviceAlias] { aliases.withLock { Array($0.values) } }

    /// Called on the thread of the store.
    package func setAlias(_ key: DeviceAlias.Key, _ alias: DeviceAlias?) {
        aliases.withLock { $0[key] = alias }
    }
}

extension StorePolicyKey {
    package var storeKey: StoreKey { StoreKey(block: block, store: store) }
}
