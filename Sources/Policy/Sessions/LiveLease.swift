import Synchronization

/// A connection's place in the table of live ones. It is given back by `end()`, or with the last
/// reference.
package final class LiveLease: Sendable {
    package let id: SessionID
    private let table: LiveTable
    private let hasEnded = Atomic(false)

    init(of id: SessionID, in table: LiveTable) {
        self.id = id
        self.table = table
    }

    /// The connection lives on another token from now on.
    package func renew(_ token: LiveConnection.Token) { table.renew(id, token) }

    /// Gives the place back now; a second call does nothing.
    package func end() {
        if hasEnded.exchange(true, ordering: .relaxed) { return }
        table.end(id)
    }

    deinit { end() }
}
