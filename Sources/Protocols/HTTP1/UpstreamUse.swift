package import HTTP

/// One use of an upstream connection by one request: what was sent of the request, and what came
/// back. It knows no socket. Whoever has the connection reports every event, and asks two
/// questions: may the request be sent once more on another connection (RFC 9110 §9.2.2, RFC 9112
/// §9.3.1), and may the connection carry another request (RFC 9112 §9.3)?
///
///     request:   nothing --head--> head --some of the body--> part --its last octet--> whole
///                nothing --not an octet was taken--> refused      head, part --same--> broken
///     response:  nothing --an octet--> begun --final head--> head --its last octet--> whole
package struct UpstreamUse: Sendable {
    /// Why a request is not sent once more.
    package enum RetryObstacle: Sendable, Hashable, CaseIterable {
        /// Nothing but that the connection had not rested before: that it broke is no accident of
        /// keeping it. Another server may be asked.
        case newConnection
        /// An octet of an answer came, be it of an informational one: the request was seen.
        case answered
        /// The server may have acted upon it, and to act twice is not the same as once.
        case notIdempotent
        /// Some of its body was sent, and nobody has it any more.
        case bodyGone
    }

    /// Why a connection is not used again.
    package enum RestObstacle: Sendable, Hashable, CaseIterable {
        /// The request was not sent to its end.
        case requestUnfinished
        /// The connection did not take some of the request.
        case requestBroken
        /// The answer began before the request was sent: who knows what is still read of it.
        case answeredEarly
        /// Apps do not look for a body behind this method: an unread one is their next request.
        case unexpectedBody
        case responseUnfinished
        /// The end of the connection is the end of the response.
        case untilClose
        /// The request itself said that it is the last.
        case askedToClose
        /// A response, or an informational one, said `Connection: close`, or is of HTTP/1.0.
        case saidClose
        /// Octets came behind the response.
        case surplus
        /// The server finished sending.
        case ended
    }

    /// What becomes of the connection behind the response.
    package enum Rest: Sendable, Hashable {
        /// It may be used at once.
        case open
        /// It may be used when it was quiet for a while: after such answers, sloppy apps say more
        /// than they should.
        case watched
        case refused(RestObstacle)

        package var isRefused: Bool {
            switch self {
            case .refused: true
            case .open, .watched: false
            }
        }
    }

    private enum Request: Sendable { case nothing, refused, head, part, whole, broken }
    private enum Response: Sendable { case nothing, begun, head, whole }

    private let method: Method
    private let hasBody: Bool
    private let isReused: Bool
    private var request = Request.nothing
    private var response = Response.nothing
    private var isDoubtful = false
    /// An informational response (1xx) came, of which the client has heard.
    private var isInformed = false
    /// The first that was noticed.
    private var obstacle: RestObstacle?

    /// - Parameters:
    ///   - framing: how the body of the request is framed on this connection.
    ///   - isReused: the connection carried a request before.
    ///   - isLast: the request says `Connection: close`.
    package init(
        method: Method, framing: BodyFraming, isReused: Bool, isLast: Bool = false
    ) {
        self.method = method
        hasBody = !framing.isEmpty
        self.isReused = isReused
        if isLast { obstacle = .askedToClose }
        if hasBody, method.hasUnexpectedBody { obstacle = .unexpectedBody }
    }

    // MARK: The request

    /// The head was sent, with nothing behind it yet.
    ///
    /// - Parameter isTaken: false when the connection did not take a single octet of it.
    package mutating func headSent(isTaken: Bool) {
        guard isTaken else { return request = .refused }
        request = hasBody ? .head : .whole
    }

    /// Octets of the body were sent, or of its framing.
    ///
    /// - Parameters:
    ///   - isLast: the body is whole with them.
    ///   - isTaken: false when the connection did not take some of them.
    package mutating func bodySent(isLast: Bool, isTaken: Bool) {
        switch request {
        case .head, .part: request = isTaken ? (isLast ? .whole : .part) : .broken
        // A connection that did not take the head takes nothing behind it.
        case .refused: break
        // A body of a known length that is empty has nothing to be sent.
        case .whole where isTaken && !hasBody: break
        case .nothing, .whole, .broken: request = .broken
        }
    }

    /// The connection gave up on octets it had taken.
    package mutating func sendFailed() {
        note(.requestBroken)
    }

    /// The connection did not take a single octet of the request.
    package var isRefused: Bool { request == .refused }

    // MARK: The response

    /// Octets came, whatever they are.
    package mutating func octetsCame() {
        if response == .nothing { response = .begun }
    }

    /// The head of an informational response (1xx).
    package mutating func informationalCame(allowsKeepAlive: Bool) {
        octetsCame()
        isInformed = true
        if !allowsKeepAlive { note(.saidClose) }
    }

    /// The head of the response.
    ///
    /// - Parameter unsentCount: octets of the request that wait for the kernel to take them.
    package mutating func headCame(
        status: Int, framing: BodyFraming, allowsKeepAlive: Bool, unsentCount: Int
    ) {
        response = .head
        if request != .whole || unsentCount > 0 { note(.answeredEarly) }
        if framing == .untilClose { note(.untilClose) }
        if !allowsKeepAlive { note(.saidClose) }
        isDoubtful =
            method == .head || status == 204 || status == 304 || hasBody && status >= 400
    }

    /// The response is whole.
    ///
    /// - Parameter surplusCount: octets that came right behind it.
    package mutating func responseEnded(surplusCount: Int) {
        response = .whole
        if surplusCount > 0 { note(.surplus) }
    }

    /// The server finished sending, or the connection is broken.
    package mutating func connectionEnded() {
        note(.ended)
    }

    private mutating func note(_ found: RestObstacle) {
        // Surplus octets are the app's fault, and worth more than what else may be in the way.
        if obstacle == nil || found == .surplus { obstacle = found }
    }

    // MARK: The questions

    /// Why the request may not be sent once more on another connection; nil when it may.
    ///
    /// - Parameters:
    ///   - keepsBody: who asks has the whole body still, to be sent from its beginning.
    ///   - isHeard: false while the client has heard nothing of an answer whose head has come: the
    ///     answer is in nobody's way then.
    package func retryObstacle(keepsBody: Bool, isHeard: Bool = true) -> RetryObstacle? {
        if isHeard ? response != .nothing : isInformed { return .answered }
        let obstacle: RetryObstacle? = isReused ? nil : .newConnection
        switch request {
        // Nobody saw it, so it does not matter what it asks for.
        case .nothing, .refused: return obstacle
        case .head, .part, .whole, .broken: break
        }
        if !method.isIdempotent { return .notIdempotent }
        return request == .head || !hasBody || keepsBody ? obstacle : .bodyGone
    }

    /// What becomes of the connection now.
    package var rest: Rest {
        if let obstacle { return .refused(obstacle) }
        switch request {
        case .nothing, .head, .part: return .refused(.requestUnfinished)
        case .refused, .broken: return .refused(.requestBroken)
        case .whole: break
        }
        guard response == .whole else { return .refused(.responseUnfinished) }
        return isDoubtful ? .watched : .open
    }
}

extension Method {
    /// Content has no meaning with these methods (RFC 9110 §9.3.1, §9.3.2, §9.3.5, §9.3.7, §9.3.8).
    fileprivate var hasUnexpectedBody: Bool {
        switch self {
        case .get, .head, .delete, .options, .trace, .connect: true
        case .post, .put, .patch, .other: false
        }
    }
}
