import Settings
import Testing

@Suite("Who may come, and how often")
struct AccessTests {
    static let mistakes: [Mistake] = [
        .init(.route, "allow", "1: 'allow' is incomplete (expected: allow CIDR|all|unix…)"),
        .init(.route, "deny 10.0.0.0/33", "6: expected a prefix length from 0 to 32 after '/'"),
        .init(
            .route, "deny 10.0.0.1/8",
            "6: '10.0.0.1/8' has bits set after its prefix of 8 (write the network's own address)"
        ),
        .init(
            .route, "deny al",
            "6: expected \(pattern), not 'al' (did you mean 'all'?)"),
        .init(
            .route, "deny example.kr",
            "6: expected \(pattern), not 'example.kr'"),
        .init(.route, "allow any", "7: expected \(pattern), not 'any' (did you mean 'all'?)"),
        .init(.listen, "deny *", "6: expected \(pattern), not '*' (did you mean 'all'?)"),
        .init(
            .route, "allow unix:/s",
            "7: expected \(pattern), not 'unix:/s' (did you mean 'unix'?)"),
        .init(
            .listen, "allow 10.0.0.0/8, fd00::/8, ::1",
            "7: the elements of a list are separated by spaces, without ',' (did you mean"
                + " '10.0.0.0/8'?)"
        ),
        .init(.route, "deny all; allow ::1", "17: nothing is left to decide after 'all'"),
        .init(
            .route, "allow ::1; deny fd00::/8 ::1",
            "26: '::1' is named twice; only the first one counts"),
        .init(.listen, "deny all; allow ::1", "17: nothing is left to decide after 'all'"),
        .init(.listen, "allow ::1/", "7: expected a prefix length from 0 to 128 after '/'"),
        // rates
        .init(.route, "rate", "1: 'rate' is incomplete (expected: \(rate))"),
        .init(
            .route, "rate 10 by address",
            "6: '10' is not a rate: expected a number and /s, /m or /h, such as 10/s (did you mean"
                + " '10/s'?)"),
        .init(
            .route, "rate 10/min by address",
            "6: '10/min' is not a rate: expected a number and /s, /m or /h, such as 10/s (did you"
                + " mean '10/m'?)"),
        .init(
            .route, "rate 10/d by address",
            "6: '10/d' is not a rate: expected a number and /s, /m or /h, such as 10/s"),
        .init(
            .route, "rate 10/s/s by address",
            "6: '10/s/s' is not a rate: expected a number and /s, /m or /h, such as 10/s"),
        .init(
            .route, "rate fast by address",
            "6: 'fast' is not a rate: expected a number and /s, /m or /h, such as 10/s"),
        .init(.route, "rate 0/s by address", "6: '0/s' is out of range (1 to 1000000)"),
        .init(.route, "rate 1000001/h by address", "6: '1000001/h' is out of range (1 to 1000000)"),
        .init(
            .route, "rate 99999999999999999999/h by address",
            "6: '99999999999999999999/h' is out of range (1 to 1000000)"),
        .init(.route, "rate 10/s", "6: 'by address|user|SOURCE' is missing"),
        .init(.route, "rate 10/s burst 5", "6: 'by address|user|SOURCE' is missing"),
        .init(.route, "rate 10/s burst", "11: a number is missing after 'burst'"),
        .init(.route, "rate 10/s burst 0 by address", "17: '0' is out of range (1 to 1000000)"),
        .init(
            .route, "rate 10/s brst 5 by address",
            "11: expected burst or by, not 'brst' (did you mean 'burst'?)"),
        .init(.route, "rate 10/s burst 5 for address", "19: expected by, not 'for'"),
        .init(.route, "rate 10/s by", "11: address, user or a SOURCE is missing after 'by'"),
        .init(
            .route, "rate 10/s by adress",
            "14: expected address, user, \(sources), not 'adress' (did you mean 'address'?)"),
        .init(
            .route, "rate 10/s by qery:a",
            "14: expected \(sources), not 'qery:a' (did you mean 'query:a'?)"),
        .init(.route, "rate 10/s by header:", "14: a name is missing after 'header:'"),
        .init(
            .route, "rate 10/s by address burst 5",
            "22: unexpected word after 'address' ('burst N' comes before 'by')"),
        .init(
            .route, "rate 10/s by path:store",
            "14: the path of this route captures no '{store}'"),
        .init(
            .defaults, "rate 10/s by path:id",
            "14: there is no path to capture from in 'defaults'"),
        .init(
            .route, "rate 10/s by user",
            "14: 'user' needs 'auth NAME': without a token there is nothing to count by"),
        .init(
            .route, "rate 10/s by claim:tenant",
            "14: 'claim:tenant' needs 'auth NAME': without a token there is nothing to count by"),
        .init(
            .route, "rate 10/s by address; rate 10/s burst 10 by address",
            "23: this rate is set twice"),
        .init(.route, "rate off 10/s", "10: unexpected word after 'rate off'"),
        .init(
            .route, "rate off; rate 1/s by address",
            "11: 'rate off' cannot be combined with other rates"),
        .init(
            .route, "rate 1/s by address; rate off",
            "22: 'rate off' cannot be combined with other rates"),
        .init(
            .route, "report_only rate",
            "13: this route has no 'rate' for 'report_only'"),
        // limits
        .init(
            .limits, "connections_per_address 0",
            "25: '0' is unknown (did you mean 'off'?)"),
        .init(.limits, "memory none", "8: 'none' is unknown (did you mean 'off'?)"),
        .init(.limits, "reload_ends 0", "13: '0' is not a duration (did you mean '0s'?)"),
        .init(
            .limits, "connections_per_address of", "25: 'of' is unknown (did you mean 'off'?)"),
    ]

