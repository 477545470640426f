import Clock
import Endings
import HTTP
import Identities
import Identity
import JWT
import Routing
import Sessions
import Settings
import Testing

@testable import Entry
@testable import Identity
@testable import Sessions

/// What a request waits for, and everything that can happen meanwhile.
@Suite struct RequestEntryWaitingTests {
    private static let claims = #"{"sub":"7","role":"user"}"#
    private static let unknown = GateFailure(.token(.unknownKey)).refusal

    private static func wait(
        _ start: Int64, _ deadline: Int64, _ refusal: Refusal = unknown
    ) -> GateOutcome<TokenGate.Pass?> {
        .awaitKeys(
            KeyWait(
                refusal: refusal, start: .zero + .seconds(start),
                deadline: .zero + .seconds(deadline)))
    }

    private static func world(_ tokens: GateOutcome<TokenGate.Pass?>...) -> World {
        var world = World()
        world.tokens = tokens
        return world
    }

    private static func passed(
        _ place: TokenSettings.Place = .bearer
    ) throws -> GateOutcome<TokenGate.Pass?> { .passed(try .of(claims, at: place)) }

    // MARK: Keys

    @Test func `when keys were read the list is asked once more, without paying again`() throws {
        var visit = try Visit(
            "rate 1/s by address; auth app; roles user",
            world: Self.world(Self.wait(0, 6), Self.passed()))
        #expect(visit.go() == ["rate?", "token?", "keys until 6?"])
        #expect(visit.deadline == .zero + .seconds(6))
        #expect(visit.go() == ["wait"])
        #expect(visit.told(.keys(.read)) == ["token?", "to /"])
        #expect(visit.deadline == nil)
    }

