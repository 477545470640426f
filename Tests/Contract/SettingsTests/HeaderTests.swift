import Settings
import Testing

@Suite("Headers")
struct HeaderTests {
    static let mistakes: [Mistake] = [
        .init(
            .route, "header X-A b c",
            "14: a text with spaces needs quotes; a secret comes after the word 'secret', as in"
                + " 'header X-A Bearer secret env:NAME'"),
        .init(
            .route, "header X-A secret hunter2",
            "19: a secret must not be written into the configuration: write env:NAME for an"
                + " environment variable or file:PATH for a file that contains it"),
        .init(
            .route, "header X-A env:JWT_SECRET",
            "12: this text itself would be sent (write 'header X-A secret env:JWT_SECRET', or put"
                + " it in quotes)"),
        .init(
            .route, "header X-A secret env:LINES",
            "19: this secret cannot be a header value: it contains line breaks or other control"
                + " characters, or begins or ends with a space"),
        .init(
            .route, "header Authorization Basic secret env:LOGIN",
            "35: after 'Basic', user and password must be in base64 (printf %s USER:PASSWORD |"
                + " base64)"),
        .init(
            .route, "header X-A remove; header x_a 1",
            "27: 'x_a' is both set and removed: setting it already replaces the old value"),
        .init(.route, "header Host x", "8: 'Host' is set by the gateway itself"),
        .init(.rewrite, "response_header TE x", "17: 'TE' is set by the gateway itself"),
        .init(
            .route, "response_header X-Session-Id x",
            "17: 'X-Session-Id' is set by the gateway itself"),
        .init(
            .route, "response_header Date x",
            "17: 'Date' says when an answer was made, which only who makes it knows"),
        .init(
            .route, "response_header Content-Encoding remove",
            "17: 'Content-Encoding' says how a body is encoded, which no header changes"),
        .init(
            .route, "response_header Set-Cookie a=1",
            "17: 'Set-Cookie' would replace every cookie that the app sets (only 'remove' is"
                + " possible)"),
        .init(
            .route, "response_header Strict-Transport-Security x",
            "17: 'Strict-Transport-Security' is for https only (write 'hsts 180d')"),
        .init(
            .route, "cors any; response_header Access-Control-Max-Age 5",
            "27: 'Access-Control-Max-Age' is set by 'cors' of this route"),
        .init(
            .defaults, "response_header X-A {id}",
            "21: no placeholder '{id}' here (known: {client.address} {request.id}"
                + " {request.method} {request.scheme} {request.host} {request.path}"
                + " {request.target} {auth.user} {auth.role})"),
        .init(.route, "hsts 180d twice", "11: expected subdomains or preload, not 'twice'"),
        .init(
            .route, "hsts 180d includeSubDomains",
            "11: 'includeSubDomains' is unknown (did you mean 'subdomains'?)"),
        .init(.listen, "hsts 5000d", "6: '5000d' is out of range (0ms to 3650d)"),
        .init(.route, "hsts 500ms", "6: browsers read whole seconds only"),
        .init(.route, "hsts 1d preload preload", "17: 'preload' is named twice"),
    ]

    private static let desk: Desk = {
        var desk = Desk.usual
        desk.variables["LINES"] = "a\nb"
        desk.variables["LOGIN"] = "user:password"
        return desk
    }()

