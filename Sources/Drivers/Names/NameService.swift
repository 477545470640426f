internal import Clock
internal import Locks
package import Settings
internal import Synchronization
package import Transport
package import Upstreams

/// Keeps what the names of servers stand for up to date, on one thread of its own, for the life of
/// the process: reloads only say which names are in use, and who is asked.
package final class NameService: Sendable {
    private let registry: NameRegistry
    /// The thread is started for the first name.
    private let isStarted = Guarded(false)

    /// - Parameter report: called on the thread of the service, for whatever changes. It must not
    ///   take long.
    /// - Throws: `SystemError` when the system has no descriptor left.
    package init(report: @escaping @Sendable (NameReport) -> Void) throws(SystemError) {
        registry = try NameRegistry(report: report)
    }

    deinit { stop() }

    /// Ends the thread. What is known stays.
    package func stop() {
        registry.isStopping.store(true, ordering: .releasing)
        registry.wake()
    }

    /// From now on exactly these names are kept up to date, by asking these name servers. What is
    /// known of those that were in use before stays; the others are forgotten.
    ///
    /// - Parameter known: what was found out about names elsewhere (`resolve`).
    /// - Throws: `SystemError` when the system has no thread left.
    package func use(
        _ names: Set<ServerName>, _ settings: ResolverSettings, known: [NameRecord] = []
    ) throws(SystemError) {
        let now = SystemClock.now()
        registry.state.withLock { $0.use(names, settings, known, now: now) }
        try start(unless: names.isEmpty)
        registry.wake()
    }

    /// What is known of these names, or can be found out by asking these name servers; nothing of
    /// what is in use is changed by it. Takes `limit` at the longest.
    ///
    /// - Throws: `SystemError` when the system has no thread or descriptor left.
    package func resolve(
        _ names: Set<ServerName>, _ settings: ResolverSettings, within limit: Duration
    ) throws(SystemError) -> [NameRecord] {
        let known = registry.state.withLock { $0.records(of: names, by: settings) }
        let missing = names.subtracting(known.map(\.name))
        if missing.isEmpty { return known }
        let trial = try NameService { _ in }
        try trial.use(missing, settings)
        trial.settle(within: limit)
        return known + trial.records
    }

    private func start(unless isIdle: Bool) throws(SystemError) {
        let starts = isStarted.withLock { isStarted in
            if isStarted || isIdle { return false }
            isStarted = true
            return true
        }
        guard starts else { return }
        let registry = registry
        try System.startThread(name: "names") { NameLoop.run(registry) }
    }

    /// Waits until every name has been asked for once, or until `limit` is over.
    private func settle(within limit: Duration) {
        let end = SystemClock.now() + limit
        guard let poller = try? Poller(),
            (try? poller.add(
                registry.settled.descriptorNumber, token: 0, interest: .readable)) != nil
        else { return }
        while !isSettled {
            let left = (end - SystemClock.now()).wholeMilliseconds
            if left <= 0 { return }
            _ = poller.wait(milliseconds: Int32(clamping: left + 1))
            _ = registry.settled.take()
        }
    }

    private var isSettled: Bool {
        registry.state.withLock { $0.entries.values.allSatisfy(\.record.isSettled) }
    }

    /// What all names stand for now.
    package var endpoints: [ServerName: [ServerEndpoint]] {
        registry.state.withLock { $0.entries.mapValues(\.record.endpoints) }
    }

    /// All names, for metrics and checks; in no order.
    package var records: [NameRecord] {
        registry.state.withLock { $0.entries.values.map(\.record) }
    }
}

extension NameRegistry.State {
    fileprivate func records(
        of names: Set<ServerName>, by settings: ResolverSettings
    ) -> [NameRecord] {
        guard settings == self.settings else { return [] }
        return entries.values.map(\.record).filter { names.contains($0.name) }
    }

    fileprivate mutating func use(
        _ names: Set<ServerName>, _ settings: ResolverSettings, _ known: [NameRecord],
        now: Instant
    ) {
        if settings != self.settings {
            self.settings = settings
            settingsVersion += 1
            entries = [:]
        }
        entries = entries.filter { names.contains($0.key) }
        for name in names where entries[name] == nil {
            lastID += 1
            var record = known.first { $0.name == name } ?? NameRecord(name, settings, now: now)
            // What comes of a question that is under way elsewhere is not said here.
            if record.due == nil { record.askAnew(at: now) }
            entries[name] = NameRegistry.Entry(id: lastID, record: record)
        }
    }
}
