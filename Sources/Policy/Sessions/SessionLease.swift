package import Clock
import Synchronization

/// A session's place, or its place among those who wait. It is given back by `end()`, or with the
/// last reference: on whatever way a connection goes, its slot is free again.
package final class SessionLease: Sendable {
    package let id: SessionID
    package let store: StoreKey
    private let sessions: any SessionStore
    private let hasEnded = Atomic(false)

    init(of id: SessionID, in store: StoreKey, of sessions: any SessionStore) {
        self.id = id
        self.store = store
        self.sessions = sessions
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

    /// The client did not answer a ping, or does not acknowledge what it is sent.
    package func fellSilent(now: Instant) { _ = sessions.submit(.silent(id, store), now: now) }

    deinit { end() }
}
