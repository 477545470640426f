package import Clock
package import HTTP1
import Settings

/// The way of one request to a server of its group: which servers were asked in vain, on which
/// connections it may go, and what is done when it gets no answer. It knows no socket: whoever has
/// one says what went wrong, and does what is answered.
///
///     choosing --no connection--> choosing another server --`retries` times--> waiting for one
///     choosing --no room in the queue--> asking again, for `connect_timeout`
///     sent --a connection that had rested broke, nothing was consumed--> sent once more
///     sent --no answer, or none to be passed on (`retry_on`)--> choosing another server, if any
///     sent --anything else--> failed
///
/// Blame decides whether there is another attempt (`UpstreamFailure.remedy`), as long as the group
/// has a budget for it (`RetryWindow`): beyond that a request waits, or fails, as if no server were
/// left. What was consumed decides whether the request may be sent again
/// (`UpstreamUse.retryObstacle`).
package struct Attempt: Sendable {
    /// What is done next.
    package enum Step: Sendable, Hashable {
        /// Another server is chosen, of those that were not tried. The one at hand is to blame.
        case choose
        /// No server is left to be tried: one is waited for where the route says so. The one at
        /// hand is to blame.
        case wait
        /// A server is asked for a connection once more then.
        case askAgain(at: Instant)
        /// The request is sent once more, to whichever server is next.
        case resend
        /// The request is sent once more, to another server.
        case elsewhere
        /// The request has failed.
        case fail(UpstreamFailure)
    }

    /// TCP itself asks again later; a path has to be asked (connect(2), EAGAIN).
    package static let queuePause: Duration = .milliseconds(50)

    private let isWebSocket: Bool
    /// The servers that could not be reached, or had the request in vain: none of them is next.
    package private(set) var tried: [ServerState] = []
    /// Why the last of them could not be: what a request ends with that is not waited with.
    package private(set) var obstacle = UpstreamFailure.unreachable
    /// What became of the request at a server that had it: what it ends with when no other one can
    /// be reached, because it waits for none then.
    package private(set) var sentInVain: UpstreamFailure?
    /// Until when a server is asked again that has no room for one more connection.
    private var queueLimit: Instant?
    private var isRepeated = false

    /// - Parameter isWebSocket: the request is a handshake, which has a new connection always.
    package init(isWebSocket: Bool) {
        self.isWebSocket = isWebSocket
    }

    /// A request may go on a connection that has rested. Sent once more it may not: that one may be
    /// dead like the first. What a PROXY header says holds for a whole connection, which is one
    /// request's alone then.
    package func mayUseResting(of group: BackendGroup) -> Bool {
        !isWebSocket && !isRepeated && group.settings.proxyHeader == nil
    }

    /// Servers may be back that were tried before, or others are there.
    package mutating func beginAnew() { tried = [] }

    /// True when the request may be sent once more on another connection.
    ///
    /// - Parameter obstacle: what its use of the connection says.
    package func mayResend(_ obstacle: UpstreamUse.RetryObstacle?) -> Bool {
        obstacle == nil && !isRepeated
    }

    /// True when the request may be sent once more, be it to another server: its body is kept for
    /// that.
    package func mayRepeat(
        _ obstacle: UpstreamUse.RetryObstacle?, of group: BackendGroup
    ) -> Bool {
        if mayResend(obstacle) { return true }
        guard obstacle == nil || obstacle == .newConnection else { return false }
        return tried.count < group.settings.bounds.retries && group.members.servers.count > 1
    }

    /// The request got no answer, or no connection.
    ///
    /// - Parameters:
    ///   - server: the one that it went to.
    ///   - obstacle: why the request is not sent once more on another connection; nil when it may.
    package mutating func failed(
        _ failure: UpstreamFailure, at server: ServerState, of group: BackendGroup,
        obstacle: UpstreamUse.RetryObstacle? = nil, now: Instant
    ) -> Step {
        switch failure.remedy {
        case .patience:
            let limit = queueLimit ?? now + group.settings.connectTimeout
            queueLimit = limit
            return now < limit
                ? .askAgain(at: now + Self.queuePause) : giveUp(server, of: group, now: now)
        case .anotherServer:
            self.obstacle = failure
            return giveUp(server, of: group, now: now)
        case .newConnection:
            guard mayResend(obstacle) else {
                let isWanted = group.settings.bounds.retryCauses.broken
                return goElsewhere(
                    failure, from: server, of: group, if: isWanted, obstacle, now: now)
            }
            guard group.takeRetry(at: now) else { return .fail(failure) }
            isRepeated = true
            return .resend
        case .anotherAnswer:
            let isWanted = group.settings.bounds.retryCauses.timeout
            return goElsewhere(failure, from: server, of: group, if: isWanted, obstacle, now: now)
        case .none: return .fail(failure)
        }
    }

    /// The head of an answer came, of which nobody has heard yet.
    ///
    /// - Parameter obstacle: why the request is not sent once more, as if no answer had come.
    /// - Returns: true when another server is asked instead.
    package mutating func discards(
        status: Int, of server: ServerState, of group: BackendGroup,
        obstacle: UpstreamUse.RetryObstacle?, now: Instant
    ) -> Bool {
        let isWanted = group.settings.bounds.retryCauses.statuses.contains(status)
        let step = goElsewhere(
            .unreachable, from: server, of: group, if: isWanted, obstacle, now: now)
        return step == .elsewhere
    }

    /// The server had the request, and another one is asked.
    private mutating func goElsewhere(
        _ failure: UpstreamFailure, from server: ServerState, of group: BackendGroup,
        if isWanted: Bool, _ obstacle: UpstreamUse.RetryObstacle?, now: Instant
    ) -> Step {
        guard isWanted, obstacle == nil || obstacle == .newConnection,
            tried.count < group.settings.bounds.retries,
            group.members.hasOther(than: tried + [server], at: now), group.takeRetry(at: now)
        else { return .fail(failure) }
        tried.append(server)
        sentInVain = failure
        isRepeated = true
        return .elsewhere
    }

    private mutating func giveUp(
        _ server: ServerState, of group: BackendGroup, now: Instant
    ) -> Step {
        queueLimit = nil
        tried.append(server)
        guard tried.count <= group.settings.bounds.retries, group.takeRetry(at: now) else {
            return sentInVain.map(Step.fail) ?? .wait
        }
        return .choose
    }
}
