import Bytes
import Clock
import Configured
import Endings
import HTTP
import HTTP1
import Identities
import Identity
import Routing
import Sessions
import Settings
import SocketIO
import Testing
import WebSocket

@testable import Entry

extension Rulebook {
    /// The rules that this text of a `gateway.conf` says.
    static func reading(_ text: String, number: UInt64 = 1) throws -> Rulebook {
        let settings = try Settings.reading(text)
        return Rulebook(
            settings, number: number, try settings.tokens.map { try Authenticator($0) })
    }
}

/// What the world says to the questions of a request; nil for what it says later.
struct World {
    var memory: Refusal?
    var isEnding = false
    var rate: Duration?
    /// The same every time; the last one for good.
    var tokens: [GateOutcome<TokenGate.Pass?>] = [.passed(nil)]
    var seat = SeatNews.given(despite: nil)
    var place: Refusal?
}

/// A request on its way in, as a dialogue: what it asks, what it is told, and what becomes of it,
/// word for word.
struct Visit {
    private let passage: Passage
    var world: World
    private(set) var now = Instant.zero
    private var said: [String] = []

    /// - Parameters:
    ///   - rules: of a route at `/`, or a whole configuration.
    ///   - head: the request line and fields, without their ends.
    init(
        _ rules: String, _ head: String = "GET /", from address: [UInt8] = [192, 0, 2, 7],
        isSecure: Bool = false, redirect: ListenerSettings.RedirectPort? = nil,
        world: World = World()
    ) throws {
        self.world = world
        passage = Passage(
            RequestEntry(
                try Self.request(head, from: address, isSecure: isSecure, redirect: redirect),
                by: try Self.rules(rules)))
    }

    var deadline: Instant? { passage.entry.deadline }
    var failsByLeaving: Bool { passage.entry.failsByLeaving }
    var seat: SeatWish? { passage.entry.seat }
    var found: Findings { passage.entry.found }
    func isAsked(_ kind: EntryQuestion.Kind) -> Bool { passage.entry.isAsked(kind) }
    func refusal(_ rejection: Rejection, _ wish: SeatWish) -> Refusal {
        passage.entry.known.refusal(rejection, wish)
    }
    func step() throws(Refusal) -> EntryStep { try passage.entry.next(at: now) }
    func answer(_ answer: EntryAnswer) throws(Refusal) { try passage.entry.told(answer, at: now) }
    func ended(by refusal: Refusal) -> Refusal { passage.entry.ended(by: refusal) }

    static func rules(_ text: String) throws -> Rulebook {
        let isWhole = text.contains("listen ")
        return try Rulebook.reading(
            isWhole
                ? text
                : """
                listen 127.0.0.1:1
                backend app { server 127.0.0.1:2 }
                jwt app { algorithms HS256; secret env:SECRET; from bearer cookie:t query:token }
                jwt talk { algorithms HS256; secret env:SECRET; from message:token }
                sessions seats { store query:store; device query:client; limit user 1 block_new }
                route / { \(text); backend app }
                """)
    }

