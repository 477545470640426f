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

/// The steps of admission, in their order: what each asks of the world, and what it says.
@Suite struct RequestEntryTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var rules: String
        var head: String
        var said: String
        var testDescription: String { "\(head.prefix(40)) at \(rules.prefix(60))" }

        init(_ rules: String, _ head: String, _ said: String) {
            (self.rules, self.head, self.said) = (rules, head, said)
        }
    }

    private static let whole = """
        listen 127.0.0.1:1
        backend app { server 127.0.0.1:2 }
        rewrite /old/{id} to /new/{id} { redirect }
        rewrite /v1/{id} to /new/{id}
        route /new/ { backend app }
        route /hi { respond 200 "hi" }
        route /away { redirect 307 "https://b.test{request.path}" }
        route /get { methods GET; cors https://b.test; backend app }
        route /ws { websocket; backend app }
        route /sse { events; backend app }
        route b.test/x { backend app }
        """

    private static let plain = [
        Row(whole, "GET /hi", "200 hi"), Row(whole, "GET /away", "307 https://b.test/away"),
        Row(whole, "GET /new/1?a=b", "to /new/1?a=b"), Row(whole, "GET /v1/7", "to /new/7"),
        Row(whole, "GET /old/7", "308 /new/7"), Row(whole, "GET /none", "404 policy"),
        Row(whole, "GET /../..", "400 protocol_error"),
        Row(whole, "POST /get", "405 policy"), Row(whole, "GET /get", "to /get"),
        Row(whole, "GET /x\nHost: b.test", "to /x"), Row(whole, "GET /x", "404 policy"),
        Row(whole, "GET /ws", "426 policy"),
        Row(whole, "GET /ws\nwebsocket", "time?, place webSocket?, to /ws"),
        Row(whole, "GET /sse\nwebsocket", "404 policy"),
        Row(
            whole, "GET /sse\nAccept: text/event-stream",
            "memory?, time?, place eventStream?, to /sse"),
        Row(
            whole, "GET /ws\nwebsocket\nSec-WebSocket-Protocol: a, a", "400 protocol_error"),
        Row(
            whole, "GET /ws\nwebsocket\nSec-WebSocket-Extensions: ;;", "400 protocol_error"),
        Row(
            whole,
            "OPTIONS /get\nOrigin: https://b.test\nAccess-Control-Request-Method: GET",
            "options Vary Access-Control-Allow-Origin Access-Control-Allow-Methods"
                + " Access-Control-Max-Age"),
        Row(
            whole,
            "OPTIONS /get\nOrigin: https://c.test\nAccess-Control-Request-Method: GET",
            "403 origin"),
        Row(whole, "OPTIONS /new/1\nMax-Forwards: 0", "options Allow"),
        Row(whole, "TRACE /new/1\nMax-Forwards: 0", "405 policy"),
        Row(whole, "OPTIONS /new/1\nMax-Forwards: x", "400 protocol_error"),
        Row(whole, "OPTIONS /new/1\nMax-Forwards: 1", "to /new/1"),
        Row("stream", "GET /", "place stream?, to /"),
    ]

    @Test(arguments: plain) func `what needs no token`(row: Row) throws {
        var visit = try Visit(row.rules, row.head)
        #expect(visit.go().joined(separator: ", ") == row.said)
        #expect(visit.go() == ["wait"], "once")
    }

    // MARK: Addresses and rates

    private static let limits = [
        Row("deny 192.0.2.0/24", "GET /", "(denied), 403 address"),
        Row("deny 192.0.3.0/24; rate 1/s by address", "GET /", "rate?, to /"),
        Row(
            "rate 1/s by address; rate 5/s by query:q; auth app", "GET /?q=1",
            "rate 2?, token?, to /?q=1"),
        Row("rate 5/s by query:q", "GET /", "to /"),
        Row("rate 5/s by user; auth app", "GET /", "token?, rate?, to /"),
        Row(
            "rate 1/s by address; rate 5/s by user; auth app", "GET /", "rate?, token?, rate?, to /"
        ),
        // Whom the address or the origin refuses draws nothing.
        Row("deny 192.0.2.0/24; rate 1/s by address", "GET /", "(denied), 403 address"),
        Row("rate 1/s by address", "GET /\nwebsocket\nOrigin: https://b.test", "403 origin"),
    ]

    @Test(arguments: limits) func `addresses and rates`(row: Row) throws {
        var world = World()
        world.tokens = [.passed(try .of(#"{"sub":"7"}"#))]
        var visit = try Visit(row.rules, row.head, world: world)
        #expect(visit.go().joined(separator: ", ") == row.said)
    }

    @Test func `too many requests are refused, or only reported about`() throws {
        var world = World()
        world.rate = .milliseconds(1500)
        var visit = try Visit("rate 1/s by address; auth app", world: world)
        #expect(visit.go() == ["rate?", "(rate)", "429 rate"])
        var reported = try Visit("rate 1/s by address; report_only rate; auth app", world: world)
        #expect(reported.go() == ["rate?", "(rate: 429 rate)", "token?", "to /"])
    }

    @Test func `how long one waits for a token of a bucket is said in whole seconds`() throws {
        for (wait, seconds) in [(1500, 2), (1, 1), (0, 1), (2000, 2)] as [(Int, Int)] {
            let visit = try Visit("rate 1/s by address")
            guard case .ask(.rate) = try visit.step() else {
                Issue.record("no rate is asked")
                return
            }
            let refusal = #expect(throws: Refusal.self) {
                try visit.answer(.rate(.milliseconds(wait)))
            }
            #expect(refusal?.retryAfterSeconds == seconds)
        }
    }

    @Test func `a client without an address is in no range and draws from no bucket of one`() throws
    {
        var visit = try Visit("deny 192.0.2.0/24; rate 1/s by address", from: [])
        #expect(visit.go() == ["to /"])
        var unix = try Visit("deny unix", from: [])
        #expect(unix.go() == ["(denied)", "403 address"])
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 7]
        var socket = try Visit("deny 192.0.2.0/24", from: mapped)
        #expect(socket.go() == ["(denied)", "403 address"])
    }

    // MARK: Memory, time, TLS

    @Test func `what stays needs memory and time`() throws {
        let events = "GET /\nAccept: text/event-stream"
        var world = World()
        world.memory = Refusal(.overloaded, detail: "memory", message: "")
        var full = try Visit("events", events, world: world)
        #expect(full.go() == ["memory?", "503 memory"])
        world = World()
        world.isEnding = true
        for head in [events, "GET /\nwebsocket"] {
            var ending = try Visit("rate 1/s by address", head, world: world)
            #expect(ending.go().last == "503 draining")
        }
        var plain = try Visit("rate 1/s by address", world: world)
        #expect(plain.go() == ["rate?", "to /"], "what does not stay is served to the end")
        world = World()
        world.place = .routeIsGone
        var gone = try Visit("websocket", "GET /\nwebsocket", world: world)
        #expect(gone.go() == ["time?", "place webSocket?", "403 route"])
    }

    @Test func `who speaks no TLS is sent to where that is spoken, without tokens`() throws {
        func visit(
            _ head: String, isSecure: Bool = false,
            _ port: ListenerSettings.RedirectPort = .standard
        ) throws -> [String] {
            var visit = try Visit("auth app", head, isSecure: isSecure, redirect: port)
            return visit.go()
        }
        #expect(try visit("GET /a?token=x&b=1") == ["308 https://a.test/a?b=1"])
        #expect(try visit("GET /", .port(8443)) == ["308 https://a.test:8443/"])
        #expect(try visit("GET /", isSecure: true) == ["token?", "to /"])
        #expect(try visit("OPTIONS *") == ["308 https://a.test/"])
        #expect(try visit("GET /\nHost: ") == ["400 host"])
    }

    // MARK: Tokens

    private static let claims = #"{"sub":"7","role":"user","ward":"5"}"#

    private static let tokens = [
        Row("auth app", "GET /", "token?, to /"),
        Row("auth app; roles user", "GET /", "token?, to /"),
        Row("auth app; roles admin", "GET /", "token?, 403 role counted"),
        Row(
            "auth app; roles admin; report_only roles", "GET /",
            "token?, (roles: 403 role), to /"),
        Row(#"auth app; require claim:ward == "6""#, "GET /", "token?, 403 claim counted"),
        Row(#"auth app; require claim:ward == query:w"#, "GET /?w=5", "token?, to /?w=5"),
        Row("auth app; rate 1/s by claim:ward", "GET /", "token?, rate?, to /"),
        Row("auth app", "GET /?token=x&a=b", "token?, to /?a=b"),
        Row("auth app", "GET /\nwebsocket", "time?, token?, place webSocket?, to /"),
    ]

    @Test(arguments: tokens) func `whom a token lets in`(row: Row) throws {
        var world = World()
        world.tokens = [.passed(try .of(Self.claims))]
        var visit = try Visit(row.rules, row.head, world: world)
        #expect(visit.go().joined(separator: ", ") == row.said)
    }

    @Test func `what requires nothing of a token counts nobody as failing`() throws {
        var visit = try Visit(#"require query:w == "5""#, "GET /?w=6")
        #expect(visit.go() == ["403 claim"])
    }

    @Test func `who has no good token is refused whole, or only reported about`() throws {
        var world = World()
        world.tokens = [.refused(GateFailure(.token(.expired)).refusal)]
        var visit = try Visit("auth app", world: world)
        #expect(visit.go() == ["token?", "401 token_expired counted"])
        var reported = try Visit("auth app; report_only auth; roles admin", world: world)
        #expect(
            reported.go() == ["token?", "(auth: 401 token_expired)", "403 role counted"])
        let refusal = GateFailure(.token(.expired)).refusal
        #expect(refusal.challenge?.contains("error=\"invalid_token\"") == true)
    }

    @Test func `a cookie acts for the page that it was given to`() throws {
        var world = World()
        world.tokens = [.passed(try .of(Self.claims, at: .cookie("t")))]
        let elsewhere = "\nOrigin: https://b.test"
        var post = try Visit("auth app", "POST /" + elsewhere, world: world)
        #expect(post.go() == ["token?", "403 origin"])
        var get = try Visit("auth app", "GET /" + elsewhere, world: world)
        #expect(get.go() == ["token?", "to /"])
        var events = try Visit(
            "auth app; events", "GET /\nAccept: text/event-stream" + elsewhere, world: world)
        #expect(events.go() == ["memory?", "time?", "token?", "403 origin"])
        var reported = try Visit(
            "auth app; report_only auth", "POST /" + elsewhere, world: world)
        #expect(reported.go() == ["token?", "to /"])
        world.tokens = [.passed(try .of(Self.claims))]
        var bearer = try Visit("auth app", "POST /" + elsewhere, world: world)
        #expect(bearer.go() == ["token?", "to /"])
    }

    @Test func `a ticket is for who was let in, and asked for by POST`() throws {
        let rules = """
            listen 127.0.0.1:1
            jwt app { algorithms HS256; secret env:SECRET; tickets on }
            route /ticket { auth app optional; ticket }
            """
        var world = World()
        var nobody = try Visit(rules, "POST /ticket", world: world)
        #expect(nobody.go() == ["token?", "401 unauthenticated"])
        world.tokens = [.passed(try .of(Self.claims))]
        var visit = try Visit(rules, "POST /ticket", world: world)
        #expect(visit.go() == ["token?", "ticket for 7"])
        var get = try Visit(rules, "GET /ticket", world: world)
        #expect(get.go() == ["token?", "405 policy"])
    }

    // MARK: What is found

    @Test func `the log has the path without tokens, answers have their fields`() throws {
        let rules =
            "auth app; response_header X-User {auth.user}; response_header X-Path {request.target}"
        var world = World()
        world.tokens = [.refused(GateFailure(.token(.missing)).refusal)]
        var visit = try Visit(rules, "GET /a?token=SECRET&b=1", world: world)
        visit.go()
        var found = visit.found
        #expect(!found.path.contains("SECRET") && found.path.hasPrefix("/a?token="))
        #expect(found.route == 0 && found.identity == nil)
        #expect(Self.text(found.answerFields) == "X-User: \r\nX-Path: /a?b=1\r\n")
        world.tokens = [.passed(try .of(Self.claims, at: .query("token")))]
        visit = try Visit(rules, "GET /a?token=SECRET&b=1", world: world)
        visit.go()
        found = visit.found
        #expect(found.identity?.user == "7" && found.tokenPlace == .query("token"))
        #expect(Self.text(found.answerFields) == "X-User: 7\r\nX-Path: /a?b=1\r\n")
    }

    private static func text(_ fields: AnswerFields) -> String {
        var output: [UInt8] = []
        fields.append(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `who reads what the gateway says is known where tokens are`() throws {
        let heads = [
            ("GET /\nwebsocket\nSec-WebSocket-Protocol: gateway.v1", true),
            ("GET /?gateway=v1\nAccept: text/event-stream", true), ("GET /\nwebsocket", false),
        ]
        for (head, speaks) in heads {
            var visit = try Visit("auth app", head)
            visit.go()
            #expect(visit.found.speaksControl == speaks)
            var open = try Visit("rate 1/s by address", head)
            open.go()
            #expect(!open.found.speaksControl)
        }
    }

    @Test func `a page of another origin reads why there is no route`() throws {
        var visit = try Visit(Self.whole, "POST /get\nOrigin: https://b.test")
        #expect(visit.go() == ["405 policy"])
        let names = visit.found.crossOrigin.map(\.name)
        #expect(names.contains("Access-Control-Allow-Origin"))
        #expect(visit.found.route == nil)
    }

    @Test func `a refusal says what is allowed, and where to sign in`() throws {
        func refusal(_ rules: String, _ head: String, world: World = World()) throws -> Refusal? {
            let visit = try Visit(rules, head)
            do throws(Refusal) {
                while case .ask = try visit.step() {
                    try visit.answer(.token(world.tokens[0]))
                }
                return nil
            } catch {
                return error
            }
        }
        #expect(try refusal(Self.whole, "POST /get")?.allow == ["GET", "HEAD"])
        #expect(try refusal(Self.whole, "TRACE /get\nMax-Forwards: 0")?.allow == ["GET", "HEAD"])
        var world = World()
        world.tokens = [.refused(GateFailure(.token(.missing)).refusal)]
        let login = """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            jwt app { algorithms HS256; secret env:SECRET; from bearer query:token }
            route / { auth app; login "/sign-in?to={request.target}"; backend app }
            route /sign-in { backend app }
            """
        let page = "GET /a?b=1&token=x\nAccept: text/html\nSec-Fetch-Mode: navigate"
        let refused = try refusal(login, page, world: world)
        #expect(refused?.login?.hasPrefix("/sign-in?to=") == true)
        #expect(refused?.login?.contains("token") == false)
        #expect(refused?.challenge?.hasPrefix("Bearer realm=") == true)
        #expect(try refusal(login, "GET /a", world: world)?.login == nil, "it is no page")
        let looping = login.replacing("route /sign-in", with: "route /other")
        #expect(try refusal(looping, page, world: world)?.login == nil, "it would lead back")
    }
}
