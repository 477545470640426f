import Clock
import Endings
import Entry
import HTTP
import HTTP1
import Identity
import Relays
import Routing
import Sessions
import Settings
import WebSocket

extension RequestHead {
    /// The number of its stream, which every client of the simulation says: `n=7` in the query.
    var streamNumber: Int? {
        let query = targetText.split(separator: "?").dropFirst().first ?? ""
        let part = query.split(separator: "&").first { $0.hasPrefix("n=") }
        return part.flatMap { Int($0.dropFirst(2)) }
    }
}

/// An answer of the gateway's own.
struct HouseAnswer {
    enum Form {
        case response(status: Int, type: String, body: [UInt8])
        case socket(ClosingSocket.Reader, opens: Bool, code: UInt16, word: String)
    }

    let form: Form
    var isLast = false

    static func status(_ status: Int) -> HouseAnswer {
        HouseAnswer(
            form: .response(
                status: status, type: "application/problem+json",
                body: Array("{\"status\":\(status)}".utf8)))
    }

    static func events(_ ending: StreamEnding, event: String? = nil) -> HouseAnswer {
        var body: [UInt8] = []
        ending.append(event: event ?? "force_disconnect", to: &body)
        return HouseAnswer(
            form: .response(status: 200, type: "text/event-stream", body: body), isLast: true)
    }

    static func socket(_ entrant: Entrant, _ reason: EndReason, _ word: String) -> HouseAnswer {
        let reader = entrant.opened.map { ClosingSocket.Reader.messages($0.reader) }
        return HouseAnswer(
            form: .socket(
                reader ?? .frames(FrameRelay(from: .client)), opens: entrant.opened == nil,
                code: reason.closeCode, word: word))
    }
}

/// A request on its way in: as `HeldRequest` does what its entry says.
final class HouseRequest {
    let framing: BodyFraming
    unowned let client: HouseClient
    private let head: RequestHead
    private(set) var entrant: Entrant
    var entry: RequestEntry
    private var body: [UInt8] = []
    private var question: SeatQuestion?
    /// The refresh that is waited for.
    private(set) var renewal: SessionID?

    private var house: House { client.house }
    private var now: Instant { client.house.now }

    init(_ framing: BodyFraming, _ entrant: Entrant, _ client: HouseClient) {
        self.framing = framing
        self.client = client
        self.entrant = entrant
        head = entrant.head
        entry = RequestEntry(
            Self.entering(entrant, client), by: entrant.generation.rules.book)
    }

    private static func entering(_ entrant: Entrant, _ client: HouseClient) -> EnteringRequest {
        EnteringRequest(
            entrant.head, id: "\(entrant.stream)", address: [192, 0, 2, 7],
            addressText: "192.0.2.7", authority: entrant.head.authority, isSecure: false,
            isWebSocket: entrant.isWebSocket,
            connection: ConnectionAddress(worker: 0, connection: client.number))
    }

    /// How long what it waits for may take at most.
    var longestWait: Duration {
        if entry.isAsked(.keys) { return .seconds(5) }
        if entry.isAsked(.message) { return .seconds(4) }
        if entry.isAsked(.body) { return .seconds(10) }
        if entry.isAsked(.seat) { return .seconds(45) }
        return .seconds(100)
    }

    // MARK: Questions and answers

    func goOn() {
        do throws(Refusal) {
            while try carryOut(try entry.next(at: now)) {}
        } catch {
            refuse(error)
        }
    }

    func told(_ answer: EntryAnswer) {
        do throws(Refusal) {
            try entry.told(answer, at: now)
        } catch {
            return refuse(error)
        }
        goOn()
    }

    /// False when it does not go on at once.
    private func carryOut(_ step: EntryStep) throws(Refusal) -> Bool {
        if case .ask(let question) = step {
            guard let answer = try answer(question) else { return false }
            try entry.told(answer, at: now)
            return true
        }
        entrant.found = entry.found
        switch step {
        case .wait: hold()
        case .ask, .seated: break
        case .json(let octets):
            house.record(entrant, .normal)
            client.give(
                HouseAnswer(
                    form: .response(status: 200, type: "application/json", body: octets)))
        case .end(.draining): end(StreamEnding(.draining))
        case .end(.ordered(let ending)):
            end(StreamEnding(ending.cause.reason, detail: ending.cause.rawValue))
        case .forward(let order): try forward(order)
        case .respond, .ready, .redirect, .options, .refuseEngine, .ticket:
            house.complain("an answer that no route gives")
        }
        return false
    }

