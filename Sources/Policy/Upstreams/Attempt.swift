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
        /// The request is sent once more.
        case resend
        /// The request has failed.
        case fail(UpstreamFailure)
    }

    /// TCP itself asks again later; a path has to be asked (connect(2), EAGAIN).
    package static let queuePause: Duration = .milliseconds(50)

    private let isWebSocket: Bool
    /// The servers that could not be reached.
    package private(set) var tried: [ServerState] = []
    /// Why the last of them could not be: what a request ends with that is not waited with.
    package private(set) var obstacle = UpstreamFailure.unreachable
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
            guard mayResend(obstacle), group.takeRetry(at: now) else { return .fail(failure) }
            isRepeated = true
            return .resend
        case .none: return .fail(failure)
        }
    }

    private mutating func giveUp(
        _ server: ServerState, of group: BackendGroup, now: Instant
    ) -> Step {
        queueLimit = nil
        tried.append(server)
        guard tried.count <= group.settings.bounds.retries, group.takeRetry(at: now) else {
            return .wait
        }
        return .choose
    }
}
