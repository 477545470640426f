import Clock
import HTTP
import Identity
import Locks
import Settings
import Synchronization
import Transport

/// What the thread that fetches and all who read share: the sources in use and what is known of
/// each.
final class KeySetRegistry: Sendable {
    struct Entry: Sendable {
        /// Another one for a source that was dropped and comes back: what is still under way for
        /// the first is not for the second.
        var id: UInt64
        var record: KeySetRecord
        /// The version in which the document became what it is.
        var version: UInt64 = 0
        /// The stamp of the file when it was read; nil when it is to be read in any case.
        var stamp: FileStamp?
        /// True when a report was promised.
        var isAwaited = false
    }

    struct State: Sendable {
        var entries: [KeySetSource: Entry] = [:]
        var lastID: UInt64 = 0
    }

    enum Message: Sendable {
        case wake
        case lookedUp(
            id: UInt64, SecureLocation, Result<[SocketAddress], NameLookup.Failure>)
    }

    /// Wakes and lookups that the thread may be behind with; a wake is never posted twice.
    private static let mailboxCapacity = 64

    let mailbox: Mailbox<Message>
    let state = Guarded(State())
    /// Grows whenever a document changes.
    let version = Atomic<UInt64>(0)
    let isStopping = Atomic(false)
    private let isAwake = Atomic(false)
    let clock: KeySetClock
    let report: @Sendable (KeySetReport) -> Void

    init(
        clock: KeySetClock, report: @escaping @Sendable (KeySetReport) -> Void
    ) throws(SystemError) {
        self.clock = clock
        mailbox = try Mailbox(capacity: Self.mailboxCapacity)
        self.report = report
    }

    func wake() {
        if !isAwake.exchange(true, ordering: .acquiringAndReleasing) { mailbox.post(.wake) }
    }

    /// Called before the thread looks at what there is to do.
    func awoke() { isAwake.store(false, ordering: .releasing) }

    /// Notes what came of an attempt and tells about it. Nothing happens for an entry that is gone.
    func note(_ source: KeySetSource, id: UInt64, stamp: FileStamp?, _ attempt: KeySetAttempt) {
        let now = clock.now
        let chance = Double.random(in: 0...1)
        let report: KeySetReport? = state.withLock { state in
            guard var entry = state.entries[source], entry.id == id else { return nil }
            defer { state.entries[source] = entry }
            let outcome = attempt.apply(to: &entry.record, at: now, chance: chance)
            entry.stamp = stamp
            entry.isAwaited = false
            if outcome.isChanged {
                entry.version = version.wrappingAdd(1, ordering: .releasing).newValue
            }
            return KeySetReport(
                source: source, isChanged: outcome.isChanged, notice: outcome.notice)
        }
        if let report { self.report(report) }
    }

    /// Notes that a file is still the same, which only those want to know who wait.
    func noteUnchanged(_ source: KeySetSource, id: UInt64) {
        let wasAwaited = state.withLock { state in
            guard var entry = state.entries[source], entry.id == id else { return false }
            let wasAwaited = entry.isAwaited
            entry.record.foundUnchanged()
            entry.isAwaited = false
            state.entries[source] = entry
            return wasAwaited
        }
        if wasAwaited { report(KeySetReport(source: source, isChanged: false, notice: nil)) }
    }
}

/// What an attempt brought.
enum KeySetAttempt {
    case document(KeySetDocument, lifetime: Duration?)
    case failure(FetchFailure)

    func apply(
        to record: inout KeySetRecord, at now: Instant, chance: Double
    ) -> KeySetRecord.Outcome {
        switch self {
        case .document(let document, let lifetime):
            record.received(document, lifetime: lifetime, at: now, chance: chance)
        case .failure(let failure):
            record.failed(failure.description, at: now, chance: chance)
        }
    }

    /// What the octets hold, if they are any good.
    static func reading(
        _ octets: [UInt8], of source: KeySetSource, lifetime: Duration? = nil
    ) -> KeySetAttempt {
        do throws(KeySetDocument.Problem) {
            return .document(try KeySetDocument(octets, of: source), lifetime: lifetime)
        } catch {
            return .failure(.document(error))
        }
    }
}
