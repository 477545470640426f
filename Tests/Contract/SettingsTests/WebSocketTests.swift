import Settings
import Testing

@Suite("The words of WebSockets")
struct WebSocketTests {
    typealias Compression = RouteSettings.Compression

    private static func compression(_ change: (inout Compression) -> Void) -> Compression {
        var compression = Compression()
        change(&compression)
        return compression
    }

    static let compressions: [(text: String, compression: Compression?)] = [
        ("off", nil),
        ("", Compression()),
        ("over 1k level 9", Compression(level: 9, over: 1024)),
        ("over 0", Compression(level: 1, over: 0)),
        ("context shared", Compression()),
        ("context dedicated", compression { $0.context = .dedicated }),
        ("upstream", compression { $0.offersUpstream = true }),
        ("upstream ratio 2", compression { ($0.offersUpstream, $0.ratio) = (true, 2) }),
        ("ratio 1000", compression { $0.ratio = 1000 }),
        ("ratio off", compression { $0.ratio = nil }),
        ("level 1", compression { $0.ratio = nil }),
        ("window 9 memory 1", compression { ($0.windowBits, $0.memoryLevel) = (9, 1) }),
        ("memory 9 window 15", compression { ($0.windowBits, $0.memoryLevel) = (15, 9) }),
        (
            "budget 1024g context dedicated",
            compression { ($0.context, $0.budget) = (.dedicated, 1 << 40) }
        ),
        (
            "budget 1g window 11 upstream ratio 50 memory 4 level 6 context dedicated over 2k",
            compression {
                ($0.level, $0.over, $0.context, $0.offersUpstream) = (6, 2048, .dedicated, true)
                ($0.windowBits, $0.memoryLevel, $0.budget, $0.ratio) = (11, 4, 1 << 30, 50)
            }
        ),
    ]

    @Test("What is compressed, and how, in any order", arguments: compressions)
    func compressing(text: String, compression: Compression?) throws {
        let own = try #require(Bench.route.settings(with: "compress \(text)"))
        #expect(own.routes[1].compression == compression)
        let inherited = prelude + "defaults { compress \(text) }\nroute /a { backend app }"
        #expect(read(inherited).settings?.routes[1].compression == compression)
    }

    @Test("What a route says about compression replaces what the defaults say") func replacing() {
        let text =
            prelude + "defaults { compress level 9 upstream }\nroute /a { backend app; compress }"
        #expect(read(text).settings?.routes[1].compression == Compression())
    }

    private static let messageBlock = """
        jwt m { secret env:JWT_SECRET; algorithms HS256; audience a; from message:p.t bearer }

        """

    @Test("Tokens of first messages, and what the app speaks behind them")
    func firstMessages() throws {
        let text = "route /w { websocket; auth m; subprotocols b a; backend app }"
        let settings = try #require(read(prelude + Self.messageBlock + text).settings)
        #expect(settings.tokens.last?.from == [.message(["p", "t"]), .bearer])
        #expect(settings.routes[1].subprotocols == ["b", "a"])
        let inherited = "defaults { subprotocols a }\nroute /w { websocket; backend app }"
        #expect(read(prelude + inherited).settings?.routes[1].subprotocols == [])
    }

    @Test(
        "What makes no sense about first messages",
        arguments: [
            (
                "route /w { websocket; auth m; subprotocols \"a b\"; backend app }",
                "44: error: this is not a subprotocol name"
            ),
            (
                "route /w { websocket; auth m; subprotocols a a; backend app }",
                "46: error: 'a' is named twice"
            ),
            (
                "route /w { websocket; subprotocols a; backend app }",
                "23: error: 'subprotocols' needs 'auth NAME' with 'from message:PATH' beside it:"
                    + " without it, the app chooses"
            ),
            (
                "jwt n { secret env:JWT_SECRET; algorithms HS256; audience a; from message:t }; "
                    + "route /w { events; auth n; backend app }",
                "104: error: 'n' looks for tokens in the first message of a WebSocket only, but an"
                    + " event stream has none"
            ),
        ])
    func firstMessageMistakes(text: String, expected: String) {
        let complaints = complaints(prelude + Self.messageBlock + text)
        #expect(complaints.contains(expected), "\(complaints)")
    }

    static let words =
        "level, over, context, window, memory, budget, ratio, upstream or off"

