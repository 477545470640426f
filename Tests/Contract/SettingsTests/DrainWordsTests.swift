import Settings
import Testing

@Suite("How it stops, and how long anything lasts") struct DrainWordsTests {
    private func route(_ words: String, _ defaults: String = "") throws -> RouteSettings {
        let text = prelude + "defaults { backend app; \(defaults) }\nroute /a { \(words) }"
        return try #require(read(text).settings).routes[1]
    }

    private func errors(_ words: String) -> [String] {
        read(prelude + "defaults { backend app }\nroute /a { \(words) }").diagnostics
            .filter { $0.severity == .error }.map(\.message)
    }

    @Test("The times of a stop") func times() throws {
        let settings = try #require(
            read(prelude + "limits { drain 20s; drain_delay 5s }").settings)
        #expect(settings.limits.drain.time == .seconds(20))
        #expect(settings.limits.drain.delay == .seconds(5))
        let usual = try #require(read(prelude).settings).limits.drain
        #expect(usual.time == .seconds(30) && usual.delay == .zero)
    }

    @Test("Every way to say an age") func ages() throws {
        #expect(try route("").lasting.maxAge == nil)
        #expect(try route("max_age 2h").lasting.maxAge == MaxAge(limit: .seconds(7200)))
        let exact = try route("max_age 90s jitter 0%").lasting.maxAge
        #expect(exact == MaxAge(limit: .seconds(90), jitterPercent: 0))
        #expect(exact?.jitter == .zero)
        let wide = try route("websocket; max_age 100s jitter 25%").lasting.maxAge
        #expect(wide?.jitter == .seconds(25))
        #expect(try route("", "max_age 1h").lasting.maxAge?.limit == .seconds(3600))
        #expect(try route("max_age off", "max_age 1h").lasting.maxAge == nil)
    }

    @Test(
        "What is no age",
        arguments: [
            ("max_age 2h jiter 10%", "expected jitter, not 'jiter' (did you mean 'jitter'?)"),
            ("max_age 2h jitter", "a percentage is missing after 'jitter'"),
            ("max_age 2h jitter 10", "expected a percentage from 0% to 100%, not '10'"),
            ("max_age 2h jitter 101%", "expected a percentage from 0% to 100%, not '101%'"),
            ("max_age 2h jitter -1%", "expected a percentage from 0% to 100%, not '-1%'"),
            ("max_age 2h jitter %", "expected a percentage from 0% to 100%, not '%'"),
            ("max_age off jitter 5%", "unexpected word after 'max_age off'"),
        ])
    func wrongAges(words: String, message: String) {
        #expect(errors(words) == [message])
    }

    @Test("Ages out of range", arguments: ["max_age 0s", "max_age 400d", "max_age soon"])
    func ranges(words: String) { #expect(errors(words).count == 1) }

    @Test("Readiness") func readiness() throws {
        #expect(try route("respond ready").destination == .ready)
        #expect(
            errors("respond redy")
                == ["expected a status or 'ready', not 'redy' (did you mean 'ready'?)"])
        #expect(errors("respond ready now") == ["unexpected word after 'respond ready'"])
        #expect(errors("respond ready; backend app").count == 1)
    }
}
