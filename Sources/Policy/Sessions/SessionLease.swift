package import Clock
import Synchronization

/// A session's place, or its place among those who wait. It is given back by `end()`, or with the
/// last reference: on whatever way a connection goes, its slot is free again.
package final class SessionLease: Sendable {
    /// The holder of the lease; of a session that was admitted only what the table does not know
    /// anyway.
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
        sessions.tell(.depart(id, store, departure), now: now)
    }

    /// The store did not let it in: there is nothing to give back.
    func dissolve() { hasEnded.store(true, ordering: .relaxed) }

    /// True while the place of this session is held, or waited for, by this lease.
    func holds(_ session: SessionID) -> Bool {
        session == id && !hasEnded.load(ordering: .relaxed)
    }

    /// As `end(_:now:)`, at the last instant that the store was told.
    package func end() { end(.normal, now: Instant(nanoseconds: .min)) }

    /// What came of a probe.
    ///
    /// - Parameter isThere: false when for so long nothing came that nothing will.
    package func answered(_ isThere: Bool = true, now: Instant) {
        sessions.tell(isThere ? .answered(id, store) : .silent(id, store), now: now)
    }

    deinit { end() }
}
