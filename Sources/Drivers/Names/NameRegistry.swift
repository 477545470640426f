internal import Clock
internal import Locks
internal import Settings
internal import Synchronization
internal import Transport
package import Upstreams

/// What the service and its thread share: every name that is in use, and what is known of it.
final class NameRegistry: Sendable {
    struct Entry: Sendable {
        /// A name that is used once more is another entry: what was asked for the first is not for
        /// the second.
        var id: UInt64
        var record: NameRecord
    }

    struct State: Sendable {
        var settings = ResolverSettings()
        /// Grows with every change of `settings`.
        var settingsVersion: UInt64 = 0
        var entries: [ServerName: Entry] = [:]
        var lastID: UInt64 = 0
    }

    enum Message: Sendable { case wake }

    let mailbox: Mailbox<Message>
    /// A message for every name that is settled for the first time.
    let settled: Mailbox<Message>
    let state = Guarded(State())
    let isStopping = Atomic(false)
    let report: @Sendable (NameReport) -> Void

    init(report: @escaping @Sendable (NameReport) -> Void) throws(SystemError) {
        mailbox = try Mailbox(capacity: 64)
        settled = try Mailbox(capacity: 4)
        self.report = report
    }

    func wake() { mailbox.post(.wake) }

    /// Notes what was found out, and tells of it. Nothing happens for an entry that is gone.
    func note(
        _ name: ServerName, id: UInt64, at now: Instant, _ answer: ([ServerEndpoint]) -> NameAnswer
    ) {
        let chance = Double.random(in: 0...1)
        let outcome: NameRecord.Outcome? = state.withLock { state in
            guard var entry = state.entries[name], entry.id == id else { return nil }
            defer { state.entries[name] = entry }
            return entry.record.answered(answer(entry.record.endpoints), at: now, chance: chance)
        }
        guard let outcome else { return }
        settled.post(.wake)
        if outcome.isChanged || outcome.notice != nil {
            report(NameReport(isChanged: outcome.isChanged, notice: outcome.notice))
        }
    }
}

/// Something is known of a name that was not known before.
package struct NameReport: Sendable {
    /// The name stands for other servers.
    package let isChanged: Bool
    /// For the log.
    package let notice: NameRecord.Notice?
}