    static func request(
        _ head: String, from address: [UInt8] = [192, 0, 2, 7], isSecure: Bool = false,
        redirect: ListenerSettings.RedirectPort? = nil
    ) throws -> EnteringRequest {
        var lines = head.split(separator: "\n").map(String.init)
        lines[0] += " HTTP/1.1"
        if lines.contains("websocket") {
            lines.removeAll { $0 == "websocket" }
            lines += [
                "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ]
        }
        if !lines.contains(where: { $0.hasPrefix("Host:") }) { lines.append("Host: a.test") }
        let octets = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        var decoder = RequestHeadDecoder(limits: HeadLimits())
        var index = 0
        let head = try #require(try decoder.decode(octets.span, at: &index))
        return EnteringRequest(
            head, id: "id", address: address, addressText: "192.0.2.7", authority: head.authority,
            isSecure: isSecure, isWebSocket: head.upgradesToWebSocket,
            connection: ConnectionAddress(worker: 1, connection: 2), redirectToHTTPS: redirect)
    }

    /// Goes on until something is told later, or it is over.
    @discardableResult
    mutating func go() -> [String] {
        do throws(Refusal) {
            while true {
                let step = try passage.entry.next(at: now)
                note()
                guard case .ask(let question) = step else { return end(step) }
                said.append(question.word)
                guard let answer = answer(question) else { break }
                try passage.entry.told(answer, at: now)
                note()
                if case .seat(.open) = answer { break }
            }
        } catch {
            refused(error)
        }
        return take()
    }

    mutating func told(_ answer: EntryAnswer) -> [String] {
        do throws(Refusal) {
            try passage.entry.told(answer, at: now)
            note()
            return go()
        } catch {
            refused(error)
            return take()
        }
    }

    mutating func at(_ seconds: Int64) -> [String] {
        now = .zero + .seconds(seconds)
        do throws(Refusal) {
            try passage.entry.timePassed(to: now)
        } catch {
            refused(error)
        }
        return take()
    }

    mutating func drained() -> [String] {
        do throws(Refusal) {
            if let step = try passage.entry.drained() { said.append(step.word) }
        } catch {
            refused(error)
        }
        return take()
    }

    mutating func reload(_ rules: String, _ head: String = "GET /") throws {
        passage.entry.follow(try Self.request(head), by: try Self.rules(rules))
    }

    mutating func turnsOutToStay() -> [String] {
        passage.entry.turnedOutToStay()
        return go()
    }

    /// What is asked of the world at once has its answer at once.
    private mutating func answer(_ question: EntryQuestion) -> EntryAnswer? {
        switch question {
        case .memory: return .memory(world.memory)
        case .time: return .time(isEnding: world.isEnding)
        case .rate: return .rate(world.rate)
        case .token:
            let outcome = world.tokens[0]
            if world.tokens.count > 1 { world.tokens.removeFirst() }
            return .token(outcome)
        case .names:
            return .names(session: SessionID(high: 1, low: 1), device: SessionID(high: 2, low: 2))
        case .place: return .place(world.place)
        case .seat: return .seat(world.seat)
        case .keys, .message, .body, .refresh: return nil
        }
    }

    private mutating func end(_ step: EntryStep) -> [String] {
        said.append(step.word)
        return take()
    }

    private mutating func refused(_ refusal: Refusal) {
        note()
        said.append(
            "\(refusal.status) \(refusal.word)" + (refusal.isFailedAttempt ? " counted" : ""))
    }

    private mutating func note() {
        for note in passage.entry.takeNotes() {
            switch note {
            case .wouldRefuse(let rule, let refusal, let words):
                let end = refusal.map { "\($0.status) \($0.word)" } ?? "-"
                said.append("(\(rule.rawValue): \(words ?? end))")
            case .denied: said.append("(denied)")
            case .rateLimited: said.append("(rate)")
            }
        }
    }

    private mutating func take() -> [String] {
        defer { said = [] }
        return said
    }
}

extension EntryQuestion {
    var word: String {
        switch self {
        case .memory: "memory?"
        case .time: "time?"
        case .rate(let draws): draws.count == 1 ? "rate?" : "rate \(draws.count)?"
        case .token: "token?"
        case .keys(let wait): "keys until \(wait.deadline.nanoseconds / 1_000_000_000)?"
        case .message: "message?"
        case .names: "names?"
        case .seat(let arrival):
            "seat of \(arrival.device.key.clientID?.text ?? "looks") in \(arrival.store.store)?"
        case .place(let transport): "place \(transport)?"
        case .body: "body?"
        case .refresh(let order): "refresh \(order.session)?"
        }
    }
}

extension EntryStep {
    var word: String {
        switch self {
        case .ask(let question): question.word
        case .wait: "wait"
        case .respond(let status, let body): "\(status) \(body)"
        case .ready: "ready?"
        case .redirect(let status, let location): "\(status) \(location)"
        case .options(let fields): "options " + fields.map(\.name).joined(separator: " ")
        case .json(let octets): String(decoding: octets, as: UTF8.self)
        case .ticket(let identity): "ticket for \(identity.user ?? "nobody")"
        case .refuseEngine(let error): error.word
        case .forward(let order): "to \(order.target.text)"
        case .seated: "seated"
        case .end(.ordered(let ending)): "end \(ending.cause.rawValue)"
        case .end(.draining): "end draining"
        }
    }
}

/// Where the entry of a visit is: it cannot be copied, and a visit can.
private final class Passage {
    var entry: RequestEntry

    init(_ entry: consuming RequestEntry) { self.entry = entry }
}