    /// Nil where it is to be waited for.
    private func answer(_ question: EntryQuestion) throws(Refusal) -> EntryAnswer? {
        switch question {
        case .memory: return .memory(nil)
        case .time: return .time(isEnding: house.isDraining)
        case .rate: return .rate(nil)
        case .token:
            let book = entrant.generation.rules.book
            let route = servedRoute
            let rule = (route?.auth.first).map { book.settings.tokens[$0].name }
            return .token(
                house.askGate(
                    house.token(of: head, entrant.opened?.message), rule ?? "",
                    optional: route?.allowsAnonymous ?? false))
        case .names: return .names(session: house.newID(), device: house.newID())
        case .place(let transport):
            entrant.found = entry.found
            try house.becomeLive(entrant, as: transport, client)
            return .place(nil)
        case .keys:
            if house.isDraining { throw entry.ended(by: .draining) }
            house.keyWaiters.append(client.number)
        case .seat(let arrival):
            return .seat(news(of: SeatQuestion.ask(arrival, of: house.store, now: now)))
        case .message: openSocket()
        case .body:
            do throws(RequestError) {
                try client.http.wantBody(atMost: 4096)
            } catch {
                throw Refusal(.tooBig, message: "The request body is too large")
            }
            var output: [UInt8] = []
            if client.http.appendContinue(to: &output) { client.wire.send(output) }
            if !client.http.lacksBody { return .body(body) }
        case .refresh(let order):
            guard let id = SessionID(order.session), let live = house.live.find(id),
                live.livesOn != nil
            else { return .refresh(.unknownSession) }
            renewal = id
            let token = String(decoding: order.token.octets, as: UTF8.self)
            house.renewals.append(
                (
                    live.connection.connection,
                    TokenRenewal(session: id, token: token, asker: client.number)
                ))
        }
        entrant.found = entry.found
        hold()
        return nil
    }

    private var servedRoute: RouteSettings? {
        entry.found.route.map { entrant.generation.rules.book.routes[$0].settings }
    }

    private func hold() {
        if let deadline = entry.deadline { client.hold(self, until: deadline) }
    }

    private func openSocket() {
        guard let route = servedRoute else { return }
        var output: [UInt8] = []
        guard client.becomeTunnel(to: &output) else { return house.complain("no tunnel") }
        client.wire.send(output)
        entrant.opened = OpenedSocket(route)
    }

    private func forward(_ order: ForwardOrder) throws(Refusal) {
        if client.http.lacksBody {
            do throws(RequestError) {
                try client.http.wantBody(atMost: order.route.settings.bodySize ?? .max)
            } catch {
                throw Refusal(.tooBig, message: "The request body is too large")
            }
        }
        let plan = HousePlan(
            order, entrant.generation.groups[order.backend],
            latecomer: order.mayTakeSeatLate ? self : nil)
        let exchange = HouseExchange(plan, entrant, framing, client)
        client.begin(exchange)
        exchange.begin()
    }

    // MARK: What comes later

    func clientSent(_ octets: [UInt8], at index: inout Int) {
        if entry.isAsked(.message), let opened = entrant.opened {
            readMessage(octets, at: &index, opened)
        } else if entry.isAsked(.body) {
            readBody(octets, at: &index)
        }
    }

    private func readBody(_ octets: [UInt8], at index: inout Int) {
        do throws(RequestError) {
            while let event = try client.http.receive(octets.span, at: &index) {
                switch event {
                case .data(let range): body += octets[range]
                case .end: return told(.body(body))
                case .head, .octets: break
                }
            }
        } catch {
            refuse(Refusal(.protocolError, message: "The body is malformed"))
        }
    }

