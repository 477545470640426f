import Clock
package import Transport

/// The operators' API: an HTTP server on one thread of its own, for the life of the process.
/// Reloads only say where it listens and which token it wants.
package final class ConsoleServer: Sendable {
    private let link: ConsoleLink

    /// Starts the thread, which ends with this object or with `stop()`. Nobody can connect before
    /// `adopt`.
    ///
    /// - Parameters:
    ///   - backend: asked on the thread of the console.
    ///   - log: called on the thread of the console. It must not take long.
    /// - Throws: `SystemError` when the system has no thread or descriptor left.
    package convenience init(
        backend: any ConsoleBackend, log: @escaping @Sendable (ConsoleNotice) -> Void
    ) throws(SystemError) {
        let endpoints = ConsoleEndpoints.all(backend) { SystemClock.reading() }
        try self.init(endpoints: endpoints, limits: ConsoleLimits(), log: log)
    }

    init(
        endpoints: [ConsoleEndpoint], limits: ConsoleLimits,
        log: @escaping @Sendable (ConsoleNotice) -> Void
    ) throws(SystemError) {
        let link = try ConsoleLink(log: log)
        self.link = link
        let admission = Admission(router: Router(endpoints), bodySize: limits.bodySize)
        try System.startThread(name: "console") {
            ConsoleLoop.run(link, admission, limits)
        }
    }

    deinit { stop() }

    /// From now on the console is what `PreparedConsole.prepare` made ready; nil for none.
    /// Connections to an address that is given up end as soon as they have no request under way.
    package func adopt(_ console: PreparedConsole?) { link.adopt(console) }

    /// Ends the thread with all its connections.
    package func stop() { link.stop() }
}
