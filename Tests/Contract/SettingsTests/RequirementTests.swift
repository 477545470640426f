import Randomness
import Settings
import Testing

/// What `require TEXT` on a route with the captures `id` and `b` is read as; nil for an error.
private func requirement(_ text: String) -> Requirement? {
    let route = "route /x/{id}/{b} { auth app; backend app\nrequire \(text)\n}"
    return read(prelude + route).settings?.routes[1].require.first
}

private func claim(_ name: String) -> Requirement.Operand { .source(.claim(name)) }

@Suite("What require may say")
struct RequirementTests {
    static let table: [(String, Requirement)] = [
        ("claim:a == path:id", .equal(claim("a"), .source(.path("id")))),
        ("claim:a == x", .equal(claim("a"), .text("x"))),
        ("x == claim:a", .equal(.text("x"), claim("a"))),
        ("claim:a == \"\"", .equal(claim("a"), .text(""))),
        ("claim:a == \"claim:a\"", .equal(claim("a"), .text("claim:a"))),
        ("claim:a == \"and\"", .equal(claim("a"), .text("and"))),
        ("claim:a == \"(b)\"", .equal(claim("a"), .text("(b)"))),
        ("claim:a == b(c)d", .equal(claim("a"), .text("b(c)d"))),
        ("claim:a == urn:b", .equal(claim("a"), .text("urn:b"))),
        ("claim:a != query:b", .different(claim("a"), .source(.query("b")))),
        ("claim:scope has \"queue:read\"", has(.claim("scope"), .text("queue:read"))),
        ("header:x-a has cookie:c", has(.header("x-a"), .source(.cookie("c")))),
        ("\"queue:read\" in claim:scope", has(.claim("scope"), .text("queue:read"))),
        ("query:s in claim:stores", has(.claim("stores"), .source(.query("s")))),
        ("claim:a in b", .oneOf(.claim("a"), ["b"])),
        ("claim:a in b \"c d\" 7", .oneOf(.claim("a"), ["b", "c d", "7"])),
        ("claim:a matches x-*", .matches(.claim("a"), pattern("x-*"))),
        ("claim:a matches \"*: ?\"", .matches(.claim("a"), pattern("*: ?"))),
        ("claim:a.b.c == x", .equal(claim("a.b.c"), .text("x"))),
        ("claim:a == 1 and claim:b == 2", .all([equal("a", "1"), equal("b", "2")])),
        ("claim:a == 1 or claim:b == 2", .any([equal("a", "1"), equal("b", "2")])),
        ("(claim:a == 1)", equal("a", "1")),
        ("((claim:a == 1))", equal("a", "1")),
        ("( claim:a == 1 )", equal("a", "1")),
        (
            "claim:a == 1 or claim:b == 2 and claim:c == 3 or claim:d == 4",
            .any([equal("a", "1"), .all([equal("b", "2"), equal("c", "3")]), equal("d", "4")])
        ),
        (
            "(claim:a == 1 or claim:b == 2) and claim:c == 3",
            .all([.any([equal("a", "1"), equal("b", "2")]), equal("c", "3")])
        ),
        (
            "claim:a == 1 and (claim:b in 2 3 or claim:c == 4)",
            .all([
                equal("a", "1"), .any([.oneOf(.claim("b"), ["2", "3"]), equal("c", "4")]),
            ])
        ),
        (
            "claim:a in x y and claim:b == 2",
            .all([.oneOf(.claim("a"), ["x", "y"]), equal("b", "2")])
        ),
    ]

    private static func equal(_ name: String, _ text: String) -> Requirement {
        .equal(claim(name), .text(text))
    }

    private static func has(_ list: ValueSource, _ element: Requirement.Operand) -> Requirement {
        .contains(list: list, element: element)
    }

    private static func pattern(_ text: String) -> TextPattern {
        guard let pattern = TextPattern(text) else { preconditionFailure() }
        return pattern
    }

    @Test("is read as what it means", arguments: table)
    func reading(text: String, expected: Requirement) {
        #expect(requirement(text) == expected)
    }

