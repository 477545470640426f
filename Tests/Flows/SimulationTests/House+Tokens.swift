import Clock
import Endings
import Entry
import HTTP
import HTTP1
import JWT
import Sessions
import Settings
import Upstreams

@testable import Identity

/// Who is let in, and for how long: keys, tokens, revocations and refreshes.
extension House {
    /// The token that a request brings, wherever it is.
    func token(of head: RequestHead, _ message: [UInt8]?) -> String? {
        if let message {
            let text = String(decoding: message, as: UTF8.self)
            let parts = text.split(separator: "\"").map(String.init)
            guard let place = parts.firstIndex(of: "token"), place + 2 < parts.count else {
                return nil
            }
            return parts[place + 2]
        }
        guard let text = head.fields.text(of: .authorization) else { return nil }
        return String(text.dropFirst("Bearer ".count))
    }

    /// Whom a token lets in now, by the keys that are there.
    func askGate(
        _ text: String?, _ rule: String, optional: Bool = false
    ) -> GateOutcome<TokenGate.Pass?> {
        guard let text else {
            return optional ? .passed(nil) : .refused(Self.refusal("token_missing"))
        }
        guard let credential = Credential(text),
            let identity = credential.identity(Self.wallBegin, rule: rule)
        else { return .refused(Self.refusal("token_malformed")) }
        guard keys.contains(credential.key) else {
            let refusal = Self.refusal("token_unknown_key")
            guard credential.key < 4 else { return .refused(refusal) }
            let reading = keyReading ?? now + .seconds(2)
            keyReading = reading
            return .awaitKeys(
                KeyWait(refusal: refusal, start: reading, deadline: now + .seconds(4)))
        }
        if let expires = identity.expires, wall >= expires {
            return .refused(Self.refusal("token_expired"))
        }
        if revocations.current.isRevoked(identity, now: wall) {
            return .refused(Self.refusal("token_revoked"))
        }
        return .passed(TokenGate.Pass(identity: identity, place: .bearer))
    }

    private static func refusal(_ detail: String) -> Refusal {
        Refusal(.unauthenticated, detail: detail, message: "Not let in")
    }

    /// The source has other keys from now on; it is known when they are read.
    func readKeys() {
        keyReading = nil
        if let next = truth.nextKeys { keys = next }
        wakeKeyWaiters()
    }

    func wakeKeyWaiters() {
        let waiters = keyWaiters
        keyWaiters = []
        for number in waiters {
            guard let client = client(number) else { continue }
            if let request = client.request {
                request.keysRead()
            } else if let live = client.liveEntrant?.live, let (order, _) = live.pending {
                live.pending = nil
                client.refresh(order)
            }
        }
    }

    // MARK: What lives

    /// The connection is found by operators from here on, and with a token by revocations.
    func becomeLive(
        _ entrant: Entrant, as transport: LiveTransport, _ client: HouseClient
    ) throws(Refusal) {
        guard entrant.place == nil, entrant.found.route != nil else { return }
        let book = entrant.generation.rules.book
        let facts = LiveConnection.Facts(
            transport: transport, isSeated: entrant.session != nil,
            route: entrant.found.route.map { book.routes[$0].name } ?? "",
            generation: UInt64(entrant.generation.number), address: "192.0.2.7", since: now)
        let identity = entrant.found.identity
        let lease = live.register(
            LiveConnection(
                id: entrant.session?.id ?? newID(),
                connection: ConnectionAddress(worker: 0, connection: client.number),
                facts: facts, token: identity.map { LiveConnection.Token($0) }))
        entrant.place = lease
        guard let identity, transport.endsWithToken else { return }
        let request = LiveRequest(
            entrant.head, authority: entrant.head.authority, isWebSocket: entrant.isWebSocket,
            without: book.routes[entrant.found.route ?? 0].stripping)
        entrant.live = LiveHold(
            request, entrant.generation, expiry(of: identity, entrant))
        if let refusal = review(entrant) ?? revocation(of: entrant) {
            entrant.live = nil
            lease.end()
            throw refusal
        }
    }

    func revocation(of entrant: Entrant) -> Refusal? {
        guard let identity = entrant.found.identity,
            revocations.current.isRevoked(identity, now: wall)
        else { return nil }
        return Self.refusal("token_revoked")
    }

    func expiry(of identity: VerifiedIdentity, _ entrant: Entrant) -> ExpirySchedule {
        ExpirySchedule(
            expires: identity.expires, onExpiry: .close,
            notice: entrant.found.speaksControl ? .seconds(3) : nil, now: wall)
    }

    /// Asks the newest rules whether a live connection may stay, unless they were asked before.
    func review(_ entrant: Entrant) -> Refusal? {
        guard let live = entrant.live, let identity = entrant.found.identity, !live.hasEnded,
            live.generation !== generation
        else { return nil }
        let standing = generation.rules.book.standing(of: live.request, identity)
        live.generation = generation
        guard let refusal = standing.refusal else {
            live.leaving = nil
            entrant.found.identity = standing.identity
            return nil
        }
        let moment = generation.limits.reloadEnds.map { now + $0 }
        live.leaving = moment.map { min($0, live.leaving ?? $0) }
        return refusal
    }

