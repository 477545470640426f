package import Clock
package import Entry
package import Sessions
package import Settings
package import Transport

/// A new token for a live connection, from the connection itself or by a request.
package struct RefreshRequest: Sendable {
    /// Where the answer to a request goes.
    package struct Origin: Sendable {
        var worker: Mailbox<WorkerMessage>
        var client: UInt64
        /// Tells it from the refreshes that the same client asked for before.
        var number: UInt64

        package init(worker: Mailbox<WorkerMessage>, client: UInt64, number: UInt64) {
            self.worker = worker
            self.client = client
            self.number = number
        }
    }

    package var session: SessionID
    package var token: Secret
    /// When it came.
    package var begin: Instant
    /// Nil when it came over the connection itself, which is where the answer goes.
    package var origin: Origin?
    /// How long it may wait for keys; nil as long as it does not.
    package var deadline: Instant?

    package init(session: SessionID, token: Secret, begin: Instant, origin: Origin? = nil) {
        self.session = session
        self.token = token
        self.begin = begin
        self.origin = origin
    }

    /// Answers a request; nothing for one that came over the connection.
    package func reply(_ outcome: RefreshOutcome) {
        guard let origin else { return }
        origin.worker.post(
            .refreshed(client: origin.client, number: origin.number, outcome))
    }
}
