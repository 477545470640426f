package import Clock
import Locks
import Settings

/// What answers say of servers, and which are left out for that.
extension BackendGroup {
    /// True for a status by which a server says that it does not work: any 5xx but those that only
    /// say what it does not support (501, 505), as HAProxy has it.
    package static func isFailure(status: Int) -> Bool {
        500...599 ~= status && status != 501 && status != 505
    }

    /// The server has answered a request, or failed to.
    ///
    /// A server is left out when `eject after` answers in a row failed, but never when more than
    /// half of the group would be out then, for whatever reason.
    ///
    /// - Returns: what is to be said about it.
    package func reportAnswer(
        _ server: ServerState, failed: Bool, now: Instant
    ) -> ServerHealth.Notice? {
        guard let settings = settings.health.ejection else { return nil }
        guard failed else { return server.health.answered(at: now) }
        guard server.health.failed() >= settings.failures else { return nil }
        return ejecting.withLock { _ in
            let servers = members.servers
            guard server.health.allows(at: now), servers.contains(where: { $0.state === server })
            else { return nil }
            let out = servers.count { $0.state !== server && !$0.state.isAvailable(at: now) }
            guard (out + 1) * 2 <= servers.count else { return nil }
            return server.health.eject(settings, at: now)
        }
    }
}