    private static let signs = "expected '==', '!=', 'has', 'in' or 'matches', not"
    private static let sources =
        "expected query:NAME, header:NAME, cookie:NAME, claim:NAME or path:NAME, not the text"

    static let mistakes: [Mistake] = [
        .init(
            .route, "require query:a ==",
            "1: 'require' is incomplete (expected: require VALUE ==|!=|has|in|matches VALUE…"
                + " [and|or …])"),
        .init(.route, "require query:a is b", "17: \(signs) 'is' (did you mean '=='?)"),
        .init(.route, "require query:a hsa b", "17: \(signs) 'hsa' (did you mean 'has'?)"),
        .init(.route, "require query:a HAS b", "17: \(signs) 'HAS' (did you mean 'has'?)"),
        .init(
            .route, "require query:a contains b", "17: \(signs) 'contains' (did you mean 'has'?)"),
        .init(.route, "require query:a =~ b", "17: \(signs) '=~' (did you mean 'matches'?)"),
        .init(
            .route, "require query:a <> path:uid",
            """
            17: \(signs) '<>' (did you mean '!='?)
            20: the path of this route captures no '{uid}' (did you mean 'id'?)
            """),
        .init(.route, "require query:a \"==\" b", "17: \(signs) '==' (did you mean '=='?)"),
        .init(.route, "require query:a between b", "17: \(signs) 'between'"),
        .init(.route, "require query:a == b c", "22: expected 'and' or 'or', not 'c'"),
        .init(.route, "require query:a == b && query:c == d", "22: \(joint("&&", "and"))"),
        .init(.route, "require query:a == b || query:c == d", "22: \(joint("||", "or"))"),
        .init(.route, "require query:a == b AND query:c == d", "22: \(joint("AND", "and"))"),
        .init(.route, "require query:a == b nad query:c == d", "22: \(joint("nad", "and"))"),
        .init(.route, "require query:a == b and", "22: a value is missing after 'and'"),
        .init(
            .route, "require query:a == b and query:c",
            "26: '==', '!=', 'has', 'in' or 'matches' is missing after 'query:c'"),
        .init(.route, "require query:a == b or query:c ==", "33: a value is missing after '=='"),
        .init(
            .route, "require query:a == and query:c",
            "20: expected a value, not 'and' (as a text it needs quotes)"),
        .init(
            .route, "require == query:a b",
            "9: expected a value, not '==' (as a text it needs quotes)"),
        .init(.route, "require (query:a == b", "9: this '(' is never closed"),
        .init(.route, "require query:a == b)", "21: this ')' has no '(' before it"),
        .init(.route, "require (query:a == b))", "23: this ')' has no '(' before it"),
        .init(
            .route, "require (query:a == b query:c == d)",
            "23: expected 'and', 'or' or ')', not 'query:c'"),
        .init(.route, "require () == b", "10: expected a value, not ')'"),
        .init(.route, "require query:a == (b)", "20: expected a value, not '('"),
        .init(.route, "require a == b", "9: \(sources) 'a'"),
        .init(.route, "require \"query:a\" != b", "9: \(sources) 'query:a'"),
        .init(.route, "require a has b", "9: \(sources) 'a'"),
        .init(.route, "require a in b c", "9: \(sources) 'a'"),
        .init(.route, "require a matches b", "9: \(sources) 'a'"),
        .init(
            .route, "require qurey:a == b",
            "9: did you mean 'query:a'? (a text with ':' needs quotes)"),
        .init(.route, "require query: == b", "9: a name is missing after 'query:'"),
        .init(
            .route, "require query: == path:uid",
            """
            9: a name is missing after 'query:'
            19: the path of this route captures no '{uid}' (did you mean 'id'?)
            """),
        .init(
            .route, "require query:a in b query:c d",
            "22: after 'in', write either one source or texts"),
        .init(
            .route, "require query:a in query:c query:d",
            """
            20: after 'in', write either one source or texts
            28: after 'in', write either one source or texts
            """),
        .init(
            .route, "require query:a matches path:id",
            "25: expected a pattern such as \"app-*\", not 'path:id' (a text with ':' needs quotes)"
        ),
        .init(.route, "require query:a in", "1: 'require' is incomplete \(usage)"),
        .init(
            .rewrite, "require query:a == b or path:user in x y",
            "25: the path of this rewrite captures no '{user}'"),
        .init(
            .defaults, "require query:a == b or x in path:id",
            "30: there is no path to capture from in 'defaults'"),
        .init(
            .route, "require query:a == b or claim:c has d",
            "1: 'require claim:…' needs 'auth NAME': without a token there is nothing to check"),
    ]