    func revoke(_ revocation: Revocation) {
        guard revocations.add(revocation, now: wall) else { return }
        truth.note(revocation)
        let meant = live.all { connection in
            connection.livesOn.map {
                revocation.means(
                    rule: $0.rule, user: $0.user, tokenID: $0.id, issued: $0.issued)
            } ?? false
        }
        let ids = Set(meant.map(\.id))
        for client in clients {
            guard let place = client.liveEntrant?.place, ids.contains(place.id) else { continue }
            client.disconnect(place.id, .tokenRevoked)
        }
    }
}

extension LiveConnection.Token {
    init(_ identity: VerifiedIdentity) {
        self.init(
            rule: identity.rule, user: identity.user, role: identity.role,
            id: identity.tokenID, issued: identity.issued)
    }
}

extension HouseClient {
    /// The live connection of this name ends, because its token is believed no more.
    func disconnect(_ session: SessionID, _ cause: DisconnectCause) {
        guard let entrant = liveEntrant, let live = entrant.live, entrant.place?.id == session,
            !live.hasEnded
        else { return }
        if cause == .tokenRevoked, let identity = entrant.found.identity,
            !house.revocations.current.isRevoked(identity, now: house.wall)
        {
            return
        }
        disconnect(StreamEnding(cause.reason, detail: cause.rawValue))
    }

    func disconnect(_ ending: StreamEnding) {
        exchange?.disconnect(ending)
        relay?.disconnect(ending)
    }

    func review() {
        follow()
        if case .head = phase, http.isIdle {
            timers[.phase] = min(
                timers[.phase], house.now + generation.limits.keepAliveTimeout)
        }
        guard let entrant = liveEntrant, entrant.live != nil else { return }
        if house.review(entrant) == nil, let place = entrant.place {
            disconnect(place.id, .tokenRevoked)
        }
        exchange?.rescheduleExpiry()
        relay?.rescheduleExpiry()
    }

    /// What time brings to a live connection. False when it has ended.
    func expire(_ live: LiveHold) -> Bool {
        while true {
            if let pending = live.pending, pending.wait.deadline <= house.now {
                live.pending = nil
                house.keyWaiters.removeAll { $0 == number }
                answer(pending.order, .refused(pending.wait.refusal))
                continue
            }
            if let leaving = live.leaving, leaving <= house.now {
                live.leaving = nil
                disconnect(StreamEnding(.forbidden))
                return false
            }
            switch live.expiry.takeDue(at: house.wall) {
            case .notify(let seconds): say(.tokenExpiring(expiresInSeconds: seconds))
            case .end:
                disconnect(StreamEnding(.unauthenticated, detail: "token_expired"))
                return false
            case nil: return true
            }
        }
    }

    func say(_ reply: ControlReply) {
        exchange?.say(reply)
        relay?.say(reply)
    }

    // MARK: Refreshes

    private func answer(_ order: TokenRenewal, _ outcome: RefreshOutcome) {
        if let asker = order.asker { house.replies.append((asker, order.session, outcome)) }
    }

    /// A new token came for the connection.
    func refresh(_ order: TokenRenewal) {
        guard let entrant = liveEntrant, let live = entrant.live,
            entrant.place?.id == order.session, !live.hasEnded,
            let current = entrant.found.identity
        else { return answer(order, .unknownSession) }
        _ = house.review(entrant)
        switch house.askGate(order.token, current.rule) {
        case .refused(let refusal): answer(order, .refused(refusal))
        case .awaitKeys(let wait):
            guard let shorter = wait.within(order.deadline), house.now < shorter.deadline else {
                return answer(order, .refused(wait.refusal))
            }
            if let pending = live.pending { answer(pending.order, .superseded) }
            house.keyWaiters.append(number)
            var waiting = order
            waiting.deadline = shorter.deadline
            live.pending = (waiting, shorter)
        case .passed(let pass):
            guard let identity = pass?.identity else { return answer(order, .unknownSession) }
            if let refusal = RefreshDecision(current: current, new: identity).refusal {
                answer(order, .refused(refusal))
                if order.asker == nil { disconnect(StreamEnding(.forbidden)) }
                return
            }
            judge(identity, order, live, entrant)
        }
        exchange?.rescheduleExpiry()
        relay?.rescheduleExpiry()
    }

    private func judge(
        _ identity: VerifiedIdentity, _ order: TokenRenewal, _ live: LiveHold,
        _ entrant: Entrant
    ) {
        let standing = house.generation.rules.book.standing(of: live.request, identity)
        if let refusal = standing.refusal {
            answer(order, .refused(refusal))
            return disconnect(StreamEnding(.forbidden))
        }
        live.generation = house.generation
        live.leaving = nil
        entrant.found.identity = identity
        entrant.place?.renew(LiveConnection.Token(identity))
        live.expiry = house.expiry(of: identity, entrant)
        house.truth.renewed(entrant.stream, order.token)
        let reply = ControlReply(refreshed: identity, now: house.wall)
        answer(order, .refreshed(reply))
        if order.asker == nil { say(reply) }
    }
}
