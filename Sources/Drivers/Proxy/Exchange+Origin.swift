internal import Bookkeeping
internal import Clients
internal import Clock
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Loop
internal import Origins
internal import Settings
internal import Transport
internal import Upstreams

/// To a server and back from it: which connection the request goes on, and what is done when there
/// is none or it breaks, as `Attempt` says.
extension Exchange {
    // MARK: Connecting

    /// Chooses a server and sends the head, on a connection that rests or on a new one.
    func chooseServer() {
        let mayUseResting = attempt.mayUseResting(of: plan.group)
        if mayUseResting, thread.pool.hasReserved, useReserved() { return }
        // Mostly nobody waits for anything.
        if !thread.awayServers.rooms.isEmpty, waiting.isBehindOthers(wait) {
            return beginWait(for: .away)
        }
        switch plan.group.choose(
            for: plan.wish, now: loop.now, tried: attempt.tried, isCalled: wait.isCalled)
        {
        case .server(let chosen): lease = consume chosen
        case .full: return beginWait(for: .full)
        case .overloaded: return fail(.tooManyPending)
        case .none: return beginWait(for: .away)
        }
        guard let server = lease?.state else { return beginWait(for: .away) }
        context.outcome.server = server.address
        context.serverCookie = plan.group.cookie(for: server, plan.wish, isSecure: context.isTLS)
        if mayUseResting,
            let resting = thread.takeResting(
                for: server, by: security,
                mayRepeat: request.head.method.mayBeRepeated(
                    with: framing, keepsBody: repeating.keepsBody))
        {
            return go(on: resting)
        }
        connect(to: server)
    }

    /// Looks for a server once more, now that one may be back: of `group`, which is the newest of
    /// that name.
    func chooseServer(of group: BackendGroup) {
        plan.group = group
        attempt.beginAnew()
        chooseServer()
    }

    /// A client that has authenticated itself on a connection goes on with that one, whichever
    /// server's turn it is. False when there is none.
    private func useReserved() -> Bool {
        guard
            let reserved = thread.takeReserved(for: client.token, in: plan.group)
        else { return false }
        lease = plan.group.lease(of: reserved.connection.server)
        context.outcome.server = reserved.connection.address
        go(on: reserved)
        return true
    }

    private func go(on resting: OriginLink) {
        upstream = resting
        resting.begin(self)
        upstreamConnected()
    }

    private func connect(to server: ServerState) {
        guard let address = SocketAddress(server.address) else {
            return fail(.unreachable)
        }
        do throws(SystemError) {
            let (stream, isConnected) = try Stream.connect(to: address)
            let link = try thread.open(
                stream, to: server, isConnected: isConnected, security, for: self)
            upstream = link
            if link.connection.isConnected { return upstreamConnected() }
            link.connection.setDeadline(loop.now + plan.group.settings.connectTimeout)
        } catch {
            notConnected(error)
        }
    }

    /// How the server that was chosen is spoken to; nil without TLS.
    private var security: OriginSecurity? {
        plan.security(at: lease?.state.address, of: lease?.host, for: client.request, context)
    }

    /// Tries a server again whose queue was full.
    func connectAgain() {
        if wait.isQueued { return waiting.lookForPlace() }
        guard !hasEnded, upstream == nil, let server = lease?.state else { return }
        connect(to: server)
        client.updateInterest()
    }

    /// The server at hand could not be reached, or this machine has nothing to reach it with.
    func notConnected(_ error: SystemError) { notReached(error.failure, error.reason) }

    /// The server was reached, and is not who it should be, or speaks no TLS.
    func notSecured(_ failure: OriginSecurityFailure) { notReached(.insecure, failure.reason) }

    private func notReached(_ failure: UpstreamFailure, _ reason: String) {
        upstream = nil
        guard let server = lease?.state else { return fail(failure) }
        let step = attempt.failed(failure, at: server, of: plan.group, now: loop.now)
        switch step {
        case .choose, .wait: thread.noteUnreachable(server, of: plan.group, reason)
        // No server is to blame.
        case .fail:
            thread.warn(
                thread.shared.lines.server,
                "no connection to upstream \(context.outcome.server?.text ?? ""): \(reason)")
        case .askAgain, .resend, .elsewhere: break
        }
        repeating.carryOut(step)
    }

    func upstreamConnected() {
        guard let upstream else { return }
        if wait.isActive { endWait(\.served) }
        loop.clearScratch()
        guard let isTaken = sendRequest(to: upstream, through: &loop.scratch) else {
            return fail(.unwritable)
        }
        if let server = lease?.state, !upstream.connection.http.isReused {
            thread.noteReached(server, of: plan.group)
        }
        thread.shared.log.debug(
            "request \(context.origin.id): goes to \(context.outcome.server?.text ?? "") on a"
                + " \(upstream.connection.http.isReused ? "resting" : "new") connection")
        if !isTaken, repeating.isPossible { return repeating.broke() }
        watchServer(hasMoved: true)
        upstream.updateInterest()
        client.resume()
    }

    // MARK: Whose turn it is

    /// A request of which the server's system may hold a part that the server has not read.
    private static let largeBody = 64 * 1024

    /// After anything moved: the server has its time for what it has to do next. A stream has none.
    func watchServer(hasMoved: Bool) {
        guard !isOpenEnded, let upstream, upstream.connection.isConnected else { return }
        let isLarge = context.traffic.octetsIn > Self.largeBody
        let turn = ServerTurn.next(
            upstream.connection.http, isTaken: upstream.connection.stream.pendingCount == 0,
            isOpenEnded: isOpenEnded, isRead: wantsUpstreamInput)
        let due = patience.now(
            turn, hasMoved: hasMoved,
            taken: isLarge ? upstream.connection.stream.takenCount : nil, at: loop.now)
        upstream.connection.setDeadline(due)
    }

    func upstreamTimedOut() {
        guard let upstream else { return }
        switch patience.judge(taken: upstream.connection.stream.takenCount, at: loop.now) {
        case .inTime(let next): upstream.connection.setDeadline(next)
        case .outOfTime(.take): repeating.isLate(.takesNothing)
        case .outOfTime(.answer): repeating.isLate(.silent)
        case .outOfTime(.goOn): fail(.paused)
        }
    }

    // MARK: The end

    /// The response is whole: the connection rests if it may.
    func releaseUpstream() {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.rest(of: plan.group, clientStays: !client.request.isLast)
    }

    /// Ends the request's side towards the upstream.
    func closeUpstream() {
        if wait.isActive { endWait(\.ended) }
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close()
    }

    /// Gives the upstream connection to a relay, which takes the server's count as well.
    func handOverUpstream() -> OriginLink? { upstream.take() }

    func handOverLease() -> ServerLease? { lease.take() }
}

extension SystemError {
    /// Whose fault it is that there is no connection.
    fileprivate var failure: UpstreamFailure {
        if isShortage { return .exhausted }
        return isQueueFull ? .busy : .unreachable
    }
}
