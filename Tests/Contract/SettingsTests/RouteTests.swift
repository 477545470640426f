import Settings
import Testing

@Suite("Routes and defaults")
struct RouteTests {
    static let mistakes: [Mistake] = [
        .init(
            .bareRoute, "websocket",
            "2:1: a route needs 'backend', 'respond', 'redirect' or 'ticket'"),
        .init(
            .route, "respond 200",
            "1: a route has one of 'backend', 'respond', 'redirect' and 'ticket'"
                + " (first set at line 2)"
        ),
        .init(
            .bareRoute, "redirect 308 /a\nrespond 200",
            "4:1: a route has one of 'backend', 'respond', 'redirect' and 'ticket'"
                + " (first set at line 3)"
        ),
        .init(.bareRoute, "backend ap", "9: no backend group named 'ap' (defined: app)"),
        .init(.route, "auth staff", "6: no jwt block named 'staff' (defined: app)"),
        .init(.route, "sessions t", "10: no sessions block named 't' (defined: s)"),
        .init(.defaults, "backend ap", "9: no backend group named 'ap' (defined: app)"),
        .init(
            .route, "websocket\nevents",
            "4:1: a route is one of 'websocket', 'events' and 'stream' (first set at line 3)"),
        .init(
            .route, "stream\nevents",
            "4:1: a route is one of 'websocket', 'events' and 'stream' (first set at line 3)"),
        .init(.route, "stream\nstream", "4:1: 'stream' is set twice (first set at line 3)"),
        .init(
            .route, "stream; sessions s",
            "18: 'sessions' counts WebSockets and event streams, but a route with 'stream' has"
                + " neither ('events' is for what an EventSource reads)"),
        .init(
            .defaults, "stream",
            "1: unknown directive 'stream' in 'defaults' (it belongs in 'route')"),
        .init(
            .route, "finish_without_client onn",
            "23: expected on or off, not 'onn' (did you mean 'on'?)"),
        .init(
            .route, "websocket; finish_without_client",
            "12: 'finish_without_client' has no effect on a WebSocket: it ends with its client"),
        .init(.route, "events\nevents", "4:1: 'events' is set twice (first set at line 3)"),
        .init(
            .route, "methods GTE get",
            "9: 'GTE' is not a request method (did you mean 'GET'?)\n13: 'get' is not a request"
                + " method (did you mean 'GET'?)"
        ),
        .init(.route, "methods GET GET", "13: 'GET' is named twice"),
        .init(.route, "methods re/ad", "9: 're/ad' is not a request method"),
        // who may enter
        .init(.route, "auth app app", "10: expected 'or' between names, not 'app'"),
        .init(.route, "auth app or", "10: a name is missing after 'or'"),
        .init(.route, "auth app or app", "13: 'app' is named twice"),
        .init(
            .route, "auth optional", "6: expected the name of a jwt block, not 'optional'"),
        .init(
            .route, "auth off optional", "6: expected the name of a jwt block, not 'off'"),
        .init(.route, "auth app or optional", "10: a name is missing after 'or'"),
        .init(
            .route, "auth app optonal",
            "10: expected 'or' between names, not 'optonal' (did you mean 'optional'?)"),
        .init(
            .route, "auth app optional or app", "10: 'optional' comes after all names"),
        .init(
            .route, "report_only rols",
            "13: expected auth, roles, require, rate or sessions, not 'rols'"
                + " (did you mean 'roles'?)"
        ),
        .init(.route, "auth app; report_only auth auth", "28: 'auth' is named twice"),
        .init(
            .route, "report_only roles off",
            "13: \(nothing("roles"))\n19: 'off' cannot be combined with other words"),
        .init(
            .route, "report_only off auth",
            "13: 'off' cannot be combined with other words\n17: \(nothing("auth"))"),
        .init(.route, "report_only auth", "13: \(nothing("auth"))"),
        .init(
            .route, "report_only auth roles require; auth app",
            "18: \(nothing("roles"))\n24: \(nothing("require"))"),
        .init(.route, "report_only auth nobody", "18: no jwt block named 'nobody' (defined: app)"),
        .init(
            .route, "auth app; report_only auth app",
            "23: 'auth' is set twice (first set at line 3)"),
        .init(
            .route, "report_only auth app\nauth app",
            "4:1: 'auth' is set twice (first set at line 3)"),
        .init(.bareRoute, "ticket", "1: \(noTickets)"),
        .init(.bareRoute, "auth app; ticket", "11: \(noTickets)"),
        .init(
            .route, "ticket",
            "1: a route has one of 'backend', 'respond', 'redirect' and 'ticket'"
                + " (first set at line 2)\n1: \(noTickets)"),
        .init(.route, "auth app or off", "13: expected the name of a jwt block, not 'off'"),
        .init(
            .route, "roles admin",
            "1: 'roles' needs 'auth NAME': without a token there is nothing to check"),
        .init(
            .route, "require claim:id == path:id",
            "1: 'require claim:…' needs 'auth NAME': without a token there is nothing to check"),
        .init(
            .route, "require path:id == claim:id; auth off; roles a",
            "1: 'require claim:…' needs 'auth NAME': without a token there is nothing to check\n"
                + "40: 'roles' needs 'auth NAME': without a token there is nothing to check"),
        .init(
            .route, "require query:id = path:id",
            "18: expected '==', '!=', 'has', 'in' or 'matches', not '=' (did you mean '=='?)"),
        .init(
            .route, "require query:id == path:uid",
            "21: the path of this route captures no '{uid}' (did you mean 'id'?)"),
        .init(
            .route, "require query:id == pth:id",
            "21: did you mean 'path:id'? (a text with ':' needs quotes)"),
        .init(
            .defaults, "require query:id == path:id",
            "21: there is no path to capture from in 'defaults'"),
        .init(.route, "origins any same", "9: 'any' cannot be combined with other words"),
        .init(
            .route, "origins app.example.kr",
            "9: expected any, same or an origin such as https://app.example.kr,"
                + " not 'app.example.kr' (did you mean 'https://app.example.kr'?)"),
        .init(
            .route, "origins https://app.example.kr/",
            "9: expected any, same or an origin such as https://app.example.kr,"
                + " not 'https://app.example.kr/' (did you mean 'https://app.example.kr'?)"),
        .init(
            .route, "origins https://*.example.kr",
            "9: expected any, same or an origin such as https://app.example.kr,"
                + " not 'https://*.example.kr'"),
        .init(
            .route, "origins nul",
            "9: expected any, same or an origin such as https://app.example.kr,"
                + " not 'nul' (did you mean 'https://nul'?)"),
        .init(
            .route, "origins file:///x",
            "9: expected any, same or an origin such as https://app.example.kr,"
                + " not 'file:///x'"),
        .init(
            .route, "methods GET, POST",
            "9: the elements of a list are separated by spaces, without ',' (did you mean 'GET'?)"),
        .init(
            .route, "auth app; roles admin, manager",
            "17: the elements of a list are separated by spaces, without ',' (did you mean"
                + " 'admin'?)"
        ),
        .init(
            .route, "websocket; buffer_body 1k",
            "12: 'buffer_body' has no effect on a WebSocket: its request has no body"),
        // what happens
        .init(
            .route, "header Content-Length 5", "8: 'Content-Length' is set by the gateway itself"),
        .init(
            .route, "header sec-websocket-key x",
            "8: 'sec-websocket-key' is set by the gateway itself"),
        .init(.route, "header X: 5", "8: 'X:' is not a header name"),
        .init(
            .route, "header Content_Length 5", "8: 'Content_Length' is set by the gateway itself"),
        .init(
            .rewrite, "header Sec.WebSocket.Key x",
            "8: 'Sec.WebSocket.Key' is set by the gateway itself"),
        .init(
            .route, "forward_token",
            "1: 'forward_token' is incomplete (expected: forward_token on|off)"),
        .init(
            .route, "header X {clent.address}",
            "10: no placeholder '{clent.address}' here (did you mean '{client.address}'?)"),
        .init(
            .route, #"header X "a\tb\n{idd}""#,
            "10: a header value must not contain line breaks or other control characters\n17: no"
                + " placeholder '{idd}' here (did you mean '{id}'?)"),
        .init(
            .defaults, "header X {id}",
            "10: no placeholder '{id}' here (known: {client.address} {request.id}"
                + " {request.method} {request.scheme} {request.host} {request.path}"
                + " {request.target} {auth.user} {auth.role})"),
        .init(.route, "refuse htp", "8: expected http or socket, not 'htp' (did you mean 'http'?)"),
        .init(
            .route, "explain al",
            "9: expected all, rules or off, not 'al' (did you mean 'all'?)"),
        .init(
            .route, "explain all off",
            "13: unexpected 'off' after 'explain' (expected: explain [all|rules|off])"),
        .init(
            .route, "while_away",
            "1: 'while_away' is incomplete (expected: while_away hold [DURATION] | retry | error)"),
        .init(
            .route, "while_away hol 5s",
            "12: expected hold, retry or error, not 'hol' (did you mean 'hold'?)"),
        .init(.route, "while_away 5s", "12: expected hold, retry or error, not '5s'"),
        .init(.route, "while_away hold 5", "17: '5' is not a duration (did you mean '5s'?)"),
        .init(.route, "while_away hold 11m", "17: '11m' is out of range (100ms to 10m)"),
        .init(.route, "while_away retry 5s", "18: unexpected word after 'while_away retry'"),
        .init(.bareRoute, "respond 600", "9: '600' is out of range (200 to 599)"),
        .init(.bareRoute, "respond 204 x", "13: an answer with status 204 has no body"),
        .init(.bareRoute, "redirect 200 /x", "10: expected 301, 302, 303, 307 or 308, not '200'"),
        .init(
            .bareRoute, #"redirect 308 "/a b""#,
            "14: a location must not be empty or contain spaces"),
        // paths
        .init(.top, "route a.kr { respond 200 }", "7: a route needs a path; write at least '/'"),
        .init(.top, "route a_b..kr/ { respond 200 }", "7: 'a_b..kr' is not a host name"),
        .init(
            .top, "route /a//b { respond 200 }",
            "10: this path has an empty segment, but paths are compared without doubled slashes"),
        .init(.top, "route /a/../b { respond 200 }", "10: paths are compared without '.' and '..'"),
        .init(
            .top, "route /a?b { respond 200 }", "8: a path must not contain a query or a fragment"),
        .init(
            .top, "route /a/{b}c { respond 200 }",
            "10: a capture must be a whole segment, as in '/ws/{name}'"),
        .init(.top, "route /{a}/{a} { respond 200 }", "12: '{a}' is captured twice"),
        .init(
            .top, "route /{a.b} { respond 200 }",
            "8: the name of a capture must consist of letters, digits and '_'"),
        .init(.top, "rewrite a to /b", "9: a path must begin with '/', unlike 'a'"),
        .init(.top, "rewrite /a to b", "15: a path must begin with '/', unlike 'b'"),
        .init(.top, "rewrite /a as /b", "12: expected 'to', not 'as'"),
        .init(
            .top, "rewrite /a /b",
            "1: 'rewrite' is incomplete (expected: rewrite FROM to TO | path matches REGEX to TO)"),
        .init(
            .top, "rewrite /a/{x} to /b/{y}",
            "22: no placeholder '{y}' here (known: {x})"),
        .init(.top, "rewrite /a to /b/{y}", "18: no placeholder '{y}' here (there are none)"),
        .init(
            .top, "rewrite /a to /b?c",
            "15: a path must not contain a query, a fragment or spaces"),
        .init(
            .rewrite, "require claim:id == path:user",
            "21: the path of this rewrite captures no '{user}'"),
    ]

