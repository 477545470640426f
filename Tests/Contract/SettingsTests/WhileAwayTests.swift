import Settings
import Testing

@Suite("While the app is away, and what is explained") struct WhileAwayTests {
    private func route(_ words: String, _ defaults: String = "") throws -> RouteSettings {
        let text = prelude + "defaults { backend app; \(defaults) }\nroute /a { \(words) }"
        return try #require(read(text).settings).routes[1]
    }

    @Test("Every way to say it") func forms() throws {
        #expect(try route("").whileAway == .hold(.seconds(5)))
        #expect(try route("while_away hold").whileAway == .hold(.seconds(5)))
        #expect(try route("while_away hold 250ms").whileAway == .hold(.milliseconds(250)))
        #expect(try route("while_away retry").whileAway == .retry)
        #expect(try route("while_away error").whileAway == .error)
        #expect(try route("").explanation == .rules)
        #expect(try route("explain").explanation == .all)
        for explanation in RouteSettings.Explanation.allCases {
            #expect(try route("explain \(explanation.rawValue)").explanation == explanation)
        }
    }

    @Test("A route wins over the defaults") func inheritance() throws {
        let defaults = "while_away retry; explain off"
        #expect(try route("", defaults).whileAway == .retry)
        #expect(try route("", defaults).explanation == .off)
        #expect(try route("while_away hold 1m", defaults).whileAway == .hold(.seconds(60)))
        #expect(try route("explain rules", defaults).explanation == .rules)
    }
}
