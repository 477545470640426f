import Bytes
import Endings
import HTTP
import HTTP1
import Identities
import Identity
import Routing
import Settings
import Testing

@testable import Entry

/// Who may stay where he is when other rules hold.
@Suite struct RulebookTests {
    private static func text(
        _ rules: String, block: String = "", more: String = "", path: String = "/ws/"
    ) -> String {
        """
        listen 127.0.0.1:1
        jwt app { algorithms HS256; secret env:SECRET; \(block) }
        jwt staff { algorithms HS256; secret env:SECRET }
        backend app { server 127.0.0.1:2 }
        \(more)
        route \(path) { \(rules) }
        """
    }

    private func head(_ target: String, _ fields: String = "") throws -> RequestHead {
        let octets = Array("GET \(target) HTTP/1.1\r\nHost: a.test\r\n\(fields)\r\n".utf8)
        var decoder = RequestHeadDecoder(limits: HeadLimits())
        var index = 0
        return try #require(decoder.decode(octets.span, at: &index))
    }

    private func request(
        _ target: String = "/ws/queue?ward=5", _ fields: String = "X-Ward: 5\r\n",
        isWebSocket: Bool = true
    ) throws -> LiveRequest {
        let tokens = try Rulebook.reading(Self.text("auth app; backend app"))
        let head = try head(target, fields)
        return LiveRequest(
            head, authority: head.authority, isWebSocket: isWebSocket,
            without: TokenStripping(tokens.settings.tokens))
    }

    private func standing(
        _ text: String, _ claims: String = #"{"sub":"7","role":"user","ward":"5","aud":"old"}"#,
        rule: String = "app", isWebSocket: Bool = true
    ) throws -> Rulebook.Standing {
        let rules = try Rulebook.reading(text)
        return rules.standing(
            of: try request(isWebSocket: isWebSocket), try .of(claims, rule: rule))
    }

    private static let methods = """
        listen 127.0.0.1:1
        backend app { server 127.0.0.1:2 }
        rewrite /old to /one { redirect }
        route /one { methods GET; backend app }
        route /one { methods PUT TRACE; backend app }
        route /two { backend app }
        route /two/three { methods POST; backend app }
        """

    /// Which routes, and which methods, there are at a path, whatever the method.
    @Test(
        arguments: [
            ("/one", [0], "GET HEAD PUT TRACE"), ("/old", [0], "GET HEAD PUT TRACE"),
            ("/two/x", [2], nil), ("/two/x%2Fy", [2], nil), ("/two/three", [3], "POST"),
            ("/none", [], nil),
        ] as [(String, [Int], String?)])
    func `a path has its routes also where nobody is let in`(
        path: String, routes: [Int], allowed: String?
    ) throws {
        let rules = try Rulebook.reading(Self.methods)
        let target = try Target.normalise(path.utf8.span, escapedSlashes: .kept)
        for method in [Method.get, .head] where path != "/two/three" {
            #expect(rules.places.routes(at: target, authority: nil, method) == routes)
        }
        let others = rules.places.routes(at: target, authority: nil, .patch)
        #expect(Set(others).isSuperset(of: routes))
        let served = rules.place(of: target, authority: nil, method: .get).target
        let all = "GET HEAD POST PUT PATCH DELETE OPTIONS"
        let methods = rules.places.methods(at: served, authority: nil)
        #expect(methods.joined(separator: " ") == allowed ?? all)
    }

