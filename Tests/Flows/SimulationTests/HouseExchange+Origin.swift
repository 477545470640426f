import Clock
import Endings
import Entry
import HTTP
import HTTP1
import Identity
import Relays
import Routing
import Settings
import Upstreams

/// To a server and back from it.
extension HouseExchange {
    // MARK: Connecting

    func chooseServer() {
        let mayUseResting = attempt.mayUseResting(of: plan.group)
        if waitsBehindOthers { return awaitServer() }
        switch plan.group.choose(for: plan.wish, now: now, tried: attempt.tried) {
        case .server(let chosen): lease = consume chosen
        case .full: return fail(.queueFull)
        case .overloaded: return fail(.tooManyPending)
        case .none: return awaitServer()
        }
        guard let server = lease?.state else { return awaitServer() }
        let outline = outline
        let mayRepeat = outline.method.mayBeRepeated(with: outline.framing, keepsBody: keepsBody)
        if mayUseResting,
            let resting = house.takeResting(for: server, mayRepeat: mayRepeat)
        {
            upstream = resting
            resting.begin(self)
            return upstreamConnected()
        }
        connect(to: server)
    }

    private func connect(to server: ServerState) {
        let house = house
        let wire = Wire("to stream \(entrant.stream)") { house.complain($0) }
        let connection = HouseOrigin(house, wire, to: server, for: self)
        upstream = connection
        house.origins.append(connection)
        connection.setDue(now + plan.group.settings.connectTimeout)
    }

    func connectAgain() {
        guard !hasEnded, upstream == nil, let server = lease?.state else { return }
        connect(to: server)
    }

    func notConnected(_ failure: UpstreamFailure) {
        upstream = nil
        guard let server = lease?.state else { return fail(.unreachable) }
        let step = attempt.failed(failure, at: server, of: plan.group, now: now)
        switch step {
        case .choose, .wait: plan.group.reportFailure(server, now: now)
        case .fail, .askAgain, .resend, .elsewhere: break
        }
        carryOut(step)
    }

    private func carryOut(_ step: Attempt.Step) {
        switch step {
        case .choose:
            lease = nil
            chooseServer()
        case .wait:
            lease = nil
            awaitServer()
        // Nothing wakes who goes on without a client.
        case .askAgain where isUnattended: fail(.busy)
        case .askAgain(let instant): client.timers[.connect] = instant
        case .resend, .elsewhere:
            closeUpstream()
            chooseServer()
        case .fail(let failure): fail(failure)
        }
    }

    func upstreamConnected() {
        guard let upstream else { return }
        if wait.isActive { endWait() }
        guard let isTaken = sendRequest(to: upstream) else {
            return fail(Refusal(.internalError, message: "It cannot be written"))
        }
        if let server = lease?.state, !upstream.http.isReused {
            house.noteReached(server, of: plan.group)
        }
        if !isTaken, attempt.mayResend(retryObstacle()) { return upstreamBroke() }
        watchServer(hasMoved: true)
        client.resume()
    }

    private func sendRequest(to upstream: HouseOrigin) -> Bool? {
        var output: [UInt8] = []
        do throws(SendError) {
            try upstream.http.beginHead(outline, target: plan.target.text, to: &output)
            HeadEncoder.appendField(name: "Host", value: "a.test", to: &output)
            try upstream.http.endHead(to: &output)
        } catch {
            house.complain("stream \(entrant.stream) cannot be sent: \(error)")
            return nil
        }
        upstream.finishSending(output, isTaken: true)
        if let kept = buffer {
            if upstream.http.wantsBody {
                var body: [UInt8] = []
                var isTaken = upstream.put(kept.octets, to: &body)
                if kept.isWhole { isTaken = upstream.putEnd(to: &body) && isTaken }
                upstream.finishSending(body, isTaken: isTaken)
            }
            if !attempt.mayRepeat(retryObstacle(), of: plan.group) { buffer = nil }
        }
        return !upstream.http.isRefused
    }

    // MARK: Whose turn it is

    private func turn(of upstream: HouseOrigin) -> ServerTurn? {
        ServerTurn.next(
            upstream.http, isTaken: upstream.wire.pending.isEmpty, isOpenEnded: isOpenEnded,
            isRead: wantsUpstreamInput)
    }

    func watchServer(hasMoved: Bool) {
        guard !isOpenEnded, let upstream, upstream.isConnected else { return }
        upstream.setDue(
            patience.now(turn(of: upstream), hasMoved: hasMoved, taken: nil, at: now))
    }

    func upstreamTimedOut() {
        guard let upstream else { return }
        switch patience.judge(taken: upstream.wire.takenCount, at: now) {
        case .inTime(let next): upstream.setDue(next)
        case .outOfTime(.take): tryAgain(.takesNothing)
        case .outOfTime(.answer): tryAgain(.silent)
        case .outOfTime(.goOn): fail(.paused)
        }
    }

    // MARK: Once more

    private var keepsBody: Bool { buffer?.isWhole ?? false }

    private func retryObstacle(isHeard: Bool = true) -> UpstreamUse.RetryObstacle? {
        upstream?.http.retryObstacle(keepsBody: keepsBody, isHeard: isHeard)
    }

