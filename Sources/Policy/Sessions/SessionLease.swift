package import Clock
import Synchronization

/// A session's place, or its place among those who wait. It is given back by `end()`, or with the
/// last reference: on whatever way a connection goes, its slot is free again.
package final class SessionLease: Sendable {
    /// Who holds it; of a session that is in only what the table knows of it anyway.
    private enum Holder {
        case session(SessionRecord)
        case newcomer(Newcomer)
    }

    private final class Newcomer: Sendable {
        let id: SessionID
        let store: StoreKey

        init(_ arrival: Arrival) {
            id = arrival.id
            store = arrival.store
        }
    }

    private let holder: Holder
    private let sessions: any SessionStore
    private let hasEnded = Atomic(false)

    init(of record: SessionRecord, in sessions: any SessionStore) {
        holder = .session(record)
        self.sessions = sessions
    }

    init(waiting arrival: Arrival, in sessions: any SessionStore) {
        holder = .newcomer(Newcomer(arrival))
        self.sessions = sessions
    }

    package var id: SessionID {
        switch holder {
        case .session(let record): record.id
        case .newcomer(let newcomer): newcomer.id
        }
    }

    package var store: StoreKey {
        switch holder {
        case .session(let record): record.arrival.store
        case .newcomer(let newcomer): newcomer.store
        }
    }

    /// Gives the place back now; a second call does nothing.
    package func end(_ departure: Departure, now: Instant) {
        if hasEnded.exchange(true, ordering: .relaxed) { return }
        _ = sessions.submit(.depart(id, store, departure), now: now)
    }

    /// As `end(_:now:)`, at the last instant that the store was told.
    package func end() { end(.normal, now: Instant(nanoseconds: .min)) }

    /// The client was heard after a probe.
    package func answered(now: Instant) { _ = sessions.submit(.answered(id, store), now: now) }

    deinit { end() }
}
