import Settings
import Testing

@Suite("state")
struct StateTests {
    private func state(_ text: String, at desk: Desk = .usual) throws -> StateSettings {
        let settings = try #require(read(prelude + text, at: desk).settings)
        return try #require(settings.state)
    }

    @Test("Nothing said, nothing kept") func none() throws {
        #expect(try #require(read(prelude).settings).state == nil)
    }

    @Test("Every word arrives") func words() throws {
        var expected = StateSettings(path: "/var/lib/gateway")
        expected.position = .init(file: "gateway.conf", line: 2, column: 1)
        expected.pathPosition = .init(file: "gateway.conf", line: 2, column: 7)
        #expect(expected.historyAge == .seconds(30 * 86_400))
        #expect(expected.historyCount == 1_000_000)
        #expect(try state("state /var/lib/gateway") == expected)
        #expect(try state("state /var/lib/gateway { }") == expected)
        expected.historyAge = .seconds(7 * 86_400)
        #expect(try state("state /var/lib/gateway { history 7d }") == expected)
        expected.historyCount = 5000
        #expect(try state("state /var/lib/gateway { history 7d 5000 }") == expected)
        expected.historyAge = .seconds(30 * 86_400)
        expected.historyCount = 0
        #expect(try state("state /var/lib/gateway { history off }") == expected)
    }

    @Test(
        "A path is seen from the file it stands in",
        arguments: [
            ("kept", "conf/kept"), ("./kept/", "conf/./kept"), ("../kept", "conf/../kept"),
            ("..", "conf/.."), ("/var/lib/x//", "/var/lib/x"), ("/gateway", "/gateway"),
            ("/", "/"),
        ])
    func paths(written: String, meant: String) throws {
        let desk = Desk.usual.with("conf/state.conf", "state \(written)").with("conf", "")
            .with("conf/.", "").with("conf/..", "")
        #expect(try state("include conf/state.conf", at: desk).path == meant)
        #expect(try state("state kept").path == "kept")
    }

    static let mistakes: [Mistake] = [
        .init(.top, "state", "1: 'state' is incomplete (expected: state PATH)"),
        .init(.top, "state \"\"", "7: expected the path of a folder"),
        .init(
            .top, "state /nowhere/gateway",
            "7: no such folder: '/nowhere' (the gateway makes only the last part of the path)"),
        .init(
            .top, "state a/b",
            "7: no such folder: 'a' (the gateway makes only the last part of the path)"),
        .init(.top, "state a\nstate b", "4:1: 'state' is set twice (first set at line 3)"),
        .init(
            .top, "state a b", "9: unexpected 'b' after 'state' (expected: state PATH)"),
        .init(
            .top, "state a { histroy 30d }",
            "11: unknown directive 'histroy' in 'state' (did you mean 'history'?)"),
        .init(
            .top, "state a { history }",
            "11: 'history' is incomplete (expected: history DURATION [N] | off)"),
        .init(.top, "state a { history 30 }", "19: '30' is not a duration (did you mean '30s'?)"),
        .init(.top, "state a { history 30s }", "19: '30s' is out of range (1m to 3650d)"),
        .init(.top, "state a { history 4000d }", "19: '4000d' is out of range (1m to 3650d)"),
        .init(
            .top, "state a { history 30d 999 }", "23: '999' is out of range (1000 to 100000000)"),
        .init(.top, "state a { history off 5000 }", "23: unexpected word after 'history off'"),
        .init(.top, "state a { history of }", "19: 'of' is unknown (did you mean 'off'?)"),
    ]

    @Test("What makes no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }
}
