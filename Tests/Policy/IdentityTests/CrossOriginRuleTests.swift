import Bytes
import Endings
import HTTP
import Identity
import Settings
import Testing

private typealias CrossOrigin = RouteSettings.CrossOrigin

/// The fields as lines of a head.
private func lines(_ fields: [CrossOriginRule.Field]) -> [String] {
    fields.map { "\($0.name): \($0.value)" }
}

private func head(
    _ method: String, _ pairs: KeyValuePairs<String, String>
) -> RequestHead {
    RequestHead(
        method: Method(method.utf8.span), target: 0..<0, minorVersion: 1, fields: fields(pairs))
}

private func listed(
    _ origins: String..., change: (inout CrossOrigin) -> Void = { _ in }
) -> CrossOrigin {
    var settings = CrossOrigin(origins: .listed(origins))
    settings.exposed = []
    change(&settings)
    return settings
}

private let app = "https://app.example"

@Suite("CORS")
struct CrossOriginRuleTests {
    // MARK: Answers

    @Test(
        "an answer names the page that may read it, as that named itself",
        arguments: [
            ("https://app.example", true), ("https://app.example:443", true),
            ("https://APP.example", true), ("http://app.example", false),
            ("https://app.example:444", false), ("https://app.example.evil", false),
            ("https://xapp.example", false), ("null", false), ("", false), ("garbage", false),
            ("https://app.example https://evil.example", false),
        ])
    func answers(origin: String, isGranted: Bool) {
        let rule = CrossOriginRule(listed(app))
        let granted = isGranted ? ["Access-Control-Allow-Origin: \(origin)"] : []
        #expect(lines(rule.answer(to: fields(["Origin": origin]))) == ["Vary: Origin"] + granted)
    }

    @Test("without Origin, and with two, nobody is named, but caches are told")
    func noOrigin() {
        let rule = CrossOriginRule(listed(app))
        #expect(lines(rule.answer(to: fields([:]))) == ["Vary: Origin"])
        #expect(lines(rule.answer(to: fields(["Origin": app, "origin": app]))) == ["Vary: Origin"])
    }

