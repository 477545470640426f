import Settings
import Testing

@Suite("jwt, backend, sessions, listen, log")
struct BlockTests {
    static let mistakes: [Mistake] = [
        // listen and its certificates
        .init(
            .listen, "tls { certificate nope.pem; key tls/privkey.pem }",
            "19: no such file: 'nope.pem'"),
        .init(
            .listen, "tls { certificate tls/fullchain.pem }",
            "19: a certificate needs its 'key PATH' beside it"),
        .init(
            .listen, "tls { certificate self_signed; key tls/privkey.pem }",
            "36: 'certificate self_signed' makes up its own key"),
        .init(
            .listen, "tls { certificate self-signed }",
            "19: expected self_signed or a path, not 'self-signed' (did you mean 'self_signed'?)"),
        .init(
            .listen, "tls { certificate self_signed; versions 1.1 }",
            "41: expected 1.2 or 1.3, not '1.1' (did you mean '1.2'?)"),
        .init(
            .listen, "tls { certificate self_signed }; redirect https",
            "34: a listener with 'tls' cannot redirect to https"),
        .init(.listen, "redirect http", "10: expected https, not 'http' (did you mean 'https'?)"),
        .init(.listen, "redirect https 0", "16: '0' is out of range (1 to 65535)"),
        .init(
            .listen, "host a.kr { certificate self_signed }",
            "6: 'host' needs a 'tls' block beside it"),
        .init(
            .listen,
            "tls { certificate self_signed }\nhost a.kr { certificate self_signed }\n"
                + "host A.kr { certificate self_signed }",
            "5:6: host 'A.kr' is set twice (first set at line 4)"),
        .init(
            .listen, "tls { certificate self_signed } host a..kr { certificate self_signed }",
            "38: 'a..kr' is no host name"),
        // log
        .init(.log, "access json", "8: where to? (expected: access json stdout|stderr|PATH)"),
        .init(
            .log, "access jsn stdout", "8: expected json or off, not 'jsn' (did you mean 'json'?)"),
        .init(.log, "access off stdout", "12: nothing follows 'access off'"),
        // jwt
        .init(
            .jwtWithSecret, "algorithms HS256",
            "1: 'algorithms' is set twice (first set at line 2)"),
        .init(.jwt, "secret env:", "8: expected the name of an environment variable after 'env:'"),
        .init(.jwt, "secret env:NOPE", "8: the environment variable 'NOPE' is not set"),
        .init(.jwt, "secret env:EMPTY", "8: the environment variable holds an empty secret"),
        .init(.jwt, "secret file:nope", "8: cannot read 'nope': no such file"),
        .init(.jwt, "secret file:empty", "8: the file holds an empty secret"),
        .init(
            .jwt, "secret hunter2",
            "8: a secret does not stand in the configuration: write env:NAME for an environment"
                + " variable or file:PATH for a file that holds it"),
        .init(
            .top, "jwt j { secret env:JWT_SECRET; algorithms none HS265 RS256 HS256 HS256 }",
            "43: 'none' is no algorithm: unsigned tokens are never let in\n"
                + "48: expected HS256, HS384 or HS512, not 'HS265' (did you mean 'HS256'?)\n"
                + "54: 'RS256' is not available in this version (there are HS256, HS384, HS512)\n"
                + "66: 'HS256' is named twice"),
        .init(
            .top, "jwt app { secret env:JWT_SECRET; algorithms HS256 }",
            "5: jwt 'app' is defined twice (first at line 1)"),
        .init(
            .top, "jwt off { secret env:JWT_SECRET; algorithms HS256 }",
            "5: 'off' has a meaning of its own; choose another name"),
        .init(
            .top, "jwt a/b { secret env:JWT_SECRET; algorithms HS256 }",
            "5: 'a/b' is no name (letters, digits, '_', '-' and '.')"),
        // backend
        .init(
            .backend, "server 127.0.0.1:8002 weigth=2",
            "23: expected weight=N or backup, not 'weigth=2' (did you mean 'weight'?)"),
        .init(.backend, "server 127.0.0.1:8002 weight=0", "30: '0' is out of range (1 to 1000)"),
        .init(
            .backend, "server 127.0.0.1:8002 weight=",
            "29: expected a number from 1 to 1000, not ''"),
        .init(
            .backend, "server 127.0.0.1:8001",
            "8: '127.0.0.1:8001' is already a server of this group"),
        // sessions
        .init(.sessions, "limit 0 block_new", "7: '0' is out of range (1 to 1000000)"),
        .init(
            .sessions, "limit 2 block_nw",
            "9: expected block_new or eject_old, not 'block_nw' (did you mean 'block_new'?)"),
        .init(
            .sessionsWithLimit, "store 17 { }",
            "1: 'store' needs 'limit N block_new|eject_old'"),
        .init(
            .sessionsWithLimit, "store 17 { limit 1 eject_old }\nstore 17 { limit 2 eject_old }",
            "4:7: store '17' is set twice (first set at line 3)"),
        .init(
            .sessionsWithLimit, "message block_new KO \"x\"",
            "19: expected a language in lower case such as ko or en, not 'KO'"),
        .init(
            .sessionsWithLimit, #"message block_new ko "\"{mx}\"""#,
            "25: no placeholder '{mx}' here (did you mean '{max}'?)"),
        .init(
            .sessionsWithLimit, #"message block_new ko "a } b""#,
            "25: a single '}' (write '}}' for the bracket itself)"),
        .init(
            .sessionsWithLimit, "message replaced ko a\nmessage replaced ko b",
            "4:9: message 'replaced ko' is set twice (first set at line 3)"),
    ]

