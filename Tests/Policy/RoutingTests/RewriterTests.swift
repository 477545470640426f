import Routing
import Settings
import Testing

/// `/ws/{id}/` and the like, as the configuration reader makes them.
func pattern(_ text: String) -> PathPattern {
    if text.hasSuffix("...}"), let brace = text.lastIndex(of: "{") {
        let name = text[text.index(after: brace)...].dropLast(4)
        return PathPattern(segments: pattern(String(text[..<brace])).segments, rest: String(name))
    }
    let segments = text.split(separator: "/").map { segment -> PathPattern.Segment in
        segment.hasPrefix("{") && segment.hasSuffix("}")
            ? .capture(String(segment.dropFirst().dropLast())) : .literal(String(segment))
    }
    return PathPattern(segments: segments, hasTrailingSlash: text.hasSuffix("/"))
}

@Suite("Rewrites")
struct RewriterTests {
    static let rewriter = Rewriter(rules: [
        RewriteSettings(
            from: pattern("/ws/journey/{user_id}"), to: Template(parts: [.text("/ws/journey")])),
        RewriteSettings(
            from: pattern("/old/{a}/x/{b}"),
            to: Template(
                parts: [
                    .text("/new/"), .placeholder("b"), .text("/é?/"), .placeholder("a"),
                    .placeholder("other"),
                ])),
        RewriteSettings(
            from: pattern("/ws/patient-journey/"), to: Template(parts: [.text("ws/journey")])),
        RewriteSettings(from: pattern("/ws/journey/{x}"), to: Template(parts: [.text("/never")])),
        RewriteSettings(from: pattern("/@대기/%7Bx"), to: Template(parts: [.text("/a%20b c")])),
        RewriteSettings(from: pattern("/"), to: Template(parts: [.text("/home")])),
        RewriteSettings(
            from: pattern("/files/{owner}/{rest...}"),
            to: Template(
                parts: [.text("/f/"), .placeholder("rest"), .text(";"), .placeholder("owner")])),
    ])

    static let hits: [(String, Int, String, [String: String])] = [
        ("/ws/journey/7", 0, "/ws/journey", ["user_id": "7"]),
        ("/ws/journey/7/", 0, "/ws/journey", ["user_id": "7"]),
        ("/ws/journey/%EA%B0%80%20b", 0, "/ws/journey", ["user_id": "가 b"]),
        ("/old/1%3F/x/2", 1, "/new/2/%C3%A9%3F/1%3F", ["a": "1?", "b": "2"]),
        ("/ws/patient-journey", 2, "/ws/journey", [:]),
        ("/ws/patient-journey/", 2, "/ws/journey", [:]),
        ("/%40%EB%8C%80%EA%B8%B0/%7Bx", 4, "/a%20b%20c", [:]),
        ("/", 5, "/home", [:]),
        ("/files/7/a/b%20c", 6, "/f/a/b%20c;7", ["owner": "7", "rest": "a/b c"]),
        ("/files/7/a%2Fb/", 6, "/f/a%2Fb/;7", ["owner": "7", "rest": "a/b/"]),
        ("/files/7/", 6, "/f/;7", ["owner": "7", "rest": ""]),
        ("/files/7", 6, "/f/;7", ["owner": "7", "rest": ""]),
    ]

    @Test("map a path, with or without a slash at the end; the first rule wins", arguments: hits)
    func hit(path: String, rule: Int, to: String, captures: [String: String]) throws {
        let rewritten = try #require(Self.rewriter.rewrite(path: path))
        #expect(rewritten.ruleIndex == rule)
        #expect(rewritten.path == to)
        #expect(rewritten.captures == captures)
    }

    @Test(
        "leave other paths alone, also those below",
        arguments: [
            "/ws/journey", "/ws/journey/", "/ws/journey/7/8", "/ws", "/WS/journey/7", "*", "/wsx",
            "/old/1/y/2", "/x/ws/journey/7", "/ws/patient-journey/x",
        ])
    func miss(path: String) {
        #expect(Self.rewriter.rewrite(path: path) == nil)
    }
}