    static let mistakes: [Mistake] = [
        .init(.route, "compress level 10", "16: '10' is out of range (1 to 9)"),
        .init(.route, "compress level", "10: a number is missing after 'level'"),
        .init(.route, "compress level over 1k", "10: a number is missing after 'level'"),
        .init(
            .route, "compress level fast", "16: expected a number from 1 to 9, not 'fast'"),
        .init(
            .route, "compress levl 1",
            "10: expected \(words), not 'levl' (did you mean 'level'?)"),
        .init(
            .route, "compress levl 1 windw 16",
            "10: expected \(words), not 'levl' (did you mean 'level'?)\n"
                + "17: expected \(words), not 'windw' (did you mean 'window'?)\n"
                + "23: '16' is out of range (9 to 15)"),
        .init(.route, "compress gzip level 10", "10: expected \(words), not 'gzip'"),
        .init(.route, "compress level 1 level 2", "18: 'level' is set twice"),
        .init(.route, "compress upstream upstream", "19: 'upstream' is set twice"),
        .init(.route, "compress level 1 off", "18: 'off' cannot be combined with other words"),
        .init(.route, "compress off level 1", "10: 'off' cannot be combined with other words"),
        .init(.route, "compress of", "10: expected \(words), not 'of' (did you mean 'off'?)"),
        .init(.route, "compress over", "10: a size is missing after 'over'"),
        .init(.route, "compress over 2t", "15: '2t' is not a size (expected \(size))"),
        .init(.route, "compress window 8", "17: '8' is out of range (9 to 15)"),
        .init(.route, "compress memory 0", "17: '0' is out of range (1 to 9)"),
        .init(.route, "compress ratio 1", "16: '1' is out of range (2 to 1000)"),
        .init(.route, "compress ratio of", "16: 'of' is unknown (did you mean 'off'?)"),
        .init(.route, "compress context", "10: shared or dedicated is missing after 'context'"),
        .init(
            .route, "compress upstream context",
            "19: shared or dedicated is missing after 'context'"),
        .init(
            .route, "compress context dedicted",
            "18: expected shared or dedicated, not 'dedicted' (did you mean 'dedicated'?)"),
        .init(.route, "compress budget 1m", "10: \(orphanedBudget)"),
        .init(.route, "compress budget 1m context shared", "10: \(orphanedBudget)"),
        .init(
            .defaults, "compress context dedicated budget 1025g",
            "35: '1025g' is out of range (1k to 1024g)"),
        .init(.route, "frame_size 0", "12: '0' is unknown (did you mean 'off'?)"),
        .init(.route, "frame_size of", "12: 'of' is unknown (did you mean 'off'?)"),
        .init(.route, "fragments 0", "11: '0' is out of range (1 to 1000000)"),
        .init(.route, "fragments off", "11: expected a number from 1 to 1000000, not 'off'"),
        .init(.route, "control_rate 100001", "14: '100001' is out of range (1 to 100000)"),
        .init(
            .route, "slow",
            "1: 'slow' is incomplete (expected: slow cut [DURATION] [under SIZE] | wait)"),
        .init(.route, "slow cutt", "6: expected cut or wait, not 'cutt' (did you mean 'cut'?)"),
        .init(.route, "slow 5s", "6: expected cut or wait, not '5s'"),
        .init(.route, "slow wait 5s", "11: unexpected word after 'slow wait'"),
        .init(.route, "slow cut 5", "10: '5' is not a duration (did you mean '5s'?)"),
        .init(.route, "slow cut 0s", "10: '0s' is out of range (1ms to 1d)"),
        .init(.route, "slow wait under 4k", "11: unexpected word after 'slow wait'"),
        .init(
            .route, "slow cut 5s undr 4k",
            "13: expected under, not 'undr' (did you mean 'under'?)"),
        .init(.route, "slow cut 5s under", "13: a size is missing after 'under'"),
        .init(.route, "slow cut under 0", "16: '0' is out of range (1 to 1g)"),
        .init(.route, "slow cut under 4k 5s", "19: unexpected word after 'under SIZE'"),
        .init(
            .route, "ping", "1: 'ping' is incomplete (expected: ping [DURATION] [relay|answer])"),
        .init(
            .route, "ping anser",
            "6: expected a duration, relay or answer, not 'anser' (did you mean 'answer'?)"),
        .init(.route, "ping 5", "6: '5' is not a duration (did you mean '5s'?)"),
        .init(.route, "ping 5s 6s", "9: 'ping' takes a duration once"),
        .init(.route, "ping relay answer", "12: 'ping' takes relay or answer once"),
        .init(.route, "ping 10ms", "6: '10ms' is out of range (1s to 1d)"),
        .init(
            .route, "ping 60s answer",
            "2:7: 'silence' must be longer than 'ping', else quiet clients are cut off"
        ),
        .init(
            .route, "silence 25s",
            "1: 'silence' must be longer than 'ping', else quiet clients are cut off"),
        .init(.limits, "compress_cache 4", "16: '4' is out of range (4k to 1g)"),
        .init(.limits, "compress_cache of", "16: 'of' is unknown (did you mean 'off'?)"),
    ]

