import Settings
import Testing

@Suite("check, eject, fail_fast") struct HealthWordsTests {
    private func backend(_ words: String) throws -> HealthSettings {
        let text = prelude + "backend b { server 127.0.0.1:9; \(words) }\nroute /b { backend b }"
        return try #require(read(text).settings).backends[1].health
    }

    @Test("Every way to say a check") func checks() throws {
        #expect(try backend("").check == nil)
        let standard = try #require(try backend("check GET /health").check)
        #expect(standard.question == .request(method: .get, target: "/health"))
        #expect(standard == CheckSettings(.request(method: .get, target: "/health")))
        #expect(standard.interval == .seconds(4) && standard.timeout == .seconds(2))
        #expect(standard.rise == 2 && standard.fall == 3 && standard.expected == [200...399])

        let full = try #require(
            try backend(
                "check HEAD /a?b=c host App.kr:81 every 5s timeout 1s rise 3 fall 4"
                    + " expect 200-204 404"
            ).check)
        #expect(full.question == .request(method: .head, target: "/a?b=c"))
        #expect(full.host == "app.kr:81" && full.interval == .seconds(5))
        #expect(full.timeout == .seconds(1) && full.rise == 3 && full.fall == 4)
        #expect(full.expected == [200...204, 404...404])

        #expect(try backend("check tcp").check?.question == .connection)
        let socket = try backend("check websocket /ws every 500ms").check
        #expect(socket?.question == .webSocket(target: "/ws"))
        #expect(socket?.timeout == .milliseconds(500), "never longer than the interval")
    }

    @Test("Every way to say the rest") func rest() throws {
        #expect(try backend("").ejection == nil)
        #expect(try backend("eject after 5").ejection == EjectionSettings(after: 5))
        let ejection = try backend("eject after 3 for 10s").ejection
        #expect(ejection?.failures == 3 && ejection?.time == .seconds(10))
        #expect(try backend("").failsFast == false)
        #expect(try backend("fail_fast").failsFast)
        #expect(try !backend("check tcp; on_down keep").endsLive)
        #expect(try backend("check tcp; on_down close").endsLive)
        #expect(try backend("fail_timeout 3s").failTimeout == .seconds(3))
    }

    static let mistakes: [Mistake] = [
        ("check", "1: 'check' is incomplete (expected: check \(usage))"),
        ("check get /", "7: expected tcp, GET, HEAD or websocket, not 'get' (did you mean 'GET'?)"),
        (
            "check /health",
            "7: expected tcp, GET, HEAD or websocket, not '/health' (write GET /health)"
        ),
        ("check GET", "7: the path is missing (expected: check GET PATH)"),
        (
            "check GET health",
            "11: 'health' is not what can be asked for: expected a path that begins with '/', with"
                + " %XX for what is not ASCII"
        ),
        (
            "check GET / evry 5s",
            "13: expected host, every, timeout, rise, fall or expect, not 'evry'"
                + " (did you mean 'every'?)"
        ),
        ("check GET / every", "13: the value of 'every' is missing"),
        ("check GET / every 5", "19: '5' is not a duration (did you mean '5s'?)"),
        ("check GET / every 5s every 6s", "22: 'every' is set twice"),
        ("check GET / rise 0", "18: '0' is out of range (1 to 100)"),
        ("check GET / fall 0", "18: '0' is out of range (1 to 100)"),
        (
            "check GET / every 1s timeout 2s",
            "30: a check may not last longer than the time from one to the next ('every 1s')"
        ),
        (
            "check GET / timeout 5s",
            "21: a check may not last longer than the time from one to the next ('every 4s')"
        ),
        (
            "check GET / expect 299-200",
            "20: '299-200' is not the status of an answer (expected one from 200 to 599, or a"
                + " range such as 200-299)"
        ),
        (
            "check GET / expect 101",
            "20: '101' is not the status of an answer (expected one from 200 to 599, or a"
                + " range such as 200-299)"
        ),
        ("check GET / expect", "13: the statuses are missing (expected: expect STATUS…)"),
        ("check tcp expect 200", "11: only 'check GET' and 'check HEAD' expect a status"),
        ("check tcp host a.kr", "11: 'check tcp' sends nothing, so it has no 'host'"),
        ("check GET / host a..kr", "18: 'a..kr' is not a host name"),
        ("check tcp; check tcp", "12: 'check' is set twice (first set at line 3)"),
        ("eject 5", "1: 'eject' is incomplete (expected: eject after N [for DURATION])"),
        (
            "eject aftr 5",
            "7: expected after, not 'aftr' (did you mean 'after'?) (as in: eject after N [for"
                + " DURATION])"
        ),
        ("eject after 0", "13: '0' is out of range (1 to 1000)"),
        ("eject after 5 for", "15: the time is missing (expected: for DURATION)"),
        ("eject after 5 for 0s", "19: '0s' is out of range (1s to 1h)"),
        ("on_down closed", "9: expected keep or close, not 'closed' (did you mean 'close'?)"),
        ("on_down close", "1: 'on_down close' needs a 'check' beside it"),
        (
            "fail_fast on",
            "11: unexpected 'on' after 'fail_fast' (it takes no value: leave it out to switch it"
                + " off)"
        ),
    ].map { Mistake(.backend, $0.0, $0.1) }

    private static let usage =
        "tcp|GET PATH|HEAD PATH|websocket PATH [host NAME] [every DURATION] [timeout DURATION]"
        + " [rise N] [fall N] [expect STATUS…]"

    @Test("Every mistake is explained", arguments: mistakes) func mistake(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }
}
