package import Clock
package import Endings
internal import Locks
package import Records
package import Sessions
internal import State
internal import Transport

/// Writes down what becomes of sessions: for the operator, in counts, and in the history.
///
/// How a session ended is known in two places: the store of sessions knows by what rule, its
/// worker how the connection ended and what went over it. They say so in either order, and the
/// entry of the history is written with the second word; or with the first one alone when none
/// comes for a while.
package final class SessionJournal: Sendable {
    /// What a worker knows about the end of a session.
    package struct Conclusion: Sendable {
        var reason: EndReason
        var detail: String?
        var received: HistoryEntry.Traffic
        var sent: HistoryEntry.Traffic

        package init(
            reason: EndReason, detail: String?, received: HistoryEntry.Traffic,
            sent: HistoryEntry.Traffic
        ) {
            self.reason = reason
            self.detail = detail
            self.received = received
            self.sent = sent
        }
    }

    private struct Pending: Sendable {
        /// Nil: no history is kept.
        var store: StateStore?
        var ends: [SessionID: SessionEnd] = [:]
        var conclusions: [SessionID: (at: Instant, what: Conclusion)] = [:]
    }

    /// How long the second word about a session is waited for.
    private static let patience: Duration = .seconds(30)
    /// First words that wait for what the store of sessions says; those of sessions that only
    /// waited to come in wait in vain.
    private static let conclusionLimit = 16_384

    private let log: EventLog
    private let pending = Guarded(Pending())

    package init(log: EventLog) { self.log = log }

    /// From now on sessions that end are in the history of `store`; nil for none.
    func keep(in store: StateStore?) {
        pending.withLock { $0 = Pending(store: store) }
    }

    package func note(_ report: SessionReport) {
        switch report {
        case .refused: break
        case .ended(let end): ended(end)
        case .noticed(.flapping(let record)):
            log.warning(
                "device \(record.deviceName) of store \(record.arrival.store.store) replaces itself"
                    + " again and again: two windows fight for its place")
        }
    }

    // MARK: History

    private func ended(_ end: SessionEnd) {
        let found = pending.withLock { pending -> (StateStore, Conclusion)? in
            guard let store = pending.store else { return nil }
            if let early = pending.conclusions.removeValue(forKey: end.record.id) {
                return (store, early.what)
            }
            pending.ends[end.record.id] = end
            return nil
        }
        if let (store, conclusion) = found { write(end, conclusion, to: store) }
    }

    /// The connection of a session is over.
    package func concluded(_ id: SessionID, _ conclusion: Conclusion, now: Instant) {
        let found = pending.withLock { pending -> (StateStore, SessionEnd)? in
            guard let store = pending.store else { return nil }
            if let end = pending.ends.removeValue(forKey: id) { return (store, end) }
            if pending.conclusions.count < Self.conclusionLimit {
                pending.conclusions[id] = (now, conclusion)
            }
            return nil
        }
        if let (store, end) = found { write(end, conclusion, to: store) }
    }

    /// Called every now and then: writes down what was waited for in vain.
    func timePassed(to now: Instant) {
        let limit = now + (.zero - Self.patience)
        let (store, late) = pending.withLock { pending -> (StateStore?, [SessionEnd]) in
            pending.conclusions = pending.conclusions.filter { $0.value.at > limit }
            let late = pending.ends.values.filter { $0.ended <= limit }
            for end in late { pending.ends[end.record.id] = nil }
            return (pending.store, late)
        }
        if let store { for end in late { write(end, nil, to: store) } }
    }

    /// The process stops: what waits is written down, and so are the sessions that are still there.
    func finish(_ live: [SessionRecord], now: Instant) {
        let (store, ends) = pending.withLock { pending in
            defer { pending = Pending() }
            return (pending.store, Array(pending.ends.values))
        }
        guard let store else { return }
        for end in ends { write(end, nil, to: store) }
        let clock = SystemClock.reading()
        for record in live {
            store.record(HistoryEntry(record, ended: now, (.draining, "stopped"), nil, clock))
        }
    }

    private func write(_ end: SessionEnd, _ conclusion: Conclusion?, to store: StateStore) {
        store.record(
            HistoryEntry(
                end.record, ended: end.ended, end.words(conclusion), conclusion,
                SystemClock.reading()))
    }
}

extension HistoryEntry {
    fileprivate init(
        _ record: SessionRecord, ended: Instant, _ words: (reason: EndReason, rule: String?),
        _ conclusion: SessionJournal.Conclusion?, _ clock: ClockReading
    ) {
        let arrival = record.arrival
        self.init(
            session: arrival.id.description, block: arrival.store.block,
            store: arrival.store.store, device: record.deviceName,
            deviceSource: arrival.device.origin.text, role: arrival.role, user: arrival.user,
            address: arrival.address, transport: arrival.transport.rawValue,
            route: arrival.route, began: clock.wallTime(of: record.connectedSince),
            ended: clock.wallTime(of: ended), reason: words.reason.rawValue, rule: words.rule,
            received: conclusion?.received ?? .init(), sent: conclusion?.sent ?? .init())
    }
}

extension SessionEnd {
    /// How it ended, and the finer word for it.
    fileprivate func words(
        _ conclusion: SessionJournal.Conclusion?
    ) -> (reason: EndReason, rule: String?) {
        switch cause {
        case .departed(let departure):
            guard let conclusion else {
                return (departure == .normal ? .normal : .clientGone, nil)
            }
            // The number of a close frame is no rule.
            let rule = conclusion.detail.flatMap { Int($0) == nil ? $0 : nil }
            return (conclusion.reason, rule == conclusion.reason.rawValue ? nil : rule)
        case .replaced: return (.replaced, nil)
        case .ejected: return (.forceDisconnect, DisconnectCause.ejectOld.rawValue)
        case .silent: return (.timeout, DisconnectCause.silent.rawValue)
        case .limited: return (.forceDisconnect, "limited")
        case .kicked: return (.forceDisconnect, DisconnectCause.kicked.rawValue)
        }
    }
}
