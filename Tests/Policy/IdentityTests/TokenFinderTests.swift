import HTTP
import Identity
import JWT
import Settings
import Testing

private func found(
    _ places: [TokenSettings.Place], _ fields: Fields, query: String = ""
) throws -> String? {
    try TokenFinder(places: places).find(in: fields, query: QueryString(query))
        .map { String(decoding: $0.token.octets, as: UTF8.self) }
}

@Suite("Finding tokens")
struct TokenFinderTests {
    @Test(
        "a bearer token follows its scheme",
        arguments: [
            ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER   abc", "abc"),
            ("Bearer abc def", "abc def"), ("Bearer", nil), ("Bearer ", nil), ("Bearer    ", nil),
            ("Basic abc", nil), ("Bearerabc", nil), ("Bearer\tabc", nil), ("abc", nil), ("", nil),
            ("Bearers abc", nil),
        ] as [(String, String?)])
    func bearer(value: String, expected: String?) throws {
        #expect(try found([.bearer], fields(["Authorization": value])) == expected)
    }

    @Test("two Authorization lines are refused, unless nothing is looked for there")
    func twoAuthorizations() throws {
        let head = fields(["Authorization": "Bearer a", "authorization": "Bearer b"])
        #expect(throws: TokenError.malformed) { try found([.bearer], head) }
        #expect(try found([.query("t")], head, query: "t=x") == "x")
    }

    @Test(
        "a subprotocol offer may be a token",
        arguments: [
            ("jwt.abc", "abc"), ("app.v1, jwt.a.b.c", "a.b.c"), ("jwt.a,jwt.b", "a"),
            ("app.v1", nil), ("jwt.", nil), ("jwt., jwt.b", "b"), ("JWT.abc", nil),
            ("xjwt.abc", nil), ("", nil), (" , ,jwt.z ,", "z"),
        ] as [(String, String?)])
    func subprotocol(value: String, expected: String?) throws {
        #expect(try found([.subprotocol], fields(["Sec-WebSocket-Protocol": value])) == expected)
    }

    @Test("offers may be spread over several lines")
    func subprotocolLines() throws {
        let head = fields(["Sec-WebSocket-Protocol": "app.v1", "sec-websocket-protocol": "jwt.a"])
        #expect(try found([.subprotocol], head) == "a")
    }

    @Test("cookies and query parameters are found by name")
    func named() throws {
        let head = fields(["Cookie": "a=1; token=abc; Token=x"])
        #expect(try found([.cookie("token")], head) == "abc")
        #expect(try found([.cookie("none")], head) == nil)
        #expect(try found([.query("token")], head, query: "a=1&token=a%2Eb&token=c") == "a.b")
        #expect(try found([.query("token")], head, query: "token=") == nil)
        #expect(try found([.query("token")], head) == nil)
    }

    @Test(
        "a header of another name holds the token alone, or behind its scheme",
        arguments: [
            ("X-Token", "abc", "abc"), ("x-token", "Bearer abc", "abc"),
            ("X-TOKEN", "b  c", "b  c"),
            ("X-Token", "bearer", "bearer"), ("X-Token", "", nil), ("X-Token", "Bearer ", nil),
            ("X_Token", "abc", nil), ("X-Tokens", "abc", nil),
        ] as [(String, String, String?)])
    func header(name: String, value: String, expected: String?) throws {
        let head = Fields([(name: name, value: value)])
        #expect(try found([.header("X-Token")], head) == expected)
    }

    @Test("of two headers that apps may read as one, none counts")
    func twoHeaders() throws {
        for other in ["X-Token", "x-token", "X_Token", "x.token"] {
            let head = Fields([(name: "X-Token", value: "a"), (name: other, value: "b")])
            #expect(throws: TokenError.malformed) { try found([.header("X-Token")], head) }
            #expect(try found([.query("t")], head, query: "t=x") == "x")
        }
    }

    @Test("the first place that has one wins, in the order of the settings")
    func order() throws {
        let head = fields([
            "Authorization": "Bearer one", "Sec-WebSocket-Protocol": "jwt.two",
            "Cookie": "c=three",
        ])
        let all: [TokenSettings.Place] = [.bearer, .subprotocol, .cookie("c"), .query("q")]
        let expected = ["one", "two", "three", "four"]
        for index in all.indices {
            let rotated = Array(all[index...] + all[..<index])
            #expect(try found(rotated, head, query: "q=four") == expected[index])
        }
        #expect(try found(all, fields(["Authorization": "Basic x"]), query: "q=four") == "four")
        #expect(try found([], head, query: "q=four") == nil)
    }

