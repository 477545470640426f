import Settings
import Testing

@Suite("How servers are chosen, and what they take")
struct BalanceWordsTests {
    static let mistakes: [Mistake] = [
        // server
        .init(
            .backend, "server 127.0.0.1:8002 max_connection=2",
            "23: expected weight=N, max_connections=N, backup, down or must_resolve, not"
                + " 'max_connection=2' (did you mean 'max_connections'?)"),
        .init(
            .backend, "server 127.0.0.1:8002 max_connections 20",
            "23: a number of connections is one word: write max_connections=20"),
        .init(
            .backend, "server 127.0.0.1:8002 max_connections=0",
            "39: '0' is out of range (1 to 1000000)"),
        .init(
            .backend, "server 127.0.0.1:8002 down weight=2 down",
            "37: 'down' is set twice for this server"),
        .init(
            .backend, "server localhost:8001",
            "8: 'localhost:8001' is already a server of this group"),
        .init(
            .backend, "server [::1]:80; server [0:0::1]:80",
            "25: '[0:0::1]:80' is already a server of this group"),
        .init(
            .top, "backend b { server 127.0.0.1:1 weight=0; server 127.0.0.1:2 down }",
            "9: no server of 'b' may be chosen: give one a weight above 0, and not 'down'"),
        // balance
        .init(
            .backend, "balance roundrobin",
            "9: expected round_robin, least_connections, random or hash, not 'roundrobin' (did you"
                + " mean 'round_robin'?)"),
        .init(.backend, "balance random two", "16: unexpected word after 'balance random'"),
        .init(
            .backend, "balance hash", "9: the source is missing (expected: balance hash SOURCE)"),
        .init(
            .backend, "balance hash adress",
            "14: expected address, user, device, query:NAME, header:NAME, cookie:NAME, claim:NAME"
                + " or path:NAME, not 'adress' (did you mean 'address'?)"),
        .init(
            .backend, "balance hash qurey:a",
            "14: expected query:NAME, header:NAME, cookie:NAME, claim:NAME or path:NAME, not"
                + " 'qurey:a' (did you mean 'query:a'?)"),
        // sticky
        .init(
            .backend, "sticky cokie",
            "8: expected cookie, address, user, device, query:NAME, header:NAME, cookie:NAME,"
                + " claim:NAME or path:NAME, not 'cokie' (did you mean 'cookie'?)"),
        .init(.backend, "sticky cookie a=b", "15: 'a=b' is not a cookie name"),
        .init(
            .backend, "sticky cookie a secret",
            "17: the secret is missing (expected: secret env:NAME|file:PATH)"),
        .init(
            .backend, "sticky cookie a secret env:REPORTS_KEY",
            "24: the secret is too short: it needs at least 16 octets"),
        .init(
            .backend, "sticky cookie a b",
            "17: expected secret, not 'b'"),
        .init(.backend, "sticky user 500ms", "13: '500ms' is out of range (1s to 7d)"),
        .init(
            .backend, "sticky user 5m 6m",
            "16: unexpected '6m' (expected: sticky SOURCE [DURATION])"),
        .init(
            .top,
            "backend b { server 127.0.0.1:1; sticky cookie }; backend c { server 127.0.0.1:2;"
                + " sticky cookie }",
            "58: the cookie 'gw_server' says already which server of 'b' a client has: give this"
                + " one another name with 'sticky cookie NAME'"),
        // bounds
        .init(
            .top, "backend b { server 127.0.0.1:1; queue 5 }",
            "9: 'queue' needs 'max_connections=N' at a server: without it no request waits"),
        .init(.backend, "queue off 5s", "11: unexpected word after 'queue off'"),
        .init(
            .backend, "server 127.0.0.1:2 max_connections=1; queue 5 5",
            "47: '5' is not a duration (did you mean '5s'?)"),
        .init(.backend, "max_pending 0", "13: '0' is unknown (did you mean 'off'?)"),
        .init(
            .backend, "retry_budget 20",
            "14: expected a share such as 20%, or off, not '20'"),
        .init(.backend, "retry_budget 101%", "14: '101' is out of range (0 to 100)"),
        .init(
            .backend, "retry_budget off 5", "18: unexpected word after 'retry_budget off'"),
        .init(
            .backend, "retry_on brokn",
            "10: expected broken, timeout or a status from 500 to 599, not 'brokn' (did you mean"
                + " 'broken'?)"),
        .init(
            .backend, "retry_on timeout 404",
            "18: expected broken, timeout or a status from 500 to 599, not '404'"),
        .init(.backend, "retry_on broken broken", "17: 'broken' is there twice"),
        .init(.backend, "retry_on 503 0503", "14: '0503' is there twice"),
        .init(.backend, "retry_on off timeout", "14: unexpected word after 'retry_on off'"),
        .init(.backend, "slow_start 30", "12: '30' is not a duration (did you mean '30s'?)"),
        .init(.backend, "keep_alive_age 2d", "16: '2d' is out of range (1s to 1d)"),
    ]