    private static let size = "a number of octets, or one with k, m or g, such as 16k"
    private static let orphanedBudget =
        "'budget' limits the windows that 'context dedicated' keeps, but this is missing here"

    @Test("What makes no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test(
        "Who is cut",
        arguments: [
            ("cut", LeastRate(octetsPerSecond: 4096, patience: .seconds(5))),
            ("cut 9s", LeastRate(octetsPerSecond: 4096, patience: .seconds(9))),
            ("cut under 32k", LeastRate(octetsPerSecond: 32768, patience: .seconds(5))),
            ("cut 250ms under 1", LeastRate(octetsPerSecond: 1, patience: .milliseconds(250))),
        ])
    func slow(text: String, rate: LeastRate) throws {
        let route = try #require(Bench.route.settings(with: "slow \(text)")).routes[1]
        #expect(route.slowClient == .cut(rate))
    }

    @Test("Limits of what a client may send, and what it may leave unread") func limits() throws {
        let text = "frame_size 64k; fragments 7; control_rate 9; slow cut 250ms; ping answer 7s"
        let route = try #require(Bench.route.settings(with: text)).routes[1]
        #expect(route.frameSize == 64 * 1024)
        #expect(route.fragmentCount == 7)
        #expect(route.controlRate == 9)
        let rate = LeastRate(octetsPerSecond: 4096, patience: .milliseconds(250))
        #expect(route.slowClient == .cut(rate))
        #expect(route.pings == .answer && route.pingInterval == .seconds(7))
    }

    @Test("A route goes back from what the defaults say") func back() throws {
        let text = """
            defaults { frame_size 1k; slow wait; ping 7s answer }
            route /a { backend app; frame_size off; slow cut; ping relay }
            route /b { backend app; ping 8s }
            """
        let routes = try #require(read(prelude + text).settings).routes
        #expect(routes[1].frameSize == nil)
        #expect(routes[1].slowClient == .cut(RouteSettings.SlowClient.leastRate))
        #expect(routes[1].pings == .relay && routes[1].pingInterval == .seconds(7))
        #expect(routes[2].frameSize == 1024 && routes[2].slowClient == .wait)
        #expect(routes[2].pings == .answer && routes[2].pingInterval == .seconds(8))
    }

    @Test("The cache of compressed messages", arguments: [("32m", 32 << 20), ("off", 0)])
    func cache(text: String, size: Int) throws {
        let settings = try #require(Bench.limits.settings(with: "compress_cache \(text)"))
        #expect(settings.limits.compressCacheSize == size)
    }

    @Test("A limit on frames that limits nothing is pointed out, once") func idleFrameSize() {
        let warning = "'frame_size' is larger than 'message_size': it limits nothing"
        let cases = [
            ("route /a { backend app; frame_size 2m }", "2:25: warning: \(warning)"),
            ("route /a { backend app; frame_size 1m }", ""),
            ("route /a { backend app; frame_size 2m; message_size 4m }", ""),
            (
                "defaults { frame_size 2m; backend app }\nroute /a { }\nroute /b { }",
                "2:12: warning: \(warning)"
            ),
            (
                "defaults { frame_size 2m; backend app }\nroute /a { }\n"
                    + "route /b { message_size 3m }",
                ""
            ),
        ]
        for (text, expected) in cases { #expect(complaints(prelude + text) == expected) }
    }

    @Test("A budget without room for one connection is pointed out") func tinyBudget() {
        let text = "compress context dedicated window 11 memory 4 budget "
        let warning =
            "3:47: warning: this budget is too small for even one WebSocket, which needs 35k with"
            + " this 'window' and 'memory'"
        #expect(complaints(Bench.route.holding(text + "35k")) == "")
        #expect(complaints(Bench.route.holding(text + "17k")) == warning)
    }
}
