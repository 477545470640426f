import Randomness
import Settings
import Testing

/// The expression of `rewrite path matches`, as it is read from a configuration.
private func compiled(_ text: String) -> PathExpression? {
    let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    let result = read(prelude + "rewrite path matches \"\(quoted)\" to /b")
    guard case .expression(let expression)? = result.settings?.rewrites.first?.from else {
        return nil
    }
    return expression
}

@Suite("Regular expressions for paths")
struct PathExpressionTests {
    static let matches: [(String, String, [String: String]?)] = [
        ("/a", "/a", [:]), ("^/a$", "/a", [:]), ("/a", "/ab", nil), ("/a", "/a/", nil),
        ("/a/?", "/a/", [:]), ("/(?<x>.*)", "/a/b", ["x": "a/b"]),
        ("/(?<x>[^/]+)/(?<y>.+)", "/a/b/c", ["x": "a", "y": "b/c"]),
        ("/(?<x>.+)/(?<y>.+)", "/a/b/c", ["x": "a/b", "y": "c"]),
        ("/(?<x>.+?)/(?<y>.+)", "/a/b/c", ["x": "a", "y": "b/c"]),
        ("/(?P<id>\\d{1,3})\\.json", "/12.json", ["id": "12"]),
        ("/(?P<id>\\d{1,3})\\.json", "/1234.json", nil), ("/\\w+", "/a_1", [:]),
        ("/\\w+", "/a-1", nil), ("/\\D\\W", "/a-", [:]), ("/(?:a|bc|)d", "/bcd", [:]),
        ("/(?:a|bc|)d", "/d", [:]), ("/(?<x>a)?b", "/b", ["x": ""]), ("/a{2}b{2,}", "/aabbb", [:]),
        ("/a{2}b{2,}", "/aab", nil), ("/[a-c]+", "/abc", [:]), ("/[]a]", "/%5D", [:]),
        ("/[a\\-]", "/-", [:]), ("/[\\d-]+", "/1-2", [:]), ("/[^a]", "/b", [:]), ("/()*", "/", [:]),
        ("/(a*)*b", "/aab", [:]), ("/(?<x>(?<y>a)b)", "/ab", ["x": "ab", "y": "a"]),
        // Characters, however they are spelt.
        ("/é(?<x>.)", "/%C3%A9%EA%B0%80", ["x": "%EA%B0%80"]), ("/a b", "/a%20b", [:]),
        ("/[가-힣]", "/%EA%B0%80", [:]), ("/.", "/%C3%A9", [:]), ("/..", "/%C3%A9", nil),
        ("/%41", "/A", nil), ("/%", "/%25", [:]), ("/\\?", "/%3F", [:]),
        // What is no character, and what is no slash.
        ("/.", "/%FF", [:]), ("/[^a]", "/%FF", [:]), ("/..", "/%C3%28", [:]),
        ("/a/b", "/a%2Fb", nil), ("/a.b", "/a%2Fb", [:]),
        ("/(?<x>[^/]+)", "/a%2Fb", ["x": "a%2Fb"]), ("/[/]", "/%2F", nil), ("/\\\\", "/%5C", nil),
    ]

    @Test("stand for whole paths", arguments: matches)
    func match(text: String, path: String, captures: [String: String]?) throws {
        let found = try #require(compiled(text)).captures(in: path)
        let pairs = found.map { $0.map { ($0.name, String($0.text)) } }
        #expect(pairs.map { Dictionary(uniqueKeysWithValues: $0) } == captures)
    }

    static let mistakes: [(String, String)] = [
        ("", "22: the expression is empty"), ("/(a", "24: this '(' is never closed"),
        ("/a)", "25: this ')' has no '(' before it"), ("/[a", "24: this '[' is never closed"),
        ("/*", "22: ok"), ("*", "23: there is nothing before '*' to repeat"),
        ("/a**", "26: a repetition cannot be repeated again (write a group)"),
        ("/a+{2}", "26: a repetition cannot be repeated again (write a group)"),
        ("/(?=a)", "24: \(groups)"), ("/(?!a)", "24: \(groups)"), ("/(?<=a)", "24: \(groups)"),
        ("/(?i)a", "24: \(groups)"), ("/(?>a)", "24: \(groups)"),
        ("/(?<a>x)(?<a>y)", "34: 'a' is captured twice"),
        ("/(?<a-b>x)", "28: the name of a capture must consist of letters, digits and '_'"),
        ("/(?<>x)", "24: the name of a capture must end with '>'"),
        ("/(a)\\\\1", "27: references to captures are not supported"),
        ("/\\\\b", "24: \(escapes)"), ("/\\\\s", "24: \(escapes)"), ("/\\\\", "24: \(trailing)"),
        ("/a{2", "25: \(bounds)"), ("/a{,2}", "25: \(bounds)"), ("/a{x}", "25: \(bounds)"),
        ("/a{3,2}", "25: the first number is larger than the second"),
        ("/a{999}", "25: repeats at most 256 times"),
        ("/[b-a]", "25: a range must go from a lower character to a higher one"),
        ("/[a-\\\\d]", "25: a range must go from a lower character to a higher one"),
        ("/[[:alpha:]]", "25: classes such as '[:alpha:]' are not supported (write 'a-z')"),
        ("/[\\\\D]", "25: '\\D' and '\\W' are not allowed within '[…]'"),
        ("/a^b", "25: \(anchor("^", "beginning"))"), ("/a$b", "25: \(anchor("$", "end"))"),
        ("a/b", "23: a path begins with '/', so this would match nothing"),
        ("/(.{100}){100}", "23: \(long)"), ("/((((x{9}){9}){9}){9}){9}", "23: \(long)"),
    ]

