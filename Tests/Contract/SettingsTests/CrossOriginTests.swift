import Settings
import Testing

@Suite("Pages of other origins")
struct CrossOriginTests {
    static let mistakes: [Mistake] = [
        .init(
            .route, "cors same",
            "6: expected any or an origin such as https://app.example.kr, not 'same'"
                + " (pages of the same origin need no permission)"),
        .init(
            .route, "cors *",
            "6: expected any or an origin such as https://app.example.kr, not '*'"
                + " (did you mean 'any'?)"),
        .init(.route, "cors any https://a.kr", "6: 'any' cannot be combined with other words"),
        .init(.route, "cors https://a.kr off", "19: 'off' cannot be combined with other words"),
        .init(
            .route, "cors https://a.kr HTTPS://A.kr:443", "19: 'HTTPS://A.kr:443' is named twice"),
        .init(
            .route, "cors any { credentials on }",
            "6: with 'credentials on', 'any' is not allowed: name the origins"),
        .init(
            .route, "cors off { max_age 1s }",
            "6: 'cors off' takes no block"),
        .init(.route, "cors any; cors off", "11: 'cors' is set twice (first set at line 3)"),
        .init(
            .route, "websocket; cors any",
            "12: 'cors' has no effect on a WebSocket ('origins' says which pages may open it)"),
        .init(.cors, "methods get", "9: 'get' is not a request method (did you mean 'GET'?)"),
        .init(.cors, "methods GET GET", "13: 'GET' is named twice"),
        .init(.cors, "headers X-A any", "13: 'any' cannot be combined with other words"),
        .init(
            .cors, "methods *",
            "9: '*' is not a request method (leave 'methods' out to allow all methods)"),
        .init(.cors, "headers *", "9: '*' is unknown (did you mean 'any'?)"),
        .init(.cors, "headers off", "9: 'off' is not allowed here: name the headers"),
        .init(.cors, "expose any", "8: 'any' is not allowed here: name the headers"),
        .init(.cors, "headers X:", "9: 'X:' is not a header name"),
        .init(.cors, "expose off X-A", "8: 'off' cannot be combined with other words"),
        .init(.cors, "max_age 2d", "9: '2d' is out of range (0ms to 1d)"),
        .init(.cors, "credentials yes", "13: expected on or off, not 'yes' (did you mean 'on'?)"),
    ]

    @Test("Lines about them that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Every word of cors arrives") func crossOrigin() throws {
        let text = """
            defaults { backend app; cors https://d.kr }
            route /a { cors https://A.kr:443 null { methods PUT GET; headers X-A X-B; expose X-C
              credentials on; max_age 1h } }
            route /b { cors any }
            route /c { cors any { headers any; expose off } }
            route /d { }
            route /e { cors off }
            route /f { websocket }
            """
        let result = read(prelude + text)
        #expect(result.diagnostics.isEmpty)
        let routes = try #require(result.settings).routes.dropFirst().map(\.crossOrigin)
        var first = RouteSettings.CrossOrigin(origins: .listed(["https://a.kr", "null"]))
        first.methods = ["PUT", "GET"]
        first.headers = ["X-A", "X-B"]
        first.exposed = ["X-C"]
        first.allowsCredentials = true
        first.maxAge = .seconds(3600)
        var third = RouteSettings.CrossOrigin(origins: .any)
        third.exposed = []
        #expect(
            routes == [
                first, .init(origins: .any), third, .init(origins: .listed(["https://d.kr"])),
                nil, nil,
            ])
    }
}