    @Test("Words that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(
            mistake.bench.complaints(about: mistake.text)
                .split(separator: "\n").first.map(String.init) == mistake.complaint)
    }

    private func backend(_ words: String) throws -> BackendSettings {
        let text = "backend b { \(words) }"
        return try #require(read(prelude + text).settings).backends[1]
    }

    @Test("All of it arrives") func words() throws {
        let settings = try backend(
            """
            server 127.0.0.1:1 weight=0 down; server 127.0.0.1:2 max_connections=7 backup
            balance hash claim:sub; sticky device 2m; slow_start 30s; queue 9 10s; max_pending 8
            retry_budget 30% 4; keep_alive_age 5m; retry_on timeout 503 500
            """)
        #expect(!settings.bounds.retryCauses.broken && settings.bounds.retryCauses.timeout)
        #expect(settings.bounds.retryCauses.statuses == [500, 503])
        #expect(settings.servers.map(\.weight) == [0, 1])
        #expect(settings.servers.map(\.isDown) == [true, false])
        #expect(settings.servers.map(\.connectionLimit) == [nil, 7])
        #expect(settings.choice.balance == .hash(.source(.claim("sub"))))
        #expect(settings.choice.sticky == .key(.device, memory: .seconds(120)))
        #expect(settings.choice.slowStart == .seconds(30))
        #expect(settings.bounds.queue?.length == 9)
        #expect(settings.bounds.queue?.time == .seconds(10))
        #expect(settings.bounds.maxPending == 8)
        #expect(settings.bounds.retryBudget?.percent == 30)
        #expect(settings.bounds.retryBudget?.floor == 4)
        #expect(settings.keepAlive.age == .seconds(300))
    }

    @Test("What is switched off") func switches() throws {
        let settings = try backend(
            """
            server 127.0.0.1:1 max_connections=1; queue off; retry_budget off; keep_alive_age off
            max_pending off; slow_start off; sticky cookie mine secret env:JWT_SECRET; retry_on off
            """)
        #expect(!settings.bounds.retryCauses.broken && !settings.bounds.retryCauses.timeout)
        #expect(try backend("server 127.0.0.1:1").bounds.retryCauses == .init())
        #expect(settings.bounds.queue?.length == 0)
        #expect(settings.bounds.retryBudget == nil)
        #expect(settings.keepAlive.age == nil)
        guard case .cookie("mine", _?) = settings.choice.sticky else {
            Issue.record("\(String(describing: settings.choice.sticky))")
            return
        }
    }

    @Test(
        "A source that the route never has",
        arguments: [
            ("user", "route / { backend b }", "this route has no 'auth'"),
            ("claim:sub", "route / { backend b }", "this route has no 'auth'"),
            ("device", "route / { backend b }", "this route has no 'sessions'"),
            (
                "path:room", "route /{hall} { backend b }",
                "the path of this route captures no '{room}'"
            ),
        ])
    func absent(source: String, route: String, obstacle: String) {
        let words = ["balance hash \(source)", "sticky \(source)"]
        for word in words {
            let text = prelude + "backend b { server 127.0.0.1:1; \(word) }\n\(route)\n"
            let messages = read(text).diagnostics.filter { $0.severity == .error }.map(\.message)
            #expect(messages == ["'b' chooses servers by '\(source)', but \(obstacle)"])
        }
    }

    @Test(
        "A source that the route may have",
        arguments: [
            ("address", "route / { backend b }"), ("query:a", "route / { backend b }"),
            ("header:A", "route / { backend b }"), ("cookie:a", "route / { backend b }"),
            ("path:room", "route /{room} { backend b }"),
        ])
    func present(source: String, route: String) {
        let text =
            prelude + "backend b { server 127.0.0.1:1; balance hash \(source) }\n\(route)\n"
        #expect(read(text).settings != nil)
    }
}