    @Test("Blocks that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        var desk = Desk.usual.with("empty", "\n")
        desk.variables["EMPTY"] = ""
        let text = mistake.bench.holding(mistake.text)
        let errors = read(text, at: desk).diagnostics.filter { $0.severity == .error }
        let said = errors.map { error in
            let line = error.position.line == 3 ? "" : "\(error.position.line):"
            return "\(line)\(error.position.column): \(error.message)"
        }
        #expect(said.joined(separator: "\n") == mistake.complaint)
    }

    @Test("Every word of a jwt block arrives") func tokens() throws {
        let text = """
            secret file:secrets/jwt; from query:t cookie:c bearer subprotocol; user u; role r
            issuer https://i; audience a b; leeway 0s; forward_token on; user_header U
            role_header R; claims_header C; allow_weak_keys on
            """
        let settings = try #require(
            read(prelude + "jwt j { algorithms HS512 HS384\n\(text) }").settings)
        var expected = TokenSettings(
            name: "j", algorithms: [.hs512, .hs384], secret: Secret(Array(Desk.secret.utf8)))
        expected.from = [.query("t"), .cookie("c"), .bearer, .subprotocol]
        expected.userClaim = "u"
        expected.roleClaim = "r"
        expected.issuer = "https://i"
        expected.audiences = ["a", "b"]
        expected.leeway = .zero
        expected.forwardsToken = true
        expected.userHeader = "U"
        expected.roleHeader = "R"
        expected.claimsHeader = "C"
        expected.allowsWeakKeys = true
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.tokens[1] == expected)
    }

    @Test("Every word of a backend block arrives") func backends() throws {
        let text = """
            backend b { server 127.0.0.1:1 weight=3; server [::1]:2 backup
            server unix:/s weight=2 backup; balance least_connections; connect_timeout 1s
            response_timeout 2s; handshake_timeout 3s
            retries 4; fail_timeout 5s; keep_alive 6; keep_alive_timeout 7s }
            """
        let settings = try #require(read(prelude + text).settings)
        var expected = BackendSettings(
            name: "b",
            servers: [
                .init(address: .ip(address: "127.0.0.1", port: 1), weight: 3),
                .init(address: .ip(address: "::1", port: 2), isBackup: true),
                .init(address: .unix(path: "/s"), weight: 2, isBackup: true),
            ])
        expected.balance = .leastConnections
        expected.connectTimeout = .seconds(1)
        expected.responseTimeout = .seconds(2)
        expected.webSocketHandshakeTimeout = .seconds(3)
        expected.retries = 4
        expected.failTimeout = .seconds(5)
        expected.keepAlive = 6
        expected.keepAliveTimeout = .seconds(7)
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.backends[1] == expected)
    }

    @Test("Every word of a sessions block arrives") func sessions() throws {
        let text = """
            sessions t { store path:s; device cookie:d header:D; role query:role; limited a b
            limit 2 block_new; store 17 { limit 5 eject_old }; store "a b" { limit 1 block_new }
            message block_new ko "{max}대"; message replaced en "{device} of {store}, {policy}" }
            """
        let settings = try #require(read(prelude + text).settings)
        var expected = SessionSettings(
            name: "t", store: .path("s"), limit: .init(devices: 2, policy: .blockNew))
        expected.device = [.cookie("d"), .header("D")]
        expected.role = .query("role")
        expected.limited = ["a", "b"]
        expected.stores = [
            "17": .init(devices: 5, policy: .ejectOld), "a b": .init(devices: 1, policy: .blockNew),
        ]
        expected.messages = [
            .init(occasion: .blockNew, language: "ko", text: "{max}대"),
            .init(occasion: .replaced, language: "en", text: "{device} of {store}, {policy}"),
        ]
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.sessions[1] == expected)
    }

    @Test("Every word of the server's own blocks arrives") func server() throws {
        let text = """
            workers 3; trust 10.0.0.0/8; log { access json logs/access.json; level debug }
            limits { tls_handshake 1s; request_head 2s; head_size 3k; head_fields 4; target_size 5k
            keep_alive 6s; drain 7s; connections 8 }
            listen *:8443 {
                tls { certificate tls/fullchain.pem; key tls/privkey.pem; versions 1.3 }
                host api.Example.kr { certificate tls/api.pem; key tls/api.key }
                host *.example.kr { certificate self_signed }
            }
            listen [::1]:80 { redirect https }
            listen [::1]:81 { redirect https 8443 }
            """
        let result = read(prelude + text)
        let settings = try #require(result.settings)
        #expect(result.diagnostics.isEmpty)
        #expect(settings.workers == 3)
        #expect(settings.log.access == .file("logs/access.json"))
        #expect(settings.log.level == .debug)
        var limits = LimitSettings()
        limits.tlsHandshakeTimeout = .seconds(1)
        limits.requestHeadTimeout = .seconds(2)
        limits.requestHeadSize = 3 * 1024
        limits.requestFieldCount = 4
        limits.targetSize = 5 * 1024
        limits.keepAliveTimeout = .seconds(6)
        limits.drainTimeout = .seconds(7)
        limits.connections = 8
        #expect(settings.limits == limits)
        var tls = TLSSettings(
            certificate: .files(chain: "tls/fullchain.pem", key: "tls/privkey.pem"))
        tls.versions = [.v13]
        tls.hosts = [
            .init(
                name: "api.example.kr",
                certificate: .files(chain: "tls/api.pem", key: "tls/api.key"),
                position: .init(file: "gateway.conf", line: 7, column: 5)),
            .init(
                name: "*.example.kr", certificate: .selfSigned,
                position: .init(file: "gateway.conf", line: 8, column: 5)),
        ]
        #expect(settings.listeners[1].tls == tls)
        #expect(settings.listeners[1].position == .init(file: "gateway.conf", line: 5, column: 1))
        #expect(settings.listeners.map(\.redirectToHTTPS) == [nil, nil, .standard, .port(8443)])
    }

    @Test("Nothing said, every default holds") func defaults() throws {
        let settings = try #require(read(prelude).settings)
        #expect(settings.workers == nil)
        #expect(settings.log == LogSettings())
        #expect(settings.limits == LimitSettings())
        #expect(settings.trust.isEmpty)
        #expect(settings.rewrites.isEmpty)
        #expect(read(prelude + "workers auto; log { access off }").settings?.workers == .some(nil))
    }
}