    @Test("Lines about them that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        let found = read(mistake.bench.holding(mistake.text), at: Self.desk).diagnostics.filter {
            $0.severity == .error
        }
        let lines = found.map { "\($0.position.column): \($0.message)" }
        #expect(lines.joined(separator: "\n") == mistake.complaint)
    }

    @Test("Every word arrives, and routes have their own or those of defaults") func arriving()
        throws
    {
        let text = """
            defaults { backend app; response_header X-D 1; hsts 1d; header X-H remove }
            rewrite /old/{id} to /new { header A secret env:JWT_SECRET; response_header X-R {id} }
            route /a { }
            route /b { response_header X-B remove; response_header X-C "remove"; hsts off }
            route /c {
                header Authorization Bearer secret file:secrets/jwt
                hsts 2h subdomains preload
            }
            """
        let settings = try #require(read(prelude + text).settings)
        let routes = settings.routes.dropFirst()
        // The first is the prelude's.
        let one = HeaderRule(name: "X-D", value: Template(parts: [.text("1")]))
        #expect(
            routes.map(\.responseHeaders) == [
                [one],
                [
                    HeaderRule(name: "X-B", .remove),
                    HeaderRule(name: "X-C", value: Template(parts: [.text("remove")])),
                ],
                [one],
            ])
        #expect(routes.map { $0.headers.map(\.name) } == [["X-H"], ["X-H"], ["Authorization"]])
        #expect(routes[1].headers[0].action == .remove)
        let bearer = Secret(Array("Bearer \(Desk.secret)".utf8))
        #expect(routes[3].headers[0].action == .credentials(bearer))
        var transport = StrictTransport(maxAge: .seconds(7200))
        (transport.includesSubdomains, transport.isPreloaded) = (true, true)
        #expect(transport.text == "max-age=7200; includeSubDomains; preload")
        #expect(
            routes.map(\.transport) == [
                .said(.init(maxAge: .seconds(86_400))), .off, .said(transport),
            ])
        let rewrite = settings.rewrites[0]
        #expect(
            rewrite.headers == [
                HeaderRule(name: "A", .credentials(Secret(Array(Desk.secret.utf8))))
            ])
        #expect(rewrite.responseHeaders.map(\.name) == ["X-R"])
        #expect(!String(reflecting: settings).contains(Desk.secret))
        let listener = try #require(
            read("listen 127.0.0.1:1 { hsts 1h }\nroute / { respond 200 }").settings)
        #expect(listener.listeners[0].transport == StrictTransport(maxAge: .seconds(3600)))
    }

    private static let answer = "has a meaning in answers only (write"
    static let doubtful: [(text: String, complaints: String)] = [
        (
            "header Strict-Transport-Security x",
            "8: 'header' is for the request to the app, and 'Strict-Transport-Security' \(answer)"
                + " 'hsts 180d')"
        ),
        (
            "header X-Frame-Options DENY",
            "8: 'header' is for the request to the app, and 'X-Frame-Options' \(answer)"
                + " 'response_header X-Frame-Options …')"
        ),
        (
            "response_header Authorization x",
            "17: 'response_header' is for the answer, and 'Authorization' has a meaning in"
                + " requests only (write 'header Authorization …')"
        ),
        (
            "header Authorization \"Basic hunter2\"",
            "8: a password of the app must not be written into the configuration (write 'header"
                + " Authorization [TEXT] secret env:NAME')"
        ),
        ("header Authorization {auth.user}; header X-Key remove", ""),
        (
            "hsts 30d preload",
            "1: browsers accept a name for their preload lists only with 'subdomains' and at least"
                + " 365d"
        ),
    ]

    @Test("Lines that are hardly meant", arguments: doubtful)
    func warning(text: String, complaints: String) {
        let found = read(Bench.route.holding(text)).diagnostics
        #expect(found.allSatisfy { $0.severity == .warning })
        #expect(found.map { "\($0.position.column): \($0.message)" }.joined() == complaints)
        #expect(!found.contains { $0.rendered().contains("hunter2") })
    }

    @Test("hsts that nobody says") func unsaid() {
        let route = "route / { respond 200; hsts 1h }"
        let nobody = "'hsts' is for https only: "
        #expect(
            complaints("listen 127.0.0.1:1\n" + route)
                == "2:24: warning: \(nobody)no listener has 'tls'")
        #expect(complaints("trust 10.0.0.0/8\nlisten 127.0.0.1:1\n" + route) == "")
        #expect(
            complaints("listen 127.0.0.1:1 { hsts 1h }\nroute / { respond 200 }")
                == "1:22: warning: \(nobody)this listener has no 'tls'")
    }

    @Test(
        "Credentials that are written out are not repeated",
        arguments: [
            "header Authorization secret hunter2", "header Authorization Basic secret hunter2",
            "header X-A secret hunter2 x", "header Authorization \"{hunter2}\"",
            "header Authorization hunter2 hunter2", "header X-Api-Key hunter2{",
            "header X-A secret \"hunter2", "header authorization \"hunter2",
            "header X-A secret hunter2;x",
        ])
    func secrecy(text: String) {
        let result = read(Bench.route.holding(text))
        #expect(result.settings == nil)
        for diagnostic in result.diagnostics {
            #expect(!diagnostic.rendered().contains("hunter2"))
            #expect(!String(reflecting: diagnostic).contains("hunter2"))
        }
    }
}
