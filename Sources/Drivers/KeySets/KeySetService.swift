package import Clock
package import Identity
import Locks
import Synchronization
package import Transport

/// What happened to a source: an attempt to read it ended. Requests that wait for a key of it can
/// be tried again, whether or not it changed.
package struct KeySetReport: Sendable {
    package let source: KeySetSource
    /// `current` has another document now.
    package let isChanged: Bool
    /// For the log: once when a source begins to fail, and once when that is over.
    package let notice: KeySetRecord.Notice?
}

/// What is known of a source.
package struct KeySetStatus: Sendable {
    package let source: KeySetSource
    /// Nil before there was any.
    package let document: KeySetDocument?
    /// The version of the service in which the document became what it is.
    package let version: UInt64
    package let counters: KeySetRecord.Counters
    package let isFailing: Bool
    /// The keys are older than they should be, and stay in use.
    package let isStale: Bool
    /// On the clock of `SystemClock`; nil before the first.
    package let lastSuccess: Instant?
}

/// What comes of asking for a key that is not there.
package enum UnknownKeyAnswer: Sendable, Hashable {
    /// There are newer keys than the ones that were looked at: look again.
    case newer
    /// The source is read again, now or from the instant on (up to 30 s later). A report follows.
    case reading(from: Instant)
    /// The source was read since, or could not be: it is not read again for this.
    case settled
    /// The source is not in use.
    case unknownSource
}

/// Keeps the keys of all issuers and files up to date, on one thread of its own, for the life of
/// the process: reloads only say which sources are in use.
///
/// A user of keys looks at `version` as often as needed (one atomic load) and, when it has grown,
/// asks for `current` again.
package final class KeySetService: Sendable {
    private let registry: KeySetRegistry

    /// Starts the thread, which ends with this object or with `stop()`.
    ///
    /// - Parameter report: called after every attempt, on the thread of the service or, for files,
    ///   of who calls `use`. It must not take long.
    /// - Throws: `SystemError` when the system has no thread or descriptor left.
    package init(
        clock: KeySetClock = KeySetClock(), report: @escaping @Sendable (KeySetReport) -> Void
    ) throws(SystemError) {
        let registry = try KeySetRegistry(clock: clock, report: report)
        self.registry = registry
        try System.startThread(name: "keys") { KeySetLoop.run(registry) }
    }

    deinit { stop() }

    /// Ends the thread. What is known stays.
    package func stop() {
        registry.isStopping.store(true, ordering: .releasing)
        registry.wake()
    }

    /// Grows whenever the document of a source changes.
    package var version: UInt64 { registry.version.load(ordering: .acquiring) }

    /// From now on exactly these sources are kept up to date. What is known of those that were in
    /// use before stays; the others are forgotten. New files are read before this returns, new sets
    /// are fetched as soon as possible.
    package func use(_ sources: Set<KeySetSource>) {
        let now = registry.clock.now
        let (added, orphaned) = registry.state.withLock { $0.use(sources, now: now) }
        for (source, id) in added {
            guard let path = source.path,
                let read = KeySetFile.read(path, of: source, unless: nil)
            else { continue }
            registry.note(source, id: id, stamp: read.stamp, read.attempt)
        }
        registry.wake()
        for source in orphaned {
            registry.report(KeySetReport(source: source, isChanged: false, notice: nil))
        }
    }

    /// What is known of `source` now; nil when it is not in use.
    package func current(_ source: KeySetSource) -> KeySetStatus? {
        let now = registry.clock.now
        return registry.state.withLock { $0.entries[source]?.status(at: now) }
    }

    /// The statuses of all sources, for metrics; in no order.
    package var statuses: [KeySetStatus] {
        let now = registry.clock.now
        return registry.state.withLock { state in state.entries.values.map { $0.status(at: now) } }
    }

    /// A token names a key that the keys of `source` do not have.
    ///
    /// - Parameters:
    ///   - seen: `version` before the keys that were looked at were asked for.
    ///   - begin: when the token came, for who asks about it once more.
    package func askForUnknownKey(
        of source: KeySetSource, seen: UInt64, since begin: Instant? = nil
    ) -> UnknownKeyAnswer {
        let now = registry.clock.now
        let (answer, isSooner) = registry.state.withLock { state in
            state.unknownKeyAsked(of: source, seen: seen, since: begin, at: now)
        }
        // Strangers may ask very often; the thread wakes up only for what changes its plans.
        if isSooner { registry.wake() }
        return answer
    }
}

extension KeySetRegistry.State {
    /// Returns the new sources, and those that are gone although a report was promised.
    fileprivate mutating func use(
        _ sources: Set<KeySetSource>, now: Instant
    ) -> (added: [(source: KeySetSource, id: UInt64)], orphaned: [KeySetSource]) {
        let gone = entries.filter { !sources.contains($0.key) }
        for source in gone.keys { entries[source] = nil }
        var added: [(source: KeySetSource, id: UInt64)] = []
        for source in sources where entries[source] == nil {
            lastID += 1
            var record = KeySetRecord(source, now: now)
            // The caller reads a file himself.
            if source.path != nil { _ = record.timePassed(to: now) }
            entries[source] = KeySetRegistry.Entry(id: lastID, record: record)
            added.append((source, lastID))
        }
        return (added, gone.filter(\.value.isAwaited).map(\.key))
    }

    /// Returns also whether the source is to be read sooner than before.
    fileprivate mutating func unknownKeyAsked(
        of source: KeySetSource, seen: UInt64, since begin: Instant?, at now: Instant
    ) -> (answer: UnknownKeyAnswer, isSooner: Bool) {
        guard var entry = entries[source] else { return (.unknownSource, false) }
        if entry.version > seen { return (.newer, false) }
        if let begin, let settled = entry.record.settledFrom, settled >= begin {
            return (.settled, false)
        }
        let before = entry.record.due
        let expectation = entry.record.unknownKeyAsked(at: now)
        entry.isAwaited = true
        entries[source] = entry
        switch expectation {
        case .running: return (.reading(from: now), false)
        case .due(let instant): return (.reading(from: instant), entry.record.due != before)
        }
    }
}

extension KeySetRegistry.Entry {
    fileprivate func status(at now: Instant) -> KeySetStatus {
        KeySetStatus(
            source: record.source, document: record.document, version: version,
            counters: record.counters, isFailing: record.isFailing,
            isStale: record.isStale(at: now), lastSuccess: record.lastSuccess)
    }
}