    private static let groups =
        "of the groups that begin with '(?', only '(?<name>…)' and '(?:…)' are supported"
    private static let escapes =
        "unknown escape (there are \\d \\D \\w \\W, and '\\' before punctuation)"
    private static let trailing = "there is nothing after this backslash"
    private static let bounds =
        "expected '{2}', '{2,}' or '{2,3}' (the bracket itself is '\\{')"
    private static let long = "too long when repetitions are written out (at most 256 steps)"

    private static func anchor(_ character: String, _ place: String) -> String {
        "an expression is for the whole path: '\(character)' is allowed only at its \(place)"
    }

    @Test("say what is wrong with them, and where", arguments: mistakes)
    func mistake(text: String, complaint: String) {
        let found = Bench.top.complaints(about: "rewrite path matches \"\(text)\" to /b")
        #expect((found.isEmpty ? "22: ok" : found) == complaint)
    }

    private func nested(_ depth: Int) -> String {
        "/" + String(repeating: "(", count: depth) + "a" + String(repeating: ")", count: depth)
    }

    @Test("are as long as they may be, and no longer")
    func limits() {
        #expect(compiled("/" + String(repeating: "a", count: 255)) == nil)
        #expect(compiled("/" + String(repeating: "a", count: 254)) != nil)
        #expect(compiled("/" + String(repeating: "(?:)", count: 64)) == nil)
        #expect(compiled(nested(16)) != nil)
        #expect(compiled(nested(17)) == nil)
        let groups = (0..<17).map { "(?<a\($0)>x)" }
        #expect(compiled("/" + groups.dropLast().joined()) != nil)
        #expect(compiled("/" + groups.joined()) == nil)
        // Nothing, however often.
        #expect(compiled("/((((((((){200}){200}){200}){200}){200}){200}){200}){200}") != nil)
    }

    @Test("take no longer for a path that is made to take long")
    func evil() throws {
        let path = "/" + String(repeating: "a", count: 8000)
        for text in ["/(a*)*b", "/(a|a)*b", "/(a?){30}a{30}b", "/(.*)(.*)(.*)(.*)(.*)b"] {
            let expression = try #require(compiled(text))
            let clock = ContinuousClock()
            var found = false
            let time = clock.measure { found = expression.captures(in: path) != nil }
            #expect(!found)
            #expect(expression.captures(in: path + "b") != nil || text.contains("{"))
            // Some milliseconds; backtracking would take longer than there is time.
            #expect(time < .seconds(20))
        }
    }

    @Test("match as those of the standard library do")
    func oracle() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let atoms = ["a", "b", ".", "[ab]", "[^a]", "(?:ab|a)", "(?<x>a+)", "(?<y>b?)", "(?:a|)"]
        let suffixes = ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?"]
        var matched = 0
        for _ in 0..<fuzzIterations / 4 {
            var names: Set<String> = []
            var text = "/"
            for atom in generator.elements(1...5, of: atoms) {
                let isCapture = atom.hasPrefix("(?<")
                if isCapture, !names.insert(atom).inserted { continue }
                text += atom + (isCapture ? "" : generator.elements(1...1, of: suffixes)[0])
            }
            let own = try #require(compiled(text), "\(text)")
            let oracle = try Regex(text).matchingSemantics(.unicodeScalar)
            for _ in 0..<4 {
                let path = "/" + generator.elements(0...6, of: ["a", "b", "c"]).joined()
                let found = own.captures(in: path)
                let expected = try oracle.wholeMatch(in: path)
                #expect((found == nil) == (expected == nil), "\(text) \(path)")
                guard let found, let expected else { continue }
                matched += 1
                for (name, value) in found {
                    let substring = expected[name]?.substring ?? ""
                    #expect(value == substring, "\(text) \(path) \(name)")
                }
            }
        }
        #expect(matched > 20)
    }

    @Test("read anything without a fault")
    func fuzz() {
        var generator = SeededGenerator(seed: fuzzSeed)
        let pieces = [
            "/", "a", ".", "*", "+", "?", "{", "}", "2", ",", "(", ")", "(?:", "(?<x>", "|", "[",
            "]", "^", "$", "\\", "\\d", "-", "é", "가", "{2,3}", "{40}", ">", "<",
        ]
        let paths = [
            "/", "/a", "/%C3%A9", "/%2F/%FF", "/a2/b-c", "/" + String(repeating: "a", count: 50),
        ]
        var read = 0
        for _ in 0..<fuzzIterations {
            let text = "/" + generator.elements(0...12, of: pieces).joined()
            guard let expression = compiled(text) else { continue }
            read += 1
            for path in paths {
                guard let captures = expression.captures(in: path) else { continue }
                #expect(captures.map(\.name) == expression.captureNames)
            }
        }
        #expect(read > 10)
    }
}
