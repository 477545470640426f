import Settings
import Testing

@Suite("All errors at once")
struct RecoveryTests {
    @Test("Five mistakes, five diagnostics") func five() {
        let text = """
            listen 127.0.0.1:8443 { tls { certificate self_signed } }
            backend app { server 127.0.0.1:8000; conect_timeout 3s }
            backend billing { server 127.0.0.1:8001; retries 99 }
            sessions dashboards {
                store query:store_id
                limit 2 block_nw
            }
            limits { drain 10sec }
            route / { backend ap }
            """
        #expect(
            rendered(text) == """
                gateway.conf:2:38: error: unknown directive 'conect_timeout' in 'backend' \
                (did you mean 'connect_timeout'?)
                    2 | backend app { server 127.0.0.1:8000; conect_timeout 3s }
                      |                                      ^~~~~~~~~~~~~~
                gateway.conf:3:50: error: '99' is out of range (0 to 10)
                    3 | backend billing { server 127.0.0.1:8001; retries 99 }
                      |                                                  ^~
                gateway.conf:6:13: error: expected block_new or eject_old, not 'block_nw' \
                (did you mean 'block_new'?)
                    6 |     limit 2 block_nw
                      |             ^~~~~~~~
                gateway.conf:8:16: error: '10sec' is not a duration (did you mean '10s'?)
                    8 | limits { drain 10sec }
                      |                ^~~~~
                gateway.conf:9:19: error: no backend group named 'ap' (defined: app, billing)
                    9 | route / { backend ap }
                      |                   ^~
                """)
    }

    @Test("A misspelt block is read as what it was meant to be") func misspeltBlock() {
        let text =
            prelude + "sesions t { store query:x; limit two block_new }\n"
            + "route /x { backend app; sessions t }"
        #expect(
            complaints(text) == """
                2:1: error: unknown directive 'sesions' (did you mean 'sessions'?)
                2:34: error: expected a number from 1 to 1000000, not 'two'
                """)
    }

    @Test("A block without its name is still checked, and nobody is blamed for calling it")
    func namelessBlock() {
        let servers =
            "ADDRESS|HOST:PORT|srv:NAME [weight=N] [max_connections=N] [backup] [down]"
            + " [must_resolve]"
        let text = prelude + "backend { retries x }\nroute /x { backend web }"
        #expect(
            complaints(text) == """
                2:1: error: 'backend' is incomplete (expected: backend NAME { … })
                2:1: error: 'backend' needs 'server \(servers)'
                2:19: error: expected a number from 0 to 10, not 'x'
                """)
    }

    @Test("One lost bracket costs one error") func lostBracket() {
        let text =
            prelude + """
                backend web {
                    server 127.0.0.1:8001
                route /x {
                    backend web
                }
                limits {
                    drain 1s
                """
        #expect(
            complaints(text) == """
                2:13: error: this '{' is not closed before 'route' in line 4
                7:8: error: this '{' is never closed
                """)
    }

    @Test("A bracket too late is not counted twice") func lateBracket() {
        let text = prelude + "backend web {\nserver 127.0.0.1:8001\nlimits { drain 1s }\n}\n"
        #expect(complaints(text) == "2:13: error: this '{' is not closed before 'limits' in line 4")
    }

    @Test("A word of the top level at home in a block stays there") func atHome() {
        #expect(complaints(prelude + "route /x {\nbackend app\nsessions off\n}\n") == "")
    }

    @Test("A bracket on a line of its own is the block of the line before") func ownLine() {
        let text = prelude + "route /x\n{\n    backend ap\n}\n"
        #expect(
            complaints(text) == """
                3:1: error: '{' must be at the end of the line of 'route'
                4:13: error: no backend group named 'ap' (defined: app)
                """)
    }

    @Test("Blocks cannot be nested forever") func depth() {
        let deep = String(repeating: "a {", count: 100_000)
        let text = complaints(prelude + deep)
        #expect(text.contains("2:27: error: blocks are nested more than 8 deep"))
        #expect(text.split(separator: "\n").count < 20)
    }

    static let misplaced: [Mistake] = [
        .init(
            .top, "rout / { }",
            "1: unknown directive 'rout' (did you mean 'route'?)\n"
                + "1: a route needs 'backend', 'respond', 'redirect' or 'ticket'"
        ),
        .init(.top, "xyzzy", "1: unknown directive 'xyzzy'"),
        .init(.top, "console 127.0.0.1:9901", "1: 'console' needs a block (expected: \(console))"),
        .init(.top, "tls { }", "1: unknown directive 'tls' (it belongs in 'listen' or 'backend')"),
        .init(
            .top, "redirect https",
            "1: unknown directive 'redirect' (it belongs in 'listen', 'rewrite' or 'route')"),
        .init(.top, "location / { }", "1: unknown directive 'location' (did you mean 'route'?)"),
        .init(
            .route, "    listen 127.0.0.1:3",
            "5: unknown directive 'listen' in 'route' (it belongs at the top level)"),
        .init(
            .defaults, "websocket",
            "1: unknown directive 'websocket' in 'defaults' (it belongs in 'route')"),
        .init(
            .limits, "kep_alive 1s",
            "1: unknown directive 'kep_alive' in 'limits' (did you mean 'keep_alive'?)"),
        .init(.top, "workers", "1: 'workers' is incomplete (expected: workers auto|N)"),
        .init(
            .route, "websocket on",
            "11: unexpected 'on' after 'websocket' (it takes no value: leave it out to switch it"
                + " off)"
        ),
        .init(
            .route, "compress on", "10: write 'compress' without 'on': that alone switches it on"),
        .init(.top, "workers 1 2", "11: unexpected '2' after 'workers' (expected: workers auto|N)"),
        .init(.top, "workers 1 { }", "11: 'workers' takes no block"),
        .init(.top, "backend x", "1: 'backend' needs a block (expected: backend NAME { … })"),
        .init(
            .top, "route /y {backend}",
            "10: unexpected '{backend}' after 'route' (a block needs a space after its '{')"),
        .init(.limits, "drain 1s; drain 2s", "11: 'drain' is set twice (first set at line 3)"),
        .init(
            .sessionsWithLimit, "limit 3 eject_old", "1: 'limit' is set twice (first set at line 2)"
        ),
        .init(
            .top, "defaults { }\ndefaults { }", "4:1: 'defaults' is set twice (first set at line 3)"
        ),
        .init(
            .sessions, "",
            "2:1: 'sessions' needs 'limit [ROLE…] [claim:NAME or] N block_new|eject_old'"),
        .init(.jwt, "", "2:1: 'jwt' needs a key: 'secret', 'public_key', 'jwk' or 'jwks'"),
        .init(.tls, "versions 1.3", "2:22: 'tls' needs 'certificate PATH|self_signed'"),
    ]

    private static let console = "console ADDRESS { … }"

    @Test("What stands in the wrong place says what would stand there", arguments: misplaced)
    func placing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("A file that says nothing listens nowhere", arguments: ["", "\n\n", "# nothing"])
    func empty(text: String) {
        #expect(complaints(text) == "1:1: error: there is no 'listen': clients could not connect")
    }
}
