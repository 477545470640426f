import Forwarding
import Settings
import Testing

@Suite("backend, listen, log, console")
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
            "36: 'certificate self_signed' makes its own key: remove this line"),
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
            "38: 'a..kr' is not a host name"),
        .init(
            .listen, "proxy_protocol",
            "1: 'proxy_protocol' needs 'trust CIDR…' at the top level: PROXY headers are accepted"
                + " only from proxies that are named there"
        ),
        .init(
            .listen, "proxy_protocol onn",
            "16: expected on or off, not 'onn' (did you mean 'on'?)"),
        .init(
            .listen, "proxy_protocol on off",
            "19: unexpected 'off' after 'proxy_protocol' (expected: proxy_protocol [on|off])"),
        .init(
            .top, "trust 10.0.0.0/8; listen unix:s { proxy_protocol }",
            "35: a client of a Unix domain socket has no address that 'trust' could name, so"
                + " 'proxy_protocol' is for IP addresses"),
        .init(
            .top, "trust_fields x-forwarded",
            "14: expected any, x_forwarded or forwarded, not 'x-forwarded' (did you mean"
                + " 'x_forwarded'?)"),
        .init(
            .backend, "server 127.0.0.1:1; send_proxy v3",
            "32: expected v1, v2 or off, not 'v3' (did you mean 'v1'?)"),
        .init(
            .backend, "server 127.0.0.1:1; send_proxy of",
            "32: expected v1, v2 or off, not 'of' (did you mean 'off'?)"),
        .init(.route, "forwarded yes", "11: expected on or off, not 'yes' (did you mean 'on'?)"),
        // log
        .init(
            .log, "access json",
            "8: the target is missing (expected: access json stdout|stderr|PATH)"),
        .init(
            .log, "access jsn stdout", "8: expected json or off, not 'jsn' (did you mean 'json'?)"),
        .init(.log, "access off stdout", "12: unexpected word after 'access off'"),
        // names
        .init(
            .top, "jwt app { secret env:JWT_SECRET; algorithms HS256 }",
            "5: jwt 'app' is defined twice (first at line 1)"),
        .init(
            .top, "jwt off { secret env:JWT_SECRET; algorithms HS256 }",
            "5: 'off' is a word of the configuration; choose another name"),
        .init(
            .top, "jwt a/b { secret env:JWT_SECRET; algorithms HS256 }",
            "5: 'a/b' is not a name (letters, digits, '_', '-' and '.')"),
        // limits
        .init(.limits, "attempts", "1: 'attempts' is incomplete (expected: \(attempts))"),
        .init(.limits, "attempts 0", "10: '0' is unknown (did you mean 'off'?)"),
        .init(.limits, "attempts of", "10: 'of' is unknown (did you mean 'off'?)"),
        .init(.limits, "attempts off burst 2", "14: unexpected word after 'attempts off'"),
        .init(
            .limits, "attempts 5 brst 2", "12: expected burst, not 'brst' (did you mean 'burst'?)"),
        .init(.limits, "attempts 5 burst", "12: a number is missing after 'burst'"),
        .init(.limits, "attempts 5 burst 0", "18: '0' is out of range (1 to 200000)"),
        .init(.limits, "body_rate", "1: 'body_rate' is incomplete (expected: body_rate \(rate))"),
        .init(.limits, "body_rate 0", "11: '0' is unknown (did you mean 'off'?)"),
        .init(.limits, "body_rate 500/s", "11: \(noSize)"),
        .init(.limits, "body_rate of", "11: 'of' is unknown (did you mean 'off'?)"),
        .init(.limits, "body_rate off over 5s", "15: unexpected word after 'body_rate off'"),
        .init(
            .limits, "body_rate 500 ovr 5s", "15: expected over, not 'ovr' (did you mean 'over'?)"),
        .init(.limits, "body_rate 500 over", "15: a duration is missing after 'over'"),
        .init(.limits, "body_rate 500 over 5", "20: '5' is not a duration (did you mean '5s'?)"),
        .init(.limits, "response_rate 500 over 2h", "24: '2h' is out of range (1s to 1h)"),
        .init(.limits, "response_rate 2g", "15: '2g' is out of range (1 to 1g)"),
        .init(.limits, "memory 1k", "8: '1k' is out of range (1m to 1024g)"),
        .init(.limits, "memory of", "8: 'of' is unknown (did you mean 'off'?)"),
        // console
        .init(
            .top, "console 127.0.0.1:9901 { }", "1: 'console' needs 'token env:NAME|file:PATH'"),
        .init(.top, "console 9901 { token env:JWT_SECRET }", "9: \(noAddress)"),
        .init(
            .top, "console *:9901 { token env:JWT_SECRET }",
            "9: other machines could reach the console at '*:9901' (write 'allow_remote on' to"
                + " allow that, or use 127.0.0.1)"
        ),
        .init(
            .top, "console 127.0.0.1:1 { token env:JWT_SECRET }",
            "9: '127.0.0.1:1' is taken by the listener at line 1"),
        .init(
            .top, "console 127.0.0.1:9901 { token hunter2 }",
            "32: a secret must not be written into the configuration: write env:NAME for an"
                + " environment variable or file:PATH for a file that contains it"),
        // backend
        .init(
            .backend, "server 127.0.0.1:8002 weigth=2",
            "23: expected weight=N, max_connections=N, backup, down or must_resolve, not 'weigth=2'"
                + " (did you mean 'weight'?)"),
        .init(
            .backend, "server 127.0.0.1:8002 weight 2",
            "23: a weight is one word: write weight=2"),
        .init(
            .backend, "server 127.0.0.1:8002 weight:3 backup",
            "23: a weight is one word: write weight=3"),
        .init(
            .backend, "server 127.0.0.1:8002 weight backup",
            "23: a weight is one word: write weight=N"),
        .init(
            .backend, "server 127.0.0.1:8002 weight=1001",
            "30: '1001' is out of range (0 to 1000)"),
        .init(
            .backend, "server 127.0.0.1:8002 weight=",
            "29: expected a number from 0 to 1000, not ''"),
        .init(
            .backend, "server 127.0.0.1:8001",
            "8: '127.0.0.1:8001' is already a server of this group"),
    ]

    private static let attempts = "attempts N [burst N] | off"
    private static let rate = "SIZE [over DURATION] | off"
    private static let noSize =
        "'500/s' is not a size (expected a number of octets, or one with k, m or g, such as 16k)"
    private static let noAddress =
        "expected ADDRESS:PORT, [IPV6]:PORT or unix:PATH, not '9901' (did you mean '*:9901'?)"

    @Test(
        "Attempts that may fail",
        arguments: [
            ("7", AttemptLimit(perSecond: 7, burst: 14)), ("off", nil),
            ("7 burst 9", AttemptLimit(perSecond: 7, burst: 9)),
        ] as [(String, AttemptLimit?)])
    func attempts(text: String, limit: AttemptLimit?) throws {
        let settings = try #require(Bench.limits.settings(with: "attempts \(text)"))
        #expect(settings.limits.failedAttempts == limit)
    }

    @Test(
        "Least rates",
        arguments: [
            ("7", LeastRate(octetsPerSecond: 7, patience: .seconds(30))),
            ("1k over 5s", LeastRate(octetsPerSecond: 1024, patience: .seconds(5))),
            ("off", LeastRate.standstill),
        ])
    func rates(text: String, rate: LeastRate) throws {
        let settings = try #require(
            Bench.limits.settings(with: "body_rate \(text); response_rate off"))
        #expect(settings.limits.bodyRate == rate)
        #expect(settings.limits.responseRate == .standstill)
    }

    @Test("The limit of memory", arguments: [("16m", 16 << 20), ("off", nil)] as [(String, Int?)])
    func memory(text: String, limit: Int?) throws {
        let settings = try #require(Bench.limits.settings(with: "memory \(text)"))
        #expect(settings.limits.memory == limit)
        #expect(LimitSettings().memory == 1 << 30)
    }

    @Test("What an answered client may still send, and a server pause") func lingering() throws {
        let off = try #require(Bench.limits.settings(with: "lingering_time off")).limits
        #expect(off.lingering.time == nil)
        let all = "lingering_time 16s; lingering_timeout 17s; lingering_rate 18m"
        var limit = LingeringLimit()
        limit.time = .seconds(16)
        limit.timeout = .seconds(17)
        limit.octetsPerSecond = 18 << 20
        #expect(try #require(Bench.limits.settings(with: all)).limits.lingering == limit)
        #expect(LimitSettings().lingering.time == .seconds(30))
        #expect(LimitSettings().lingering.timeout == .seconds(5))
        let text = "backend b { server 127.0.0.1:1; response_pause off }"
        let settings = try #require(read(prelude + text).settings)
        #expect(settings.backends[1].responsePause == nil)
        #expect(settings.backends[0].responsePause == .seconds(60))
    }

    @Test("Blocks that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Every word of a backend block arrives") func backends() throws {
        let text = """
            backend b { server 127.0.0.1:1 weight=3; server [::1]:2 backup
            server unix:/s weight=2 backup; balance least_connections; connect_timeout 1s
            response_timeout 2s; response_pause 8s; handshake_timeout 3s
            retries 4; fail_timeout 5s; keep_alive 6; keep_alive_timeout 7s; send_proxy v2 }
            """
        let settings = try #require(read(prelude + text).settings)
        var expected = BackendSettings(
            name: "b",
            servers: [
                .init(address: .ip(address: "127.0.0.1", port: 1), weight: 3),
                .init(address: .ip(address: "::1", port: 2), isBackup: true),
                .init(address: .unix(path: "/s"), weight: 2, isBackup: true),
            ])
        expected.choice.balance = .leastConnections
        expected.connectTimeout = .seconds(1)
        expected.responseTimeout = .seconds(2)
        expected.responsePause = .seconds(8)
        expected.webSocketHandshakeTimeout = .seconds(3)
        expected.bounds.retries = 4
        expected.failTimeout = .seconds(5)
        expected.keepAlive.count = 6
        expected.keepAlive.timeout = .seconds(7)
        expected.proxyHeader = .v2
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        #expect(settings.backends[1] == expected)
    }

    private static func place(_ line: Int, _ column: Int) -> SourcePosition {
        .init(file: "gateway.conf", line: line, column: column)
    }

    /// What the lines 9 to 11 below mean.
    private static var tls: TLSSettings {
        var tls = TLSSettings(
            certificate: .files(chain: "tls/fullchain.pem", key: "tls/privkey.pem"))
        tls.versions = [.v13]
        tls.hosts = [
            .init(
                name: "api.example.kr",
                certificate: .files(chain: "tls/api.pem", key: "tls/api.key"),
                position: .init(file: "gateway.conf", line: 10, column: 5)),
            .init(
                name: "*.example.kr", certificate: .selfSigned,
                position: .init(file: "gateway.conf", line: 11, column: 5)),
        ]
        tls.words = .init(certificate: place(9, 23), key: place(9, 46))
        tls.hosts[0].words = .init(certificate: place(10, 39), key: place(10, 56))
        tls.hosts[1].words = .init(certificate: place(11, 37), key: place(11, 5))
        return tls
    }

    @Test("Every word of the server's own blocks arrives") func server() throws {
        let text = """
            workers 3; trust 10.0.0.0/8; log { access json logs/access.json; level debug }
            limits { tls_handshake 1s; request_head 2s; head_size 3k; head_fields 4; target_size 5k
            keep_alive 6s; drain 7s; reload_ends 10s; connections 8; connections_per_address 11
            attempts 9 burst 10; body_rate 11 over 12s; response_rate 13 over 14s; memory 15m
            first_message 16s }
            console [::1]:99 { token env:GATEWAY_CONSOLE_TOKEN; allow_remote off }
            listen *:8443 {
                tls { certificate tls/fullchain.pem; key tls/privkey.pem; versions 1.3 }
                host api.Example.kr { certificate tls/api.pem; key tls/api.key }
                host *.example.kr { certificate self_signed }
            }
            listen [::1]:80 { redirect https }
            listen [::1]:81 { redirect https 8443; proxy_protocol }
            listen [::1]:82 { proxy_protocol on }
            listen [::1]:83 { proxy_protocol off }
            trust_fields forwarded
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
        limits.drain.time = .seconds(7)
        limits.reloadEnds = .seconds(10)
        limits.connections = 8
        limits.connectionsPerAddress = 11
        limits.failedAttempts = AttemptLimit(perSecond: 9, burst: 10)
        limits.bodyRate = LeastRate(octetsPerSecond: 11, patience: .seconds(12))
        limits.responseRate = LeastRate(octetsPerSecond: 13, patience: .seconds(14))
        limits.memory = 15 << 20
        limits.firstMessageTimeout = .seconds(16)
        #expect(settings.limits == limits)
        var console = ConsoleSettings(
            address: .ip(address: "::1", port: 99), token: Secret(Array(Desk.token.utf8)))
        console.position = .init(file: "gateway.conf", line: 7, column: 1)
        console.addressPosition = .init(file: "gateway.conf", line: 7, column: 9)
        #expect(settings.console == console)
        #expect(settings.listeners[1].tls == Self.tls)
        #expect(settings.listeners[1].addressPosition == Self.place(8, 8))
        #expect(settings.listeners[1].position == .init(file: "gateway.conf", line: 8, column: 1))
        #expect(
            settings.listeners.map(\.redirectToHTTPS)
                == [nil, nil, .standard, .port(8443), nil, nil])
        #expect(
            settings.listeners.map(\.expectsProxyHeader) == [
                false, false, false, true, true, false,
            ])
        #expect(settings.trustedFields == .forwarded)
    }

    @Test("Nothing said, every default holds") func defaults() throws {
        let settings = try #require(read(prelude).settings)
        #expect(settings.workers == nil)
        #expect(settings.log == LogSettings())
        #expect(settings.limits == LimitSettings())
        #expect(settings.trust.isEmpty)
        #expect(settings.trustedFields == .any)
        #expect(settings.listeners.allSatisfy { !$0.expectsProxyHeader })
        #expect(settings.backends.allSatisfy { $0.proxyHeader == nil })
        #expect(settings.rewrites.isEmpty)
        #expect(settings.console == nil)
        #expect(settings.limits.failedAttempts == AttemptLimit(perSecond: 20, burst: 40))
        #expect(read(prelude + "workers auto; log { access off }").settings?.workers == .some(nil))
    }
}