    private static func nothing(_ rule: String) -> String {
        "this route has no '\(rule)' for 'report_only'"
    }
    private static let noTickets =
        "'ticket' needs 'auth NAME' of a jwt block that has 'tickets on'"

    @Test("Routes that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Sessions need to know what they count by")
    func sessionsWithoutRole() {
        let text = """
            sessions t { store query:x; limited admin; limit 1 block_new }
            sessions u { store claim:x; limit 1 block_new }
            sessions v { store path:x; limit 1 block_new }
            sessions w { store query:x; limited admin; limit 1 block_new; role query:role }
            route /t { backend app; sessions t }
            route /u { backend app; sessions u }
            route /v/{y} { backend app; sessions v }
            route /w { backend app; sessions w }
            route /ok/{x} { auth app; backend app; sessions t }
            route /fine/{x} { auth app; backend app; sessions u }
            route /good/{x} { backend app; sessions v }
            """
        #expect(
            complaints(prelude + text) == """
                6:34: error: 't' limits roles, but this route has no 'auth' to read them from \
                (take the role from the request with 'role query:role' in sessions 't')
                7:34: error: 'u' reads 'claim:x', but this route has no 'auth'
                8:38: error: 'v' reads 'path:x', but the path of this route captures no '{x}'
                """)
    }

    @Test("Every word of a route arrives") func everything() throws {
        let text = """
            jwt b { algorithms HS256; secret env:JWT_SECRET; audience a }
            route *.Example.kr/ws/{id}/ { websocket; methods GET PURGE; auth app or b; roles x y
            require claim:u == path:id; require query:a == "claim:x"; require query:s == plain
            origins same https://A.example.kr:443 http://b:8080 capacitor://localhost null FILE://
            compress over 1k level 9; sessions s; backend app
            header X-A "{client.address} {{x}}"; header X-B {id}
            refuse http; body_size 1m; message_size 2m; inflated_size 3m; send_queue 4m
            explain; while_away hold 8s
            forwarded on; ping 5s; silence 6s; comment 7s }
            """
        let result = read(prelude + text)
        #expect(result.diagnostics.isEmpty)
        var expected = RouteSettings(
            path: PathPattern(segments: [.literal("ws"), .capture("id")], hasTrailingSlash: true),
            destination: .backend(0))
        expected.host = .suffix("example.kr")
        expected.kind = .webSocket
        expected.methods = ["GET", "PURGE"]
        expected.auth = [0, 1]
        expected.roles = ["x", "y"]
        expected.require = [
            .equal(.source(.claim("u")), .source(.path("id"))),
            .equal(.source(.query("a")), .text("claim:x")),
            .equal(.source(.query("s")), .text("plain")),
        ]
        expected.origins = .listed([
            "https://a.example.kr", "http://b:8080", "capacitor://localhost", "null", "file://",
        ])
        expected.compression = .init(level: 9, over: 1024)
        expected.sessions = 0
        expected.headers = [
            .init(
                name: "X-A", value: .init(parts: [.placeholder("client.address"), .text(" {x}")])),
            .init(name: "X-B", value: .init(parts: [.placeholder("id")])),
        ]
        expected.refusesWithStatus = true
        expected.sendsForwarded = true
        expected.explanation = .all
        expected.whileAway = .hold(.seconds(8))
        expected.bodySize = 1 << 20
        expected.messageSize = 2 << 20
        expected.inflatedSize = 3 << 20
        expected.sendQueueSize = 4 << 20
        expected.pingInterval = .seconds(5)
        expected.silenceTimeout = .seconds(6)
        expected.lasting.commentInterval = .seconds(7)
        expected.position = .init(file: "gateway.conf", line: 3, column: 1)
        #expect(result.settings?.routes[1] == expected)
    }

    @Test("A bare route has the built-in defaults") func bare() throws {
        let settings = try #require(read(prelude + "route /a { backend app }").settings)
        var expected = RouteSettings(
            path: PathPattern(segments: [.literal("a")], hasTrailingSlash: false),
            destination: .backend(0))
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.routes[1] == expected)
        #expect(settings.routes[1].bodySize == nil)
        #expect(settings.routes[1].bodyBufferSize == nil)
    }

    @Test("Answers and redirects") func answers() throws {
        let text = """
            route a.kr/ { redirect 308 https://b.kr{request.target} }
            route localhost/x { respond 503 }
            """
        let settings = try #require(read(prelude + text).settings)
        #expect(settings.routes[1].host == .exact("a.kr"))
        #expect(settings.routes[1].path == PathPattern(segments: [], hasTrailingSlash: true))
        #expect(
            settings.routes[1].destination
                == .redirect(
                    status: 308,
                    location: Template(parts: [
                        .text("https://b.kr"), .placeholder("request.target"),
                    ])))
        #expect(settings.routes[2].destination == .respond(status: 503, body: ""))
    }

    @Test("Defaults fill in what a route leaves out, wherever they stand") func defaults() throws {
        let text = """
            route /plain { }
            route /own { auth off; compress off; sessions off; header B 2; ping 1s; origins same
              respond 200; body_size off; buffer_body off; refuse socket; forwarded off
              require query:x == y }
            route /kept { require claim:z == 1; require query:s in 1 2 }
            defaults {
                auth app; roles admin; require claim:a == b; require query:s in 1 2; origins any
                compress level 2; sessions s; backend app; header A 1; refuse http; body_size 1k
                ping 2s; methods GET; forwarded on; buffer_body 16k
            }
            """
        let result = read(prelude + text)
        let settings = try #require(result.settings)
        #expect(result.diagnostics.isEmpty)
        let (plain, own, kept) = (settings.routes[1], settings.routes[2], settings.routes[3])
        #expect(plain.auth == [0] && plain.roles == ["admin"] && plain.require.count == 2)
        #expect(plain.origins == .any && plain.sessions == 0 && plain.destination == .backend(0))
        #expect(plain.compression == .init(level: 2, over: 256) && plain.refusesWithStatus)
        #expect(plain.bodySize == 1024 && plain.pingInterval == .seconds(2))
        #expect(plain.bodyBufferSize == 16 << 10 && own.bodyBufferSize == nil)
        #expect(plain.methods == ["GET"] && plain.headers.map(\.name) == ["A"])
        #expect(own.auth.isEmpty && own.roles.isEmpty && own.sessions == nil)
        #expect(own.require == [.equal(.source(.query("x")), .text("y"))])
        #expect(own.origins == .sameOrigin && own.compression == nil && own.bodySize == nil)
        #expect(own.headers.map(\.name) == ["B"] && !own.refusesWithStatus)
        #expect(own.destination == .respond(status: 200, body: ""))
        #expect(plain.sendsForwarded && kept.sendsForwarded && !own.sendsForwarded)
        #expect(own.pingInterval == .seconds(1) && own.methods == ["GET"])
        #expect(
            kept.require == [
                .equal(.source(.claim("z")), .text("1")), .oneOf(.query("s"), ["1", "2"]),
            ])
    }

    @Test("Streams, and requests that are finished without their clients")
    func streams() throws {
        let text = """
            defaults { finish_without_client; sessions s; backend app }
            route /a { stream }
            route /b { events; finish_without_client off }
            route /c { websocket }
            route /d { stream; sessions off; finish_without_client on }
            """
        let result = read(prelude + text)
        let routes = try #require(result.settings).routes.dropFirst()
        #expect(result.diagnostics.isEmpty)
        #expect(routes.map(\.kind) == [.stream, .events, .webSocket, .stream])
        #expect(routes.map(\.finishesWithoutClient) == [true, false, false, true])
        #expect(routes.map(\.sessions) == [nil, 0, 0, nil])
    }

    @Test("Rules may only be reported about, and tokens be left at home") func reporting() throws {
        let text = """
            route /a { auth app optional; roles a; report_only roles auth }
            route /b { report_only auth app }
            route /c { report_only off }
            route /d { auth off }
            route /e { auth app or b; roles a; require claim:x == y }
            route /f { auth b; report_only require; require claim:x == y }
            route /g { auth b; ticket }
            defaults { backend app; auth app optional; report_only auth require }
            jwt b { algorithms HS256; secret env:JWT_SECRET; audience a; tickets on }
            """
        let result = read(prelude + text)
        #expect(result.diagnostics.isEmpty)
        let routes = try #require(result.settings).routes.dropFirst()
        #expect(
            routes.map(\.reportOnly) == [
                [.auth, .roles], [.auth], [], [], [.auth, .require], [.require], [.auth],
            ])
        #expect(routes.map(\.allowsAnonymous) == [true, false, true, false, false, false, false])
        #expect(routes.map(\.auth) == [[0], [0], [0], [], [0, 1], [1], [1]])
        #expect(routes.last?.destination == .ticket)
    }

    @Test("A mistake in the defaults is said once") func defaultsOnce() {
        let text = "defaults { auth nobody; ping 90s; silence 5s }\n"
        let routes = "route /a { backend app }\nroute /b { backend app }\n"
        #expect(
            complaints(prelude + text + routes) == """
                2:17: error: no jwt block named 'nobody' (defined: app)
                2:35: error: 'silence' must be longer than 'ping', else quiet clients are cut off
                """)
    }

    @Test("auth off leaves rules about tokens behind, others stay") func authOff() throws {
        let text =
            "route /a { auth off; backend app }\n"
            + "defaults { auth app; roles a; require claim:a == b; require query:c == d }"
        let settings = try #require(read(prelude + text).settings)
        #expect(settings.routes[1].roles.isEmpty)
        #expect(settings.routes[1].require == [.equal(.source(.query("c")), .text("d"))])
    }
}