    @Test("a token does not show in descriptions")
    func description() throws {
        let secret = try TokenFinder(places: [.query("t")]).find(
            in: fields([:]), query: QueryString("t=abc"))
        #expect(!"\(String(describing: secret)) \(String(reflecting: secret))".contains("abc"))
    }

    @Test("what is stripped are all places of all rules, each once")
    func stripping() {
        let stripping = TokenStripping([
            settings { $0.from = [.bearer, .query("token"), .cookie("a")] },
            settings { $0.from = [.query("t"), .query("token"), .subprotocol, .cookie("b")] },
        ])
        #expect(stripping.queryNames == ["token", "t"])
        #expect(stripping.cookieNames == ["a", "b"])
        #expect(TokenStripping([]).queryNames.isEmpty)
    }

    @Test("cookies of other rules go where they hold tokens; without auth, the query stays")
    func strippingAmong() {
        let own = settings { $0.from = [.query("token"), .cookie("a")] }
        let other = settings { $0.from = [.query("t"), .cookie("b"), .cookie("a")] }
        let token = "eyJhbGciOiJub25lIn0.e30.c2ln"
        let head = fields([
            "Cookie": "a=1; b=\(token); c=\(token)",
            "Sec-WebSocket-Protocol": "v1, jwt.x, jwt.\(token), gateway.v1",
        ])
        let table: [(TokenStripping, [String], String, String)] = [
            (TokenStripping([own], among: [own, other]), ["token"], "c=\(token)", "v1"),
            (
                TokenStripping([], among: [own, other], .open), [], "a=1; c=\(token)",
                "v1, jwt.x, gateway.v1"
            ),
            (
                TokenStripping([own], among: [own, other], .forwarded), [],
                "a=1; b=\(token); c=\(token)", "v1, jwt.x, jwt.\(token)"
            ),
        ]
        for (stripping, query, cookies, offers) in table {
            #expect(stripping.queryNames == query)
            let left = stripping.cookies(head).map { String(decoding: $0, as: UTF8.self) }
            #expect(left == cookies)
            #expect(stripping.subprotocols(head) == offers)
        }
        let ticketed = settings { $0.tickets = .on }
        #expect(TokenStripping([ticketed], among: [], .forwarded).queryNames == ["ticket"])
    }
}

@Suite("Subprotocols")
struct SubprotocolOffersTests {
    private static func offers(_ value: String?) -> SubprotocolOffers {
        SubprotocolOffers(value.map { fields(["Sec-WebSocket-Protocol": $0]) } ?? fields([:]))
    }

    @Test(
        "the upstream sees the offers that are no tokens",
        arguments: [
            (nil, nil), ("", nil), ("a", "a"), ("a,b", "a, b"), ("jwt.x", nil),
            ("a, jwt.x ,b", "a, b"), ("jwt.", nil), ("jwt.x,jwt.y", nil), ("jwt", "jwt"),
        ] as [(String?, String?)])
    func remaining(value: String?, expected: String?) {
        #expect(Self.offers(value).withoutTokens == expected)
    }

    @Test(
        "well-formed offers are tokens, each named once",
        arguments: [
            (nil, true), ("a, b", true), ("a,,b", true), ("a, a", false), ("a b", false),
            ("a/b", false), ("jwt.x.y_z-", true),
        ] as [(String?, Bool)])
    func form(value: String?, isWellFormed: Bool) {
        #expect(Self.offers(value).isWellFormed == isWellFormed)
    }

    @Test(
        "a client that offered something is always answered, with something it offered",
        arguments: [
            (nil, nil, nil), ("a", nil, "a"), ("a, b", nil, "a"), ("a, b", "b", "b"),
            ("jwt.x, a", nil, "a"), ("jwt.x, a", "a", "a"), ("jwt.x", nil, "jwt.x"),
            ("jwt.x, jwt.y", nil, "jwt.x"), (nil, "a", nil), ("a, b", "c", "a"),
        ] as [(String?, String?, String?)])
    func answer(value: String?, choice: String?, expected: String?) {
        #expect(Self.offers(value).answer(upstreamChoice: choice) == expected)
    }
}