    private func upstreamBroke() { tryAgain(.closedEarly) }

    private func tryAgain(_ failure: UpstreamFailure) {
        guard upstream != nil, let server = lease?.state else { return fail(failure) }
        carryOut(
            attempt.failed(
                failure, at: server, of: plan.group, obstacle: retryObstacle(), now: now))
    }

    /// The answer is thrown away, and another server asked.
    private func discards(status: Int) -> Bool {
        guard let server = lease?.state,
            attempt.discards(
                status: status, of: server, of: plan.group,
                obstacle: retryObstacle(isHeard: false), now: now)
        else { return false }
        carryOut(.elsewhere)
        return true
    }

    // MARK: Servers that are away

    private var waitsBehindOthers: Bool {
        guard wait.state != .trying, case .hold = plan.route.settings.whileAway else {
            return false
        }
        return house.isAway(plan.group)
    }

    private func awaitServer() {
        if let failure = attempt.sentInVain { return fail(failure) }
        house.noteAway(plan.group, for: client.number)
        guard case .hold(let patience) = plan.route.settings.whileAway, !house.isDraining,
            !client.hasInputEnded, !isUnattended, wait.begin(at: now, patience: patience)
        else { return fail(.unreachable) }
        house.awaitServer(of: plan.group, for: client.number)
        client.timers[.phase] = wait.deadline
        watchToken()
    }

    func tryServer(of group: BackendGroup) {
        guard wait.tryNow() else { return }
        if let refusal = house.revocation(of: entrant) { return fail(refusal) }
        plan.group = group
        attempt.beginAnew()
        chooseServer()
    }

    func endWait() {
        guard wait.end() else { return }
        house.stopAwaitingServer(of: plan.group, for: client.number)
        client.timers.clear(.phase)
        client.timers.clear(.flow)
    }

    func waitTimedOut() {
        guard wait.isActive, now >= wait.deadline else { return }
        if wait.state == .waiting, house.isOpening(plan.group) {
            return tryServer(of: plan.group)
        }
        fail(.unreachable)
    }

    /// Nobody waits for a server for longer than his token is good.
    func watchToken() {
        var due = entrant.live?.nextDue(house)
        if entrant.live == nil, let expires = entrant.found.identity?.expires {
            due = now + max(.zero, expires.duration(since: house.wall))
        }
        client.timers[.flow] = due ?? .never
    }

    func checkToken() {
        if let live = entrant.live {
            if client.expire(live) { watchToken() }
            return
        }
        fail(Refusal(.unauthenticated, detail: "token_expired", message: "Token expired"))
    }

    // MARK: The response

    func upstreamSent(_ octets: [UInt8]) {
        guard let upstream else { return }
        lease?.answerBegan()
        var index = 0
        do throws(ResponseError) {
            while !hasEnded, self.upstream === upstream,
                let event = try upstream.http.receive(
                    octets.span, at: &index, unsentCount: upstream.wire.pending.count)
            {
                take(event, octets, behind: index)
            }
        } catch {
            return fail(.badResponse)
        }
        if response != .awaiting { buffer = nil }
        if hasEnded { return }
        if isEventStream, house.isDraining { drain() }
        if !hasEnded, response != .awaiting {
            watchServer(hasMoved: true)
            if isEventStream { noteQueue() }
        }
    }

    private func take(_ event: ResponseEvent, _ octets: [UInt8], behind index: Int) {
        switch event {
        case .data(let range): forward(octets[range])
        case .end(let trailers):
            completed(trailers: trailers)
        case .head(let head, let framing):
            if let upstream, upstream.http.isReused, let server = lease?.state {
                house.noteReached(server, of: plan.group)
            }
            if discards(status: head.status) { return }
            if entrant.opened != nil { return fail(.socketRefused(status: head.status)) }
            begin(head, framing)
        case .informational(let head):
            if entrant.opened != nil { return }
            respond(head, length: nil)
            watchServer(hasMoved: true)
        case .tunnel(let head):
            switchProtocols(head, rest: Array(octets[index...]))
        }
    }

    func upstreamEnded(_ end: HTTP1.ClientConnection.InputEnd) {
        switch end {
        case .unanswered, .early: upstreamBroke()
        case .complete: completed()
        case .truncated: fail(.cut)
        case .idle, .tunnel: break
        }
    }
}

extension HouseOrigin {
    /// Puts octets of a request's body behind what waits in `output`; false when nobody wants them.
    func put(_ data: [UInt8], to output: inout [UInt8]) -> Bool {
        do throws(SendError) {
            try http.send(data.span, to: &output)
            return true
        } catch {
            return false
        }
    }

    func putEnd(to output: inout [UInt8]) -> Bool {
        do throws(SendError) {
            try http.end(to: &output)
            return true
        } catch {
            return false
        }
    }

    @discardableResult
    func finishSending(_ output: [UInt8], isTaken: Bool) -> Bool {
        let isAllTaken = wire.send(output) && isTaken
        http.wasSent(isTaken: isAllTaken)
        return isAllTaken
    }
}