    private func readMessage(_ octets: [UInt8], at index: inout Int, _ opened: OpenedSocket) {
        do throws(WebSocketError) {
            while let event = try opened.reader.decode(
                octets.span, at: &index, into: &opened.payload)
            {
                switch event {
                case .message:
                    opened.message = opened.payload
                    follow()
                    return told(.message(speaksSocketIO: false))
                case .control(let frame) where frame.kind == .close:
                    var output: [UInt8] = []
                    OwnFrame.control(frame).append(maskingKey: nil, to: &output)
                    client.wire.send(output)
                    leave(.normal)
                    return client.finish()
                case .control, .messageInPlace, .fragment: break
                }
            }
        } catch {
            refuse(Refusal(.protocolError, message: "The first message is not proper"))
        }
    }

    func keysRead() {
        guard entry.isAsked(.keys) else { return }
        follow()
        told(.keys(.read))
        client.resume()
    }

    private func follow() {
        client.follow()
        guard entrant.generation !== client.generation else { return }
        let next = Entrant(head, entrant.slip, by: client.generation)
        next.opened = entrant.opened
        entrant = next
        entry.follow(
            Self.entering(next, client), by: next.generation.rules.book)
    }

    func told(_ message: SessionMessage) {
        guard entry.isAsked(.seat), let question else { return }
        switch question.told(message, now: now) {
        case .outcome(let outcome): told(.seat(news(of: outcome)))
        case .ended(let ending): told(.seat(.ended(ending)))
        case .probed: question.lease.answered(now: now)
        case .foreign: break
        }
        client.resume()
    }

    private func news(of outcome: SeatQuestion.Outcome) -> SeatNews {
        question = if case .open(let open) = outcome { open } else { nil }
        return entrant.news(of: outcome)
    }

    func replied(_ outcome: RefreshOutcome, _ session: SessionID) {
        guard renewal == session else { return }
        told(.refresh(outcome))
        client.resume()
    }

    // MARK: Ends

    func clientInputEnded() {
        if entry.isAsked(.refresh) { return }
        clientLost()
        client.finish()
    }

    func clientLost() { leave(.clientGone) }

    private func leave(_ reason: EndReason) {
        entrant.release(.normal, at: now)
        house.record(entrant, reason)
    }

    func drain() {
        do throws(Refusal) {
            guard let step = try entry.drained() else { return }
            _ = try carryOut(step)
        } catch {
            refuse(error)
        }
    }

    func drainIsOver() {
        client.http.makeLast()
        refuse(entry.ended(by: .draining))
    }

    func timerFired() {
        house.keyWaiters.removeAll { $0 == client.number }
        if entry.isAsked(.body), !client.http.giveUpRequest() { return client.finish() }
        if entry.isAsked(.seat), let question {
            return told(.seat(news(of: question.timePassed(to: now))))
        }
        do throws(Refusal) {
            try entry.timePassed(to: now)
        } catch {
            refuse(error)
        }
    }

    private func end(_ ending: StreamEnding) {
        entrant.release(.normal, at: now)
        house.record(entrant, ending.reason)
        client.give(
            entrant.isWebSocket
                ? .socket(entrant, ending.reason, ending.word) : .events(ending))
    }

    func refuse(_ refusal: Refusal) {
        let refusal = entry.ended(by: refusal)
        entrant.found = entry.found
        if refusal.endsConnection { client.http.makeLast(leavingRest: true) }
        client.refuse(refusal, entrant)
    }
}

extension Entrant {
    /// What has become of the question for a seat, which is the request's.
    func news(of outcome: SeatQuestion.Outcome) -> SeatNews {
        switch outcome {
        case .seated(let lease, let overruled):
            session = lease
            return .given(despite: overruled)
        case .open(let question):
            session = question.lease
            return .open(until: question.deadline)
        case .refused(let rejection):
            session = nil
            return .refused(rejection)
        case .failed(let failure): return .failed(failure)
        }
    }
}

extension HouseClient {
    /// Ends a request in the way its kind can understand.
    func refuse(_ refusal: Refusal, _ entrant: Entrant) {
        entrant.release(.normal, at: house.now)
        house.record(entrant, refusal.reason)
        let isByRule = [401, 403, 409, 429].contains(refusal.status)
        if entrant.opened != nil || entrant.isWebSocket && isByRule {
            return give(.socket(entrant, refusal.reason, refusal.word))
        }
        if entrant.found.kind == .events, let notice = refusal.notice {
            return give(
                .events(
                    StreamEnding(refusal.reason, message: notice.object, comingBack: .never),
                    event: notice.event))
        }
        give(.status(refusal.status))
    }
}