    private static let usage =
        "(expected: require VALUE ==|!=|has|in|matches VALUE… [and|or …])"

    private static func joint(_ word: String, _ meant: String) -> String {
        "expected 'and' or 'or', not '\(word)' (did you mean '\(meant)'?)"
    }

    @Test("or is refused, with what was expected", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("The caret stands under the parenthesis, and under the word beside it") func carets() {
        let text = prelude + "route /y { backend app; require (query:a == b) or (a == c) }"
        #expect(
            rendered(text) == """
                gateway.conf:2:52: error: \(Self.sources) 'a'
                    2 | route /y { backend app; require (query:a == b) or (a == c) }
                      |                                                    ^
                """)
    }

    @Test("Comparisons, texts, parentheses and patterns have their limits") func limits() {
        func comparisons(_ count: Int) -> String {
            Array(repeating: "query:a == b", count: count).joined(separator: " or ")
        }
        func depth(_ count: Int) -> String {
            String(repeating: "(", count: count) + "query:a == b"
                + String(repeating: ")", count: count)
        }
        func texts(_ count: Int) -> String {
            "query:a in " + Array(repeating: "b", count: count).joined(separator: " ")
        }
        func pattern(_ count: Int) -> String {
            "query:a matches " + String(repeating: "?", count: count)
        }
        let rows: [(make: (Int) -> String, limit: Int, complaint: String)] = [
            (
                comparisons, Requirement.comparisonLimit,
                "1033: a 'require' makes at most 64 comparisons"
            ),
            (depth, Requirement.depthLimit, "17: parentheses are nested more than 8 deep"),
            (texts, Requirement.listLimit, "532: 'in' names at most 256 texts"),
            (pattern, TextPattern.lengthLimit, "25: a pattern has at most 255 characters"),
        ]
        for row in rows {
            let bench = Bench.route
            #expect(bench.complaints(about: "require " + row.make(row.limit)) == "")
            #expect(bench.complaints(about: "require " + row.make(row.limit + 1)) == row.complaint)
        }
    }

    @Test("What is inherited from defaults is left behind where it reads a claim") func inherited()
    {
        let text = """
            route /a { auth off; backend app }
            defaults {
                require query:a == b
                require query:a == b or claim:c == d
                require x in claim:d
            }
            """
        #expect(
            read(
                prelude.replacing("require query:s == claim:s;", with: "require query:u == v;")
                    + text
            ).settings?.routes.map(\.require) == [
                [.equal(.source(.query("u")), .text("v"))],
                [.equal(.source(.query("a")), .text("b"))],
            ])
    }

    @Test("Whatever stands behind require, an answer comes back") func fuzz() {
        let words = [
            "claim:a", "query:b", "path:id", "path:no", "header:c", "cookie:d", "x", "\"y z\"",
            "==",
            "!=", "has", "in", "matches", "and", "or", "(", ")", "((", "))", "(claim:a", "x)", "=",
            "&&", "a*?", "\"\"", "clam:a", ":", "()",
        ]
        var dice = SeededGenerator(seed: fuzzSeed)
        var good = 0
        for round in 0..<fuzzIterations {
            let text = dice.elements(0...12, of: words)
                .joined(separator: Bool.random(using: &dice) ? " " : "  ")
            let line = "route /x/{id} { auth app; backend app; require \(text) }"
            let result = read(prelude + line)
            #expect((result.settings == nil) == !result.diagnostics.isEmpty, "\(round): \(text)")
            for diagnostic in result.diagnostics {
                #expect(diagnostic.position.line == 2, "\(round): \(text)")
                #expect((1...line.count).contains(diagnostic.position.column), "\(round): \(text)")
            }
            if result.settings != nil { good += 1 }
        }
        #expect(good > 0)
    }
}