    private static let pattern = "a CIDR such as 10.0.0.0/8, all or unix"
    private static let rate = "rate N/s|m|h [burst N] by address|user|SOURCE | off"
    private static let sources = "query:NAME, header:NAME, cookie:NAME, claim:NAME or path:NAME"

    @Test("What makes no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    private static let limits: [(String, RateLimit)] = [
        ("10/s by address", RateLimit(10, per: .second, burst: 10, by: .address)),
        ("600/m burst 50 by user", RateLimit(600, per: .minute, burst: 50, by: .user)),
        (
            "1/h burst 1000000 by claim:tenant",
            RateLimit(1, per: .hour, burst: 1_000_000, by: .source(.claim("tenant")))
        ),
        ("1/s by path:id", RateLimit(1, per: .second, burst: 1, by: .source(.path("id")))),
        (
            "1000000/s by header:X-Api-Key",
            RateLimit(
                1_000_000, per: .second, burst: 1_000_000, by: .source(.header("X-Api-Key")))
        ),
    ]

    @Test("Every form of a rate arrives", arguments: limits)
    func rates(text: String, limit: RateLimit) throws {
        let settings = try #require(Bench.route.settings(with: "auth app; rate \(text)"))
        #expect(settings.routes.last?.rates == [limit])
    }

    @Test("Routes say their own, or take what the defaults say") func defaults() throws {
        let text = """
            route /a { }
            route /b { rate 5/s by query:key; allow all }
            route /c { rate off; deny ::1; allow unix }
            route /d { auth off }
            route /e { auth off; rate 7/s by address; report_only off }
            defaults {
                auth app; backend app; deny 10.0.0.0/8; allow unix; deny all
                rate 10/s by address; rate 3/m by user; report_only rate
            }
            """
        let result = read(prelude + text)
        #expect(result.diagnostics.isEmpty)
        let routes = try #require(result.settings).routes.dropFirst()
        let address = RateLimit(10, per: .second, burst: 10, by: .address)
        let user = RateLimit(3, per: .minute, burst: 3, by: .user)
        #expect(
            routes.map(\.rates) == [
                [address, user], [RateLimit(5, per: .second, burst: 5, by: .source(.query("key")))],
                [], [address], [RateLimit(7, per: .second, burst: 7, by: .address)],
            ])
        #expect(routes.map(\.reportOnly) == [[.rate], [.rate], [], [.rate], []])
        let network = AddressRange(
            octets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 0], prefixLength: 104)
        let host = AddressRange(
            octets: [UInt8](repeating: 0, count: 15) + [1], prefixLength: 128)
        let common: [AddressRules.Rule] = [
            .init(.deny, .range(network)), .init(.allow, .unix), .init(.deny, .all),
        ]
        #expect(
            routes.map(\.addresses.rules) == [
                common, [.init(.allow, .all)],
                [.init(.deny, .range(host)), .init(.allow, .unix)], common, common,
            ])
    }

    @Test("A listener has rules of its own") func listener() throws {
        let settings = try #require(
            Bench.listen.settings(with: "allow 127.0.0.1\nallow unix\ndeny all"))
        #expect(settings.listeners.map(\.addresses.rules.count) == [0, 3])
        #expect(settings.listeners[1].addresses.rules[1] == .init(.allow, .unix))
    }

    private static let decisions: [(String, [String: Bool])] = [
        ("deny all", ["10.0.0.1": true, "::1": true, "unix": true]),
        (
            "allow 10.0.0.0/8; deny all",
            ["10.255.0.1": false, "11.0.0.1": true, "::a00:1": true, "unix": true]
        ),
        (
            "deny 10.0.0.1; allow 10.0.0.0/8; deny all",
            ["10.0.0.1": true, "10.0.0.2": false, "9.9.9.9": true]
        ),
        (
            "allow 10.0.0.0/8; deny 10.0.0.1",
            ["10.0.0.1": false, "10.0.0.2": false, "9.9.9.9": false]
        ),
        ("deny ::/0", ["10.0.0.1": false, "::1": true, "2001:db8::1": true, "unix": false]),
        ("deny 0.0.0.0/0", ["10.0.0.1": true, "::1": false, "unix": false]),
        ("deny ::ffff:0:0/96", ["10.0.0.1": true, "::1": false]),
        ("allow unix; deny all", ["unix": false, "10.0.0.1": true]),
        (
            "deny 2001:db8:8000::/33",
            ["2001:db8:8000::1": true, "2001:db8:7fff::1": false, "2001:db8:ffff::1": true]
        ),
    ]

    @Test("The first that is about an address decides", arguments: decisions)
    func deciding(text: String, expected: [String: Bool]) throws {
        let rules = try #require(Bench.route.settings(with: text)).routes.last?.addresses
        for (address, isDenied) in expected {
            // `deny` of one address is what turns its text into octets.
            let octets = Bench.route.settings(with: "deny \(address)")?.routes.last?.addresses.rules
            var found: [UInt8]?
            if case .range(let range) = octets?.first?.pattern { found = range.octets }
            #expect(rules?.denies(found) == isDenied, "\(address)")
        }
    }

    @Test(
        "An 'allow' that keeps nobody out is warned about",
        arguments: [
            ("allow 10.0.0.0/8", "1: 'allow' alone refuses no address (end with 'deny all')"),
            ("allow all", ""), ("deny 10.0.0.1", ""), ("allow ::1; deny all", ""),
        ])
    func warning(text: String, expected: String) {
        for bench in [Bench.route, .listen] {
            let found = read(bench.holding(text)).diagnostics.map {
                "\($0.position.column): \($0.message)"
            }
            #expect(found == (expected.isEmpty ? [] : [expected]))
        }
    }
}