    @Test(
        arguments: [
            ("auth app; backend app", nil), ("backend app", nil),
            ("auth staff or app; backend app", nil),
            ("auth staff; backend app", "jwt"), ("auth staff; report_only auth; backend app", nil),
            ("auth app; roles user admin; backend app", nil),
            ("auth app; roles admin; backend app", "role"),
            ("auth app; roles admin; report_only roles; backend app", nil),
            (#"auth app; require claim:ward == "5"; backend app"#, nil),
            (#"auth app; require claim:ward == "6"; backend app"#, "claim"),
            ("auth app; require claim:ward == query:ward; backend app", nil),
            ("auth app; require claim:ward == header:X-Ward; backend app", nil),
            ("auth app; require claim:ward == query:floor; backend app", "claim"),
            ("websocket; auth app; backend app", nil), ("events; auth app; backend app", "route"),
            (#"auth app; respond 410 "gone""#, "route"),
        ] as [(String, String?)])
    func `a route lets stay whom it would let in`(rules: String, word: String?) throws {
        let standing = try standing(Self.text(rules))
        #expect(standing.refusal?.detail == word)
        #expect(standing.refusal.map { $0.reason == .forbidden } ?? true)
        #expect((standing.route == nil) == (word == "route"))
    }

    @Test(
        arguments: [
            ("audience old", nil), ("audience new", "token_audience"),
            ("issuer me", "token_issuer"),
            ("required ward", nil), ("required floor", "token_missing_claim"),
        ] as [(String, String?)])
    func `a block lets stay whose token says what it asks for`(block: String, word: String?) throws
    {
        let standing = try standing(Self.text("auth app; backend app", block: block))
        #expect(standing.refusal?.detail == word)
        #expect(standing.refusal.map { $0.reason == .forbidden } ?? true)
    }

    @Test func `a block of another name is another one, and algorithms count`() throws {
        let text = Self.text("auth app; backend app")
        #expect(try standing(text, rule: "old").refusal?.detail == "jwt")
        let other = text.replacing("app { algorithms HS256", with: "app { algorithms HS512")
        #expect(try standing(other).refusal?.detail == "token_algorithm")
    }

    @Test func `user and roles are read anew`() throws {
        let text = Self.text("auth app; roles nurse; backend app", block: "user ward; role job")
        let claims = #"{"sub":"7","role":"user","ward":"5","job":"nurse"}"#
        let standing = try standing(text, claims)
        #expect(standing.refusal == nil)
        #expect(standing.identity.user == "5" && standing.identity.roles == ["nurse"])
    }

    @Test func `rules that only report are told`() throws {
        let rules =
            #"auth staff; roles admin; require claim:ward == "6"; "#
            + "report_only auth roles require; backend app"
        let standing = try standing(Self.text(rules))
        #expect(standing.refusal == nil)
        #expect(standing.reported == [.auth, .roles, .require])
    }

    @Test func `a path may belong to another route, or to none`() throws {
        let deeper = Self.text(
            "auth app; backend app", more: "route /ws/queue { auth staff; backend app }")
        #expect(try standing(deeper).refusal?.detail == "jwt")
        let elsewhere = Self.text("auth app; backend app", path: "/elsewhere")
        #expect(try standing(elsewhere).refusal?.detail == "route")
        let host = Self.text("auth app; backend app", path: "b.test/ws/")
        #expect(try standing(host).refusal?.detail == "route")
        let method = Self.text("methods POST; auth app; backend app")
        #expect(try standing(method).refusal?.detail == "route")
    }

    @Test func `rewrites have their say`() throws {
        let rewrite = #"rewrite /ws/{room} to /rooms/{room} { require path:room == "hall" }"#
        let text = Self.text("auth app; backend app", more: rewrite, path: "/rooms/")
        #expect(try standing(text).refusal?.detail == "claim")
        let open = text.replacing("hall", with: "queue")
        #expect(try standing(open).refusal == nil)
    }

    @Test(
        arguments: [
            ("encoded_slashes keep; ", "/ws/a%2Fb", nil), ("", "/ws/a%2Fb", "route"),
            ("encoded_slashes keep; ", "/ws%2Fb", "route"), ("path keep; ", "/ws//b", nil),
            ("path keep; ", "/ws/./b", "route"), ("ignore_case on; ", "/WS/b", nil),
            ("parameters refuse; ", "/ws/b;x", "route"), ("parameters ignore; ", "/ws;x/b", nil),
        ] as [(String, String, String?)])
    func `a path that is read in several ways stays where all of them lead`(
        words: String, target: String, word: String?
    ) throws {
        let rules = try Rulebook.reading(Self.text("auth app; \(words)backend app"))
        let standing = rules.standing(
            of: try request(target), try .of(#"{"sub":"7"}"#))
        #expect(standing.refusal?.detail == word)
    }

    @Test func `what the upstream is sent is not what routes are chosen by`() throws {
        let more = """
            rewrite /old/{a}/{b} to /app/{a}{b}
            rewrite path matches /v(?<n>[0-9]+)/.* to /app/{n}
            """
        let text = Self.text("strip /app; path keep; backend app", more: more, path: "/app/")
        let rules = try Rulebook.reading(text)
        let expected = [
            "/app/%41/b": "/%41/b", "/app": "/", "/old/x/y": "/xy", "/old/./y": nil,
            "/v12/x/y": "/12", "/old/x/.": nil, "/old/..%2f/x": nil, "/app//x": nil,
        ]
        for (target, sent) in expected {
            let normal = try Target.normalise(target.utf8.span, escapedSlashes: .kept)
            let place = rules.place(of: normal, authority: nil, method: .get)
            #expect((place.route == nil ? nil : place.sentPath) == sent, "\(target)")
        }
    }

    @Test func `captures of a rewrite are none of the route's`() throws {
        let rewrite =
            #"rewrite /ws/{room} to /rooms/{room}/doors/7 { require path:room == "queue" }"#
        let text = Self.text(
            #"auth app; require path:room == "7"; backend app"#, more: rewrite,
            path: "/rooms/{name}/doors/{room}")
        #expect(try standing(text).refusal == nil)
        let other = text.replacing(#"path:room == "7""#, with: #"path:room == "queue""#)
        #expect(try standing(other).refusal?.detail == "claim")
    }

    @Test func `event streams stay where those are served`() throws {
        let events = Self.text("events; auth app; backend app")
        #expect(try standing(events, isWebSocket: false).refusal == nil)
        let sockets = Self.text("websocket; auth app; backend app")
        #expect(try standing(sockets, isWebSocket: false).refusal?.detail == "route")
    }

    // MARK: What is kept

    @Test func `a request is kept without its tokens and read again as it was`() throws {
        let rules = try Rulebook.reading(
            Self.text(
                "auth app; backend app",
                block: "from bearer subprotocol cookie:session query:token; tickets on"))
        let head = try head(
            "http://b.test/ws/%41?a=1&token=SECRET&ticket=SECRET&b=%20",
            "authorization: Bearer SECRET\r\nCookie: a=b; session=SECRET\r\ncookie: c=d\r\n"
                + "Sec-WebSocket-Protocol: app.v1, jwt.SECRET\r\nX-Ward: 5\r\n")
        let kept = LiveRequest(
            head, authority: head.authority, isWebSocket: true,
            without: rules.routes[0].stripping)
        let asked = try #require(kept.asked())
        #expect(!asked.head.fields.bytes.text.contains("SECRET"))
        #expect(asked.method == .get && kept.authority?.text == "b.test")
        #expect(asked.target.path == "/ws/A" && asked.target.query == "a=1&b=%20")
        let fields = asked.head.fields
        #expect(fields.text(of: .cookie) == "a=b; c=d")
        #expect(fields.text(of: .secWebSocketProtocol) == "app.v1")
        #expect(fields.text(named: "x-ward") == "5")
    }

    @Test func `an old client's request without a host is kept, too`() throws {
        let octets = Array("GET /ws/ HTTP/1.0\r\n\r\n".utf8)
        var decoder = RequestHeadDecoder(limits: HeadLimits())
        var index = 0
        let head = try #require(try decoder.decode(octets.span, at: &index))
        let kept = LiveRequest(
            head, authority: head.authority, isWebSocket: false, without: TokenStripping([]))
        #expect(kept.asked()?.target.path == "/ws/" && kept.authority == nil)
    }
}

extension [UInt8] {
    fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
