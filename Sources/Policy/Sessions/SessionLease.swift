import Synchronization

/// A session's place in the table. It is given back by `end()`, or with the last reference: on
/// whatever way a connection goes, its slot is free again.
package final class SessionLease: Sendable {
    package let id: SessionID
    package let store: StoreKey
    private let table: SessionTable
    private let hasEnded = Atomic(false)

    init(of id: SessionID, in store: StoreKey, table: SessionTable) {
        self.id = id
        self.store = store
        self.table = table
    }

    /// Gives the place back now; a second call does nothing.
    package func end() {
        if hasEnded.exchange(true, ordering: .relaxed) { return }
        table.end(id, in: store)
    }

    deinit { end() }
}
