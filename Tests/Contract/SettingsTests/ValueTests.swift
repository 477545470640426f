import Settings
import Testing

@Suite("Values, well and badly written")
struct ValueTests {
    @Test(
        "Durations",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("30s", .seconds(30)), ("5m", .seconds(300)),
            ("2h", .seconds(7200)), ("1d", .seconds(86_400)), ("0001s", .seconds(1)),
        ])
    func durations(written: String, meant: Duration) throws {
        let settings = try #require(Bench.limits.settings(with: "keep_alive \(written)"))
        #expect(settings.limits.keepAliveTimeout == meant)
    }

    @Test(
        "Sizes count in 1024",
        arguments: [
            ("0", 0), ("256", 256), ("16k", 16 * 1024), ("1m", 1024 * 1024), ("1g", 1 << 30),
            ("1024g", 1 << 40),
        ])
    func sizes(written: String, meant: Int) throws {
        let settings = try #require(Bench.route.settings(with: "body_size \(written)"))
        #expect(settings.routes[1].bodySize == meant)
    }

    @Test(
        "Addresses",
        arguments: [
            ("0.0.0.0:80", SocketAddressSettings.ip(address: "0.0.0.0", port: 80)),
            ("[::1]:8443", .ip(address: "::1", port: 8443)),
            ("[2001:DB8::1]:1", .ip(address: "2001:db8::1", port: 1)),
            ("[::ffff:192.0.2.1]:1", .ip(address: "::ffff:192.0.2.1", port: 1)),
            ("localhost:0", .ip(address: "127.0.0.1", port: 0)),
            ("*:8443", .ip(address: "::", port: 8443)),
            ("unix:/run/a.sock", .unix(path: "/run/a.sock")),
            ("unix:a.sock", .unix(path: "a.sock")),
        ])
    func addresses(written: String, meant: SocketAddressSettings) throws {
        let settings = try #require(Bench.top.settings(with: "listen \(written)"))
        #expect(settings.listeners[1].address == meant)
    }

    @Test(
        "Networks",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("172.16.0.0/12", "172.31.9.9", true),
            ("172.16.0.0/12", "172.32.0.0", false),
        ])
    func networks(written: String, address: String, isInside: Bool) throws {
        let settings = try #require(Bench.top.settings(with: "trust \(written) ::1 fd00::/8"))
        let octets = address.split(separator: ".").compactMap { UInt8($0) }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + octets
        #expect(settings.trust.count == 3)
        #expect(settings.trust[0].contains(mapped) == isInside)
        #expect(settings.trust[1].prefixLength == 128)
        #expect(settings.trust[1].contains([UInt8](repeating: 0, count: 15) + [1]))
        #expect(settings.trust[2].contains([0xFD] + [UInt8](repeating: 7, count: 15)))
    }

    static let quantities: [Mistake] = [
        .init(.limits, "drain 10sec", "7: '10sec' is not a duration (did you mean '10s'?)"),
        .init(.limits, "drain 10", "7: '10' is not a duration (did you mean '10s'?)"),
        .init(.limits, "drain 5MIN", "7: '5MIN' is not a duration (did you mean '5m'?)"),
        .init(
            .limits, "drain 1.5h",
            "7: '1.5h' is not a duration (expected a number and ms, s, m, h or d, such as 30s)"),
        .init(
            .limits, "drain soon",
            "7: 'soon' is not a duration (expected a number and ms, s, m, h or d, such as 30s)"),
        .init(
            .limits, "drain -1s",
            "7: '-1s' is not a duration (expected a number and ms, s, m, h or d, such as 30s)"),
        .init(
            .limits, "drain ٣s",
            "7: '٣s' is not a duration (expected a number and ms, s, m, h or d, such as 30s)"),
        .init(.limits, "drain 2d", "7: '2d' is out of range (0ms to 1d)"),
        .init(.limits, "reload_ends 2d", "13: '2d' is out of range (0ms to 1d)"),
        .init(.limits, "reload_ends 10", "13: '10' is not a duration (did you mean '10s'?)"),
        .init(.limits, "keep_alive 0s", "12: '0s' is out of range (1ms to 1d)"),
        .init(
            .limits, "drain 99999999999999999999d",
            "7: '99999999999999999999d' is out of range (0ms to 1d)"),
        .init(
            .limits, "drain 9223372036854775807d",
            "7: '9223372036854775807d' is out of range (0ms to 1d)"),
        .init(.limits, "drain 10 s", "10: unexpected 's' after 'drain' (expected: drain DURATION)"),
        .init(.limits, "head_size 16kb", "11: '16kb' is not a size (did you mean '16k'?)"),
        .init(.limits, "head_size 16K", "11: '16K' is not a size (did you mean '16k'?)"),
        .init(.limits, "head_size 5MiB", "11: '5MiB' is not a size (did you mean '5m'?)"),
        .init(
            .limits, "head_size big",
            "11: 'big' is not a size (expected a number of octets, or one with k, m or g, such as"
                + " 16k)"
        ),
        .init(.route, "buffer_body 1023", "13: '1023' is out of range (1k to 1g)"),
        .init(.route, "buffer_body 2g", "13: '2g' is out of range (1k to 1g)"),
        .init(.route, "buffer_body of", "13: 'of' is unknown (did you mean 'off'?)"),
        .init(.limits, "head_size 5m", "11: '5m' is out of range (1k to 1m)"),
        .init(.limits, "head_fields 0", "13: '0' is out of range (1 to 10000)"),
        .init(.limits, "head_fields x", "13: expected a number from 1 to 10000, not 'x'"),
        .init(.limits, "head_fields +5", "13: expected a number from 1 to 10000, not '+5'"),
        .init(.limits, "head_fields \"\"", "13: expected a number from 1 to 10000, not ''"),
        .init(
            .limits, "head_fields 99999999999999999999",
            "13: '99999999999999999999' is out of range (1 to 10000)"),
        .init(.top, "workers atuo", "9: 'atuo' is unknown (did you mean 'auto'?)"),
        .init(.top, "workers many", "9: expected a number from 1 to 1024, not 'many'"),
        .init(
            .jwtWithSecret, "forward_token yes",
            "15: expected on or off, not 'yes' (did you mean 'on'?)"),
        .init(
            .jwtWithSecret, "user_header Transfer_Encoding",
            "13: 'Transfer_Encoding' is set by the gateway itself"),
        .init(
            .jwtWithSecret, "role_header X-A; user_header x_a",
            "2:1: 'user_header', 'role_header' and 'claims_header' need different names (many apps"
                + " read 'X_User' and 'X-User' as one)"),
        .init(.jwtWithSecret, "forward_token maybe", "15: expected on or off, not 'maybe'"),
        .init(
            .backend, "balance round-robin",
            "9: expected round_robin, least_connections, random or hash, not 'round-robin'"
                + " (did you mean 'round_robin'?)"),
    ]

    static let places: [Mistake] = [
        .init(
            .top, "listen 8443",
            "8: expected ADDRESS:PORT, [IPV6]:PORT or unix:PATH, not '8443'"
                + " (did you mean '*:8443'?)"),
        .init(
            .top, "listen 10.0.0.1",
            "8: expected ADDRESS:PORT, [IPV6]:PORT or unix:PATH, not '10.0.0.1'"
                + " (did you mean '10.0.0.1:8443'?)"),
        .init(.top, "listen ::1", "8: an IPv6 address needs brackets: [ADDRESS]:PORT"),
        .init(.top, "listen fe80::1%eth0:80", "8: 'fe80::1%eth0' is not an IPv4 or IPv6 address"),
        .init(.top, "listen [127.0.0.1]:80", "8: brackets are only for IPv6 addresses"),
        .init(.top, "listen 010.0.0.1:80", "8: '010.0.0.1' is not an IPv4 or IPv6 address"),
        .init(.top, "listen 1.2.3:80", "8: '1.2.3' is not an IPv4 or IPv6 address"),
        .init(.top, "listen [:::]:80", "8: ':::' is not an IPv4 or IPv6 address"),
        .init(
            .top, "listen [1:2:3:4:5:6:7:8:9]:80",
            "8: '1:2:3:4:5:6:7:8:9' is not an IPv4 or IPv6 address"),
        .init(
            .top, "listen [1:2:3:4:5:6:7::8]:80",
            "8: '1:2:3:4:5:6:7::8' is not an IPv4 or IPv6 address"
        ),
        .init(
            .top, "listen app:80",
            "8: host names cannot be used here: write the numeric address of 'app'"),
        .init(.top, "listen 127.0.0.1:", "17: expected a port from 0 to 65535, not ''"),
        .init(.top, "listen 127.0.0.1:65536", "18: expected a port from 0 to 65535, not '65536'"),
        .init(.top, "listen unix:", "8: expected a path after 'unix:'"),
        .init(
            .top, "listen unix:/" + String(repeating: "a", count: 107),
            "8: the path of a socket has at most 107 octets, this one has 108"),
        .init(
            .top, "listen :8443", "8: ':8443' has no address: write *:8443 for every address"),
        .init(
            .top, "listen https://0.0.0.0:8443",
            "8: an address has no scheme: write 0.0.0.0:8443 and 'tls' in its block"),
        .init(.top, "listen 127.0.0.1:80/", "8: an address has no path: write 127.0.0.1:80"),
        .init(
            .backend, "server http://127.0.0.1:8000",
            "8: an address has no scheme: write 127.0.0.1:8000"),
        .init(
            .backend, "server http://[::1]", "8: an address has no scheme: write [::1]:80"),
        .init(
            .backend, "server wss://127.0.0.1/ws",
            "8: an address has no scheme: write 127.0.0.1:443; servers are reached without TLS"),
        .init(
            .backend, "server 127.0.0.1:8000/app",
            "8: an address has no path: write 127.0.0.1:8000, and the path as a 'rewrite'"),
        .init(.backend, "server http://", "8: expected ADDRESS:PORT, not 'http://'"),
        .init(.backend, "server :80", "8: ':80' has no address: write 127.0.0.1:80"),
        .init(.backend, "server *:80", "8: '*' is not an IPv4 or IPv6 address"),
        .init(.backend, "server 127.0.0.1:0", "18: expected a port from 1 to 65535, not '0'"),
        .init(.top, "trust 10.0.0.0/33", "7: expected a prefix length from 0 to 32 after '/'"),
        .init(
            .top, "trust 10.0.0.1/8",
            "7: '10.0.0.1/8' has bits set after its prefix of 8 (write the network's own address)"),
        .init(.top, "trust lan", "7: expected a network such as 10.0.0.0/8, not 'lan'"),
        .init(
            .top, "trust 10.0.0.0/8/8",
            "7: expected a network such as 10.0.0.0/8, not '10.0.0.0/8/8'"),
        .init(
            .top, "listen 127.0.0.1:1",
            "8: '127.0.0.1:1' is used by two listeners (first set at line 1)"),
    ]

    private static let path =
        "after 'message:', write the names of members, joined by dots, as in"
        + " message:payload.Authorization"

    static let sources: [Mistake] = [
        .init(
            .sessionsWithLimit, "role qurey:role",
            "6: expected query:NAME, header:NAME, cookie:NAME, claim:NAME or path:NAME,"
                + " not 'qurey:role' (did you mean 'query:role'?)"),
        .init(
            .sessionsWithLimit, "role role",
            "6: expected query:NAME, header:NAME, cookie:NAME, claim:NAME or path:NAME,"
                + " not 'role'"),
        .init(.sessionsWithLimit, "role query:", "6: a name is missing after 'query:'"),
        .init(.sessionsWithLimit, "role header:X(1)", "6: this is not a header name"),
        .init(.sessionsWithLimit, "device query:a query:a", "16: 'query:a' is named twice"),
        .init(
            .jwtWithSecret, "from bearr",
            "6: expected bearer, subprotocol, cookie:NAME, query:NAME, header:NAME or message:PATH,"
                + " not 'bearr'"
                + " (did you mean 'bearer'?)"),
        .init(
            .jwtWithSecret, "from claim:x",
            "6: expected bearer, subprotocol, cookie:NAME, query:NAME, header:NAME or message:PATH,"
                + " not 'claim:x'"),
        .init(.jwtWithSecret, "from message:", "6: \(path)"),
        .init(.jwtWithSecret, "from message:a..b", "6: \(path)"),
        .init(.jwtWithSecret, "from \"message:a b\"", "6: \(path)"),
        .init(
            .jwtWithSecret, "from message:1.2.3.4.5.6.7.8.9",
            "6: at most 8 names may come after 'message:'"),
        .init(
            .jwtWithSecret, "from messag:a",
            "6: expected bearer, subprotocol, cookie:NAME, query:NAME, header:NAME or message:PATH,"
                + " not 'messag:a' (did you mean 'message:a'?)"),
        .init(.jwtWithSecret, "from message:a message:a", "16: 'message:a' is named twice"),
        .init(.jwtWithSecret, "from bearer bearer", "13: 'bearer' is named twice"),
        .init(.jwtWithSecret, "user_header X:Y", "13: 'X:Y' is not a header name"),
        .init(.jwtWithSecret, "user \"\"", "6: this value must not be empty"),
    ]

    @Test("Quantities and choices that make no sense", arguments: quantities)
    func quantity(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Addresses that make no sense", arguments: places)
    func place(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("Sources that make no sense", arguments: sources)
    func source(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }
}
