internal import Bookkeeping
internal import Clock
internal import Generations
internal import HTTP1
internal import Loop
internal import Origins
internal import Settings
internal import Transport
internal import Upstreams

/// A connection to an upstream server, and for whom it works: one exchange after the other, or one
/// WebSocket until its end. Lives on the thread of the client it works for; how it rests between
/// two exchanges says `OriginPool`.
final class OriginLink: ThreadMember {
    private enum User {
        case exchange(Exchange)
        case webSocket(RelayDriver)
        case nobody
    }

    let connection: OriginConnection
    let thread: ThreadState
    private var user: User
    /// What became of the request at hand has been said (`noteOutcome`).
    private var isJudged = false

    fileprivate init(_ connection: OriginConnection, for exchange: Exchange) {
        self.connection = connection
        thread = exchange.thread
        user = .exchange(exchange)
    }

    /// The exchange that is finished although its client has left.
    var unattended: Exchange? {
        guard case .exchange(let exchange) = user, exchange.isUnattended else { return nil }
        return exchange
    }

    // MARK: Users

    /// Taken from the pool for another exchange.
    func begin(_ exchange: Exchange) {
        isJudged = false
        connection.begin()
        user = .exchange(exchange)
    }

    func begin(_ relay: RelayDriver) {
        connection.begin()
        user = .webSocket(relay)
    }

    /// The response is whole: the connection rests if it may, and is closed if not.
    ///
    /// - Parameter clientStays: the client that it worked for may ask for more.
    func rest(of group: BackendGroup, clientStays: Bool) {
        noteOutcome(of: group)
        let candidate = OriginPool.Candidate(
            connection.token, to: connection.server, owner: connection.owner,
            rest: connection.http.rest, clientStays: clientStays, isWanted: !thread.isDraining,
            isSent: connection.stream.pendingCount == 0, made: connection.made)
        let turn = connection.isReadOut ? thread.loop.turn : nil
        switch thread.pool.put(candidate, of: group, at: thread.loop.now, turn: turn) {
        case .rests(let end):
            user = .nobody
            connection.rest(until: end)
            updateInterest()
        case .ends: close()
        case .endsInDistrust:
            saidTooMuch()
            close()
        }
    }

    override func close() {
        if connection.isIdle {
            thread.pool.remove(connection.token, to: connection.server, owner: connection.owner)
        }
        guard connection.close() else { return }
        user = .nobody
        thread.members.remove(connection.token)
    }

    // MARK: What happens to it

    override func becameReady(_ readiness: Readiness) {
        var progress = OriginProgress(readiness)
        while let event = connection.next(&progress) { take(event) }
        updateInterest()
    }

    private func take(_ event: OriginEvent) {
        switch event {
        case .connected: if case .exchange(let exchange) = user { exchange.upstreamConnected() }
        case .notConnected(let error):
            let user = user
            close()
            if case .exchange(let exchange) = user { exchange.notConnected(error) }
        case .notSecured(let failure): notSecured(failure)
        case .octets: heard()
        case .drained: drained()
        case .refusesOctets: refusesOctets()
        case .ended(let end): ended(end)
        case .broken: broke()
        }
    }

    private func notSecured(_ failure: OriginSecurityFailure) {
        let user = user
        close()
        if case .exchange(let exchange) = user { exchange.notSecured(failure) }
    }

    private func heard() {
        let buffer = thread.loop.buffer
        switch user {
        case .exchange(let exchange): exchange.upstreamSent(buffer.octets)
        case .webSocket(let relay): relay.upstreamSent(buffer.octets)
        // Whatever it is, it answers no request of ours.
        case .nobody:
            hearUnasked(buffer.octets)
            close()
        }
    }

    private func ended(_ end: HTTP1.ClientConnection.InputEnd) {
        switch user {
        case .exchange(let exchange): exchange.upstreamEnded(end)
        case .webSocket(let relay): relay.upstreamLost()
        case .nobody: close()
        }
    }

    private func broke() {
        let user = user
        let end = connection.http.connectionBroke()
        close()
        switch user {
        case .exchange(let exchange): exchange.upstreamEnded(end)
        case .webSocket(let relay): relay.upstreamLost()
        case .nobody: break
        }
    }

    private func refusesOctets() {
        switch user {
        case .exchange(let exchange):
            connection.http.sendFailed()
            exchange.upstreamRefusesBody()
        // What the server said before that is still to be read; its end comes behind it.
        case .webSocket: break
        case .nobody: close()
        }
    }

    private func drained() {
        switch user {
        case .exchange(let exchange): exchange.upstreamDrained()
        case .webSocket(let relay): relay.upstreamDrained()
        case .nobody: break
        }
    }

    override func timerFired() {
        guard connection.isDue() else { return }
        guard case .exchange(let exchange) = user else {
            if connection.isIdle { close() }
            return
        }
        if connection.isSecuring { return notSecured(.timedOut) }
        guard connection.isConnecting else { return exchange.upstreamTimedOut() }
        close()
        exchange.notConnected(.timedOut)
    }

    /// The server answers: also on a connection that was kept it is reached. Of a new one that was
    /// noted when it was made.
    func noteAnswered(_ server: ServerState?, of group: BackendGroup, status: Int) {
        if connection.http.isReused, let server { thread.noteReached(server, of: group) }
        if BackendGroup.isFailure(status: status) { noteOutcome("status \(status)", of: group) }
    }

    /// The answer has begun well, and may never end.
    func lasts(of group: BackendGroup) {
        connection.clearDeadline()
        noteOutcome(of: group)
    }

    /// What the server has made of the request, for those who choose servers (`eject`). Of a
    /// request the first word counts.
    ///
    /// - Parameter failure: why it counts as failed; nil for a good answer.
    func noteOutcome(_ failure: String? = nil, of group: BackendGroup) {
        if isJudged { return }
        isJudged = true
        let server = connection.server
        guard
            let notice = group.reportAnswer(
                server, failed: failure != nil, now: thread.loop.now)
        else { return }
        let name = "backend \(group.settings.name): \(server.address.text)"
        switch notice {
        case .ejected(let time, let count):
            thread.shared.log.warning(
                "\(name) is left out for \(time.wholeMilliseconds / 1000) s: \(count) answers in a"
                    + " row failed, the last one: \(failure ?? "")")
        case .readmitted: thread.shared.log.warning("\(name) is let in again: it answers")
        }
    }

    // MARK: Flow

    func updateInterest() {
        let wantsInput =
            switch user {
            case .exchange(let exchange): exchange.wantsUpstreamInput
            case .webSocket(let relay): relay.wantsUpstreamInput
            case .nobody: true
            }
        connection.updateInterest(wantsInput: wantsInput)
    }
}

extension ThreadState {
    /// The connection of this name, if it is still there.
    func origin(_ token: UInt64) -> OriginLink? { connection(token) as? OriginLink }

    /// A connection that is being made: the poller and the timers find it from then on.
    func open(
        _ stream: Stream, to server: ServerState, isConnected: Bool, _ security: OriginSecurity?,
        for exchange: Exchange
    ) throws(SystemError) -> OriginLink {
        var made: OriginLink?
        let token = members.insert { token in
            let connection = OriginConnection(
                token: token, stream: stream, server: server, isConnected: isConnected,
                security: security, on: loop)
            let link = OriginLink(connection, for: exchange)
            made = link
            return .connection(link)
        }
        guard let link = made else { preconditionFailure("the slab calls its closure") }
        do throws(SystemError) {
            try link.connection.watch()
        } catch {
            members.remove(token)
            throw error
        }
        return link
    }
}
