import Synchronization
package import Transport
package import Upstreams

/// What checks found out; called on the thread of the checks.
package enum HealthReport: Sendable {
    /// The server is not chosen any more: so many checks in a row failed, the last one for that.
    ///
    /// - Parameter endsLive: what lives on it shall end (`on_down close`).
    case down(ServerState, failures: Int, CheckFailure, endsLive: Bool)
    /// The server may be chosen again; it was down for so long.
    case up(ServerState, after: Duration)
    /// The server could not be connected to before, and a check was answered.
    case reached(ServerState, Outage.Notice)
    /// The thread has ended because the system refused something.
    case failed(String)
}

/// Asks servers whether they work (`check`), on one thread of its own for the life of the process,
/// however many workers there are: reloads only say which groups there are.
package final class HealthService: Sendable {
    private let link: HealthLink

    /// Starts the thread, which ends with this object or with `stop()`.
    ///
    /// - Parameter report: called on the thread of the checks. It must not take long.
    /// - Throws: `SystemError` when the system has no thread or descriptor left.
    package init(report: @escaping @Sendable (HealthReport) -> Void) throws(SystemError) {
        let link = try HealthLink(report: report)
        self.link = link
        try System.startThread(name: "checks") { HealthLoop.run(link) }
    }

    deinit { stop() }

    /// From now on the servers of exactly these groups are asked, of those that have a `check`.
    package func use(_ groups: [BackendGroup]) { link.mailbox.post(groups) }

    /// Ends the thread. What was found out stays.
    package func stop() {
        link.isStopping.store(true, ordering: .releasing)
        link.mailbox.post([])
    }
}

/// What the service and its thread share.
final class HealthLink: Sendable {
    /// Reloads the thread may be behind with; only the last one counts.
    private static let capacity = 1024

    let mailbox: Mailbox<[BackendGroup]>
    let isStopping = Atomic(false)
    let report: @Sendable (HealthReport) -> Void

    init(report: @escaping @Sendable (HealthReport) -> Void) throws(SystemError) {
        self.report = report
        mailbox = try Mailbox(capacity: Self.capacity)
    }
}