    @Test("pages without an origin can be named")
    func nameless() {
        let rule = CrossOriginRule(listed("null", "file://"))
        for origin in ["null", "file://"] {
            #expect(
                lines(rule.answer(to: fields(["Origin": origin])))
                    == ["Vary: Origin", "Access-Control-Allow-Origin: \(origin)"])
        }
    }

    @Test("any page gets one answer for all, which caches may keep")
    func any() {
        var settings = CrossOrigin(origins: .any)
        settings.exposed = ["X-A"]
        let rule = CrossOriginRule(settings)
        for head in [fields([:]), fields(["Origin": "null"]), fields(["Origin": app])] {
            #expect(
                lines(rule.answer(to: head)) == [
                    "Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: X-A",
                ])
        }
    }

    @Test("cookies and headers are for who is named")
    func credentials() {
        let rule = CrossOriginRule(
            listed(app) {
                $0.allowsCredentials = true
                $0.exposed = ["X-A", "X-B"]
            })
        #expect(
            lines(rule.answer(to: fields(["Origin": app]))) == [
                "Vary: Origin", "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Allow-Credentials: true",
                "Access-Control-Expose-Headers: X-A, X-B",
            ])
        let other = fields(["Origin": "https://evil.example"])
        #expect(lines(rule.answer(to: other)) == ["Vary: Origin"])
    }

    @Test("the gateway's own headers can be read unless the configuration says otherwise")
    func usual() {
        let rule = CrossOriginRule(CrossOrigin(origins: .listed([app])))
        #expect(
            lines(rule.answer(to: fields(["Origin": app]))).last
                == "Access-Control-Expose-Headers: Retry-After, X-Session-Id")
    }

    // MARK: Preflights

    @Test(
        "a preflight is an OPTIONS with Origin and one method",
        arguments: [
            ("OPTIONS", ["Origin": app, "Access-Control-Request-Method": "PUT"], true),
            ("OPTIONS", ["Origin": app, "access-control-request-method": "PURGE"], true),
            ("GET", ["Origin": app, "Access-Control-Request-Method": "PUT"], false),
            ("OPTIONS", ["Origin": app], false),
            ("OPTIONS", ["Access-Control-Request-Method": "PUT"], false),
            ("OPTIONS", ["Origin": app, "Access-Control-Request-Method": ""], false),
            ("OPTIONS", ["Origin": app, "Access-Control-Request-Method": "A B"], false),
            (
                "OPTIONS", ["Origin": app, "origin": app, "Access-Control-Request-Method": "A"],
                false
            ),
            (
                "OPTIONS",
                [
                    "Origin": app, "Access-Control-Request-Method": "A",
                    "access-control-request-method": "B",
                ], false
            ),
            (
                "OPTIONS",
                [
                    "Origin": app, "Access-Control-Request-Method": "A",
                    "Access-Control-Request-Headers": "x\u{7F}y",
                ], false
            ),
        ] as [(String, KeyValuePairs<String, String>, Bool)])
    func preflights(method: String, pairs: KeyValuePairs<String, String>, expected: Bool) {
        #expect((CrossOriginRule.Preflight(head(method, pairs)) != nil) == expected)
    }

    private static func preflight(
        _ origin: String, _ method: String, headers: String? = nil
    ) throws -> CrossOriginRule.Preflight {
        var pairs = [("Origin", origin), ("Access-Control-Request-Method", method)]
        if let headers { pairs.append(("Access-Control-Request-Headers", headers)) }
        let head = RequestHead(
            method: .options, target: 0..<0, minorVersion: 1,
            fields: Fields(pairs.map { (name: $0.0, value: $0.1) }))
        return try #require(CrossOriginRule.Preflight(head))
    }

    private static let varies =
        "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

    @Test("where nothing else is said, what is asked for is allowed")
    func reflected() throws {
        let rule = CrossOriginRule(listed(app))
        let question = try Self.preflight(app, "PURGE", headers: "authorization,x-a")
        #expect(
            try lines(rule.answer(to: question)) == [
                Self.varies, "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Allow-Methods: PURGE",
                "Access-Control-Allow-Headers: authorization,x-a", "Access-Control-Max-Age: 600",
            ])
        #expect(try lines(rule.answer(to: Self.preflight(app, "PUT", headers: ""))).count == 4)
    }

    @Test("methods and headers are those of the configuration, or those of the route")
    func said() throws {
        let settings = listed(app) {
            $0.methods = ["PUT"]
            $0.headers = ["Authorization", "X-A"]
            $0.allowsCredentials = true
            $0.maxAge = .seconds(0)
        }
        let question = try Self.preflight(app, "DELETE", headers: "x-b")
        #expect(
            try lines(CrossOriginRule(settings, methods: ["GET"]).answer(to: question)) == [
                Self.varies, "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Methods: PUT",
                "Access-Control-Allow-Headers: Authorization, X-A", "Access-Control-Max-Age: 0",
            ])
        let route = CrossOriginRule(listed(app), methods: ["GET", "POST"])
        #expect(
            try lines(route.answer(to: Self.preflight(app, "GET")))[2]
                == "Access-Control-Allow-Methods: GET, POST")
    }

    @Test("a page of another origin is refused")
    func refused() throws {
        let rule = CrossOriginRule(listed(app))
        for origin in ["https://evil.example", "null", "garbage"] {
            let refusal = #expect(throws: Refusal.self) {
                _ = try rule.answer(to: Self.preflight(origin, "GET"))
            }
            #expect(refusal?.status == 403 && refusal?.detail == "origin")
        }
        #expect(lines(rule.refusedPreflight) == ["Vary: Origin"])
    }

    // MARK: Several routes

    @Test("what several routes share is for the pages of each, with cookies where one says so")
    func joined() throws {
        let rule = try #require(
            CrossOriginRule(
                joining: [
                    listed("https://a.example") { $0.maxAge = .seconds(60) },
                    listed("https://b.example") { $0.allowsCredentials = true },
                    listed("https://a.example", "https://c.example"),
                ], methods: ["POST"]))
        func granted(_ origin: String) throws -> [String] {
            try lines(rule.answer(to: Self.preflight(origin, "POST", headers: "x")))
        }
        #expect(
            try granted("https://b.example") == [
                Self.varies, "Access-Control-Allow-Origin: https://b.example",
                "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Methods: POST",
                "Access-Control-Allow-Headers: x", "Access-Control-Max-Age: 60",
            ])
        for origin in ["https://a.example", "https://c.example"] {
            #expect(try granted(origin).count == 5)
        }
        #expect(throws: Refusal.self) { try granted("https://d.example") }
        #expect(CrossOriginRule(joining: [], methods: ["POST"]) == nil)
    }

    @Test("where one route is for any page, those that another names keep their cookies")
    func joinedWithAny() throws {
        let rule = try #require(
            CrossOriginRule(
                joining: [
                    CrossOrigin(origins: .any), listed(app) { $0.allowsCredentials = true },
                ], methods: ["POST"]))
        #expect(
            lines(rule.answer(to: fields(["Origin": app]))).prefix(3) == [
                "Vary: Origin", "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Allow-Credentials: true",
            ])
        #expect(
            lines(rule.answer(to: fields(["Origin": "https://x.example"]))).prefix(2) == [
                "Vary: Origin", "Access-Control-Allow-Origin: https://x.example",
            ])
    }

    @Test("what an application says about CORS itself is told by its name")
    func names() {
        for name in [
            "Access-Control-Allow-Origin", "access-control-allow-credentials",
            "ACCESS-CONTROL-EXPOSE-HEADERS", "Access-Control-Max-Age",
        ] {
            let isOwn = CrossOriginRule.isOwn(fieldName: name.utf8.span)
            #expect(isOwn, "\(name)")
        }
        for name in ["Access-Control-", "Access-Control", "X-Access-Control-Allow-Origin", ""] {
            let isOwn = CrossOriginRule.isOwn(fieldName: name.utf8.span)
            #expect(!isOwn, "\(name)")
        }
    }
}
