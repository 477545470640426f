internal import Bookkeeping
internal import Clients
internal import Generations

/// Connections that a trusted proxy hands on.
extension ClientLink {
    /// A trusted proxy has said whom it speaks for: that address counts.
    func admit(_ origin: ConnectionOrigin) {
        guard case .admitted(let lease) = thread.place(of: origin.address) else {
            return close(reset: true)
        }
        connection.admitted(origin, lease)
    }

    /// Nobody knows yet what is spoken on it, so it ends without an answer.
    func refuse(withoutHeader message: String) {
        thread.shared.counters.note(\.withoutHeader)
        thread.warn(
            thread.shared.lines.connection,
            "connection of proxy \(connection.origin.addressText) refused: \(message)")
        close(reset: true)
    }
}