    @Test func `nobody waits longer for keys than the first time, however often they are read`()
        throws
    {
        var visit = try Visit(
            "auth app", world: Self.world(Self.wait(0, 6), Self.wait(3, 12), Self.wait(6, 12)))
        #expect(visit.go() == ["token?", "keys until 6?"])
        #expect(visit.at(3) == [])
        #expect(visit.told(.keys(.read)) == ["token?", "keys until 6?"])
        #expect(visit.at(5) == [])
        #expect(
            visit.told(.keys(.read)) == ["token?", "401 token_unknown_key counted"],
            "what begins after that comes too late")
    }

    @Test func `an answer that comes at the deadline is late`() throws {
        var visit = try Visit("auth app", world: Self.world(Self.wait(0, 6), Self.wait(0, 6)))
        visit.go()
        #expect(visit.at(5) == [])
        #expect(visit.at(6) == ["401 token_unknown_key counted"])
        #expect(visit.told(.keys(.read)) == ["wait"], "it is over")
        var read = try Visit("auth app", world: Self.world(Self.wait(0, 6), Self.wait(0, 6)))
        read.go()
        _ = read.at(5)
        #expect(read.told(.keys(.read)) == ["token?", "keys until 6?"])
        #expect(read.at(6) == ["401 token_unknown_key counted"])
    }

    @Test func `who waits for keys meanwhile`() throws {
        func visit() throws -> Visit {
            var visit = try Visit("auth app", world: Self.world(Self.wait(0, 6), Self.passed()))
            visit.go()
            return visit
        }
        var full = try visit()
        #expect(full.told(.keys(.tooMany)) == ["503 keys"])
        var drained = try visit()
        #expect(drained.drained() == ["503 draining"])
        #expect(drained.told(.keys(.read)) == ["wait"])
        var left = try visit()
        #expect(left.failsByLeaving && !left.isAsked(.refresh))
        #expect(left.told(.seat(.given(despite: nil))) == ["wait"], "that was not asked")
        #expect(left.told(.keys(.read)) == ["token?", "to /"])
        #expect(!left.failsByLeaving)
        // Nobody is blamed for keys that were never there.
        var none = try Visit(
            "auth app", world: Self.world(Self.wait(0, 6, .keysUnavailable)))
        none.go()
        #expect(!none.failsByLeaving)
        #expect(none.at(6) == ["503 keys"])
    }

    @Test func `a rule that only reports delays nobody for keys`() throws {
        var visit = try Visit("auth app; report_only auth", world: Self.world(Self.wait(0, 6)))
        #expect(visit.go() == ["token?", "(auth: 401 token_unknown_key)", "to /"])
    }

    @Test(
        arguments: [
            ("auth app; roles admin", ["token?", "403 role counted"]),
            ("respond 200 \"x\"", ["token?", "200 x"]), ("deny all", ["(denied)", "403 address"]),
            ("rate 1/s by address; auth app", ["token?", "to /"]), ("websocket", ["426 policy"]),
        ] as [(String, [String])])
    func `after a reload the newest rules judge`(rules: String, said: [String]) throws {
        var visit = try Visit(
            "rate 1/s by address; auth app", world: Self.world(Self.wait(0, 6), Self.passed()))
        visit.go()
        let text = rules.hasPrefix("respond") ? Self.answering : rules
        try visit.reload(text)
        #expect(visit.deadline == .zero + .seconds(6), "it still waits")
        #expect(visit.told(.keys(.read)) == said)
    }

    private static let answering = """
        listen 127.0.0.1:1
        jwt app { algorithms HS256; secret env:SECRET }
        route / { auth app; respond 200 "x" }
        """

    // MARK: First messages

    private static let socket = "GET /\nwebsocket"

    @Test func `a socket is asked for its first message, then the list once more`() throws {
        var visit = try Visit(
            "rate 1/s by address; auth talk; roles user", Self.socket,
            world: Self.world(Self.passed()))
        #expect(visit.go() == ["time?", "rate?", "message?"])
        #expect(visit.deadline == .zero + .seconds(10))
        #expect(
            visit.told(.message(speaksSocketIO: false))
                == ["time?", "token?", "place webSocket?", "to /"])
    }

    @Test func `a first message that does not come, or comes to other rules`() throws {
        func visit(_ rules: String = "auth talk") throws -> Visit {
            var visit = try Visit(rules, Self.socket, world: Self.world(Self.passed()))
            visit.go()
            return visit
        }
        var late = try visit()
        #expect(late.at(9) == [] && late.at(10) == ["408 first_message"])
        var drained = try visit()
        #expect(drained.drained() == ["503 draining"])
        var ending = try visit()
        ending.world.isEnding = true
        #expect(ending.told(.message(speaksSocketIO: false)) == ["time?", "503 draining"])
        var answered = try visit()
        try answered.reload(Self.answering, Self.socket)
        #expect(
            answered.told(.message(speaksSocketIO: false))
                == ["time?", "token?", "place webSocket?", "404 policy"],
            "a socket that is open cannot be answered with a response")
        var keys = try Visit(
            "auth talk", Self.socket, world: Self.world(Self.wait(0, 6), Self.passed()))
        keys.go()
        #expect(
            keys.told(.message(speaksSocketIO: false)) == ["time?", "token?", "keys until 6?"])
        #expect(keys.told(.keys(.read)) == ["time?", "token?", "place webSocket?", "to /"])
    }

    @Test func `no message is asked for where it is not needed`() throws {
        for (rules, head) in [
            ("auth talk; report_only auth", Self.socket), ("auth app", Self.socket),
            ("auth talk", "GET /"),
        ] {
            var visit = try Visit(rules, head)
            #expect(!visit.go().contains("message?"))
        }
    }

    @Test func `SocketIO is spoken where its handshake is one`() throws {
        let rules = "auth talk; socketio"
        for (head, said) in [
            ("GET /?EIO=4&transport=websocket\nwebsocket", "message?"),
            ("GET /?EIO=3&transport=websocket\nwebsocket", "engineio_version"),
            ("GET /?EIO=4&transport=polling", "engineio_transport"),
            ("GET /?EIO=4&transport=websocket&sid=x\nwebsocket", "engineio_session"),
            ("GET /socket.io.js", "to /socket.io.js"),
        ] {
            var visit = try Visit(rules, head)
            #expect(visit.go().last == said, "\(head)")
        }
        var visit = try Visit(
            rules, "GET /?EIO=4&transport=websocket\nwebsocket\nSec-WebSocket-Protocol: gateway.v1",
            world: Self.world(Self.passed()))
        visit.go()
        _ = visit.told(.message(speaksSocketIO: true))
        #expect(!visit.found.speaksControl)
    }

    // MARK: Seats

    private static let seats = "auth app; sessions seats"
    private static let seated = "GET /?store=17&client=me\nwebsocket"

    private static func waiting(
        _ rules: String = seats, _ head: String = seated, _ tokens: GateOutcome<TokenGate.Pass?>...
    ) throws -> Visit {
        var world = World()
        world.tokens = tokens.isEmpty ? [try passed()] : tokens
        world.seat = .open(until: .zero + .seconds(3))
        return try Visit(rules, head, world: world)
    }

    @Test func `a seat is asked for behind the rules, and told at once or later`() throws {
        let asked = ["time?", "token?", "names?", "seat of me in 17?"]
        let admitted = ["place webSocket?", "to /?store=17&client=me"]
        var atOnce = try Self.waiting()
        atOnce.world.seat = .given(despite: nil)
        #expect(atOnce.go() == asked + admitted)
        var later = try Self.waiting()
        #expect(later.go() == asked)
        #expect(later.deadline == .zero + .seconds(3))
        #expect(later.go() == ["wait"])
        #expect(later.told(.seat(.open(until: .zero + .seconds(45)))) == ["wait"])
        #expect(later.deadline == .zero + .seconds(45), "as long as the store says")
        #expect(later.told(.seat(.given(despite: nil))) == admitted)
        let seat = later.seat
        #expect(seat?.store == "17" && seat?.client?.text == "me" && seat?.block == 0)
    }

    private static let limit = SessionSettings.Limit(devices: 1, policy: .blockNew)

    @Test func `a seat that is refused, at once or later, is refused whole`() throws {
        for isLate in [false, true] {
            var visit = try Self.waiting(
                Self.seats, Self.seated + "\nAccept-Language: en", Self.wait(0, 6),
                try Self.passed())
            if !isLate { visit.world.seat = .refused(Rejection(.full(Self.limit))) }
            #expect(visit.go() == ["time?", "token?", "keys until 6?"])
            var said = visit.told(.keys(.read))
            if isLate { said += visit.told(.seat(.refused(Rejection(.full(Self.limit))))) }
            #expect(
                said == [
                    "time?", "token?", "names?", "seat of me in 17?", "409 block_new",
                ])
        }
    }

    @Test func `what a front end is told about a seat is in its language`() throws {
        var visit = try Self.waiting(Self.seats, Self.seated + "\nAccept-Language: en")
        visit.go()
        let wish = try #require(visit.seat)
        let full = visit.refusal(Rejection(.full(Self.limit)), wish)
        let object = String(decoding: try #require(full.notice).object, as: UTF8.self)
        #expect(full.notice?.event == "connection_rejected" && full.status == 409)
        #expect(object.contains(#""store":"17""#) && object.contains(full.message))
        #expect(full.notice?.retryMilliseconds == nil)
        let replaced = visit.refusal(Rejection(.replaced, retry: .seconds(5)), wish)
        #expect(replaced.notice?.event == "force_disconnect" && replaced.status == 429)
        #expect(replaced.notice?.retryMilliseconds == 5000)
    }

    @Test func `who waits for a seat meanwhile`() throws {
        func visit() throws -> Visit {
            var visit = try Self.waiting()
            visit.go()
            return visit
        }
        var late = try visit()
        #expect(late.at(2) == [] && late.at(3) == ["503 seat"])
        #expect(late.told(.seat(.given(despite: nil))) == ["wait"])
        #expect(late.told(.seat(.open(until: .zero + .seconds(9)))) == ["wait"])
        #expect(late.deadline == nil, "nobody waits any more")
        for failure in StoreFailure.allCases {
            var failed = try visit()
            #expect(failed.told(.seat(.failed(failure))) == ["503 seat"])
            var atOnce = try Self.waiting()
            atOnce.world.seat = .failed(failure)
            #expect(atOnce.go().last == "503 seat")
        }
        var drained = try visit()
        #expect(drained.drained() == ["end draining"], "as those who have one")
        #expect(drained.told(.seat(.given(despite: nil))) == ["wait"])
        var kicked = try visit()
        #expect(kicked.told(.seat(.ended(try Self.ending()))) == ["end kicked"])
        var left = try visit()
        #expect(!left.failsByLeaving && !left.isAsked(.refresh))
        #expect(left.told(.keys(.read)) == ["wait"], "that was not asked")
    }

    private static func ending() throws -> Ending {
        let live = LiveConnection(
            id: SessionID(high: 1, low: 1), connection: ConnectionAddress(worker: 1, connection: 2),
            facts: LiveConnection.Facts(
                transport: .webSocket, isSeated: true, route: "/", generation: 1,
                address: "192.0.2.7", since: .zero), token: nil)
        return Ending(live, Kick())
    }

    @Test func `a rule of seats that only reports is told what it would have done`() throws {
        var visit = try Self.waiting("auth app; sessions seats; report_only sessions")
        visit.world.seat = .given(despite: .refusal(Self.limit))
        let said = visit.go()
        #expect(
            said.contains(
                "(sessions: would have refused a device of store 17: 1 may be there)"))
        #expect(said.last == "to /?store=17&client=me")
        var storeless = try Self.waiting(
            "auth app; sessions seats; report_only sessions", "GET /?client=me\nwebsocket")
        #expect(
            storeless.go() == [
                "time?", "token?", "names?", "(sessions: 400 store)", "place webSocket?",
                "to /?client=me",
            ])
        var strict = try Self.waiting(Self.seats, "GET /?client=me\nwebsocket")
        #expect(strict.go() == ["time?", "token?", "names?", "400 store"])
    }

    @Test func `a page of another origin takes no seat with the cookie of somebody else`() throws {
        let head = "GET /?store=17&client=me\nAccept: text/event-stream\nOrigin: https://b.test"
        var cookie = try Self.waiting(
            "auth app; sessions seats; report_only auth", head, try Self.passed(.cookie("t")))
        #expect(cookie.go() == ["memory?", "time?", "token?", "names?", "403 origin"])
        var bearer = try Self.waiting("auth app; sessions seats", head)
        #expect(bearer.go().last == "seat of me in 17?")
    }

    @Test func `a response that turns out to be an event stream takes a seat late`() throws {
        var visit = try Self.waiting(Self.seats, "GET /?store=17&client=me")
        #expect(visit.go() == ["token?", "to /?store=17&client=me"])
        #expect(visit.found.kind == .undeclared)
        #expect(visit.turnsOutToStay() == ["names?", "seat of me in 17?"])
        #expect(visit.told(.seat(.given(despite: nil))) == ["seated"])
        #expect(visit.found.kind == .events)
        var refused = try Self.waiting(Self.seats, "GET /?store=17&client=me")
        refused.go()
        refused.world.seat = .refused(Rejection(.full(Self.limit)))
        #expect(refused.turnsOutToStay().last == "409 block_new")
    }

    // MARK: Refreshes

    private static let refresh = """
        POST /.gateway/refresh
        Content-Length: 9
        """

    @Test func `a refresh has its body read, and the connection asked that it is for`() throws {
        var visit = try Visit("auth app", Self.refresh)
        #expect(visit.go() == ["body?"])
        #expect(visit.deadline == .zero + .seconds(10))
        let body = Array(#"{"session":"abc","token":"x"}"#.utf8)
        #expect(visit.told(.body(body)) == ["refresh abc?"])
        #expect(visit.deadline == .zero + .seconds(100))
        #expect(visit.isAsked(.refresh), "it outlives its client's input")
        #expect(
            visit.told(.refresh(.refreshed(.refreshed(expiresInSeconds: 60))))
                == [#"{"type":"auth.refreshed","expires_in":60}"#])
    }

    @Test func `a refresh that comes to nothing`() throws {
        func visit(_ body: String? = nil) throws -> Visit {
            var visit = try Visit("auth app", Self.refresh)
            visit.go()
            if let body { _ = visit.told(.body(Array(body.utf8))) }
            return visit
        }
        let body = #"{"session":"abc","token":"x"}"#
        var slow = try visit()
        #expect(slow.at(10) == ["408 timeout"])
        var silent = try visit(body)
        #expect(silent.at(99) == [] && silent.at(100) == ["503 keys"])
        var unknown = try visit(body)
        #expect(unknown.told(.refresh(.unknownSession)) == ["404 session"])
        var other = try visit(body)
        let refusal = Refusal(.forbidden, detail: "other_user", message: "").asFailedAttempt
        #expect(other.told(.refresh(.refused(refusal))) == ["403 other_user counted"])
        var malformed = try visit()
        #expect(malformed.told(.body(Array("{}".utf8))) == ["400 control_malformed"])
        var drained = try visit(body)
        #expect(drained.drained() == [], "it is answered before the process ends")
        var get = try Visit("auth app", "GET /.gateway/refresh")
        #expect(get.go() == ["405 policy"])
        var open = try Visit(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { backend app }
            """, Self.refresh)
        #expect(open.go() == ["to /.gateway/refresh"], "without tokens it is a path like others")
    }

    @Test func `a page of another origin asks for no refresh with a cookie`() throws {
        var visit = try Visit("auth app", Self.refresh + "\nOrigin: https://b.test\nCookie: t=x")
        #expect(visit.go() == ["403 origin"])
        var bare = try Visit("auth app", Self.refresh + "\nOrigin: https://b.test")
        #expect(bare.go() == ["body?"])
        let cors = "auth app; cors https://b.test { credentials on }"
        var page = try Visit(cors, Self.refresh + "\nOrigin: https://b.test\nCookie: t=x")
        #expect(page.go() == ["body?"])
        var question = try Visit(
            cors,
            "OPTIONS /.gateway/refresh\nOrigin: https://b.test\n"
                + "Access-Control-Request-Method: POST")
        #expect(question.go().first?.hasPrefix("options Vary") == true)
    }

    @Test func `an end from outside is the last word`() throws {
        var visit = try Self.waiting()
        visit.go()
        #expect(visit.ended(by: .draining) == .draining)
        #expect(visit.deadline == nil && !visit.isAsked(.seat))
        guard case .wait = try visit.step() else {
            Issue.record("it goes on")
            return
        }
    }
}
