import Randomness
import Settings
import Testing

@Suite("Patterns for whole texts")
struct TextPatternTests {
    @Test(
        "stars, question marks and everything else",
        arguments: [
            ("", "", true), ("", "a", false), ("a", "", false), ("*", "", true), ("*", "abc", true),
            ("**", "", true), ("?", "", false), ("?", "a", true), ("?", "ab", false),
            ("??", "ab", true), ("abc", "abc", true), ("abc", "abcd", false),
            ("abc", "xabc", false),
            ("abc", "ABC", false), ("a*", "a", true), ("a*", "abc", true), ("a*", "ba", false),
            ("*a", "bca", true), ("*a", "ab", false), ("a*b*c", "abc", true),
            ("a*b*c", "axbxbxc", true), ("a*b*c", "acb", false), ("*ab*", "xxabxx", true),
            ("*aab", "aaaab", true), ("a?c", "abc", true), ("a?c", "ac", false),
            ("*?", "", false), ("*?", "a", true), ("?*?", "a", false), ("?*?", "ab", true),
            ("[a-z]", "b", false), ("[a-z]", "[a-z]", true), ("a.c", "abc", false),
            ("\\*", "\\anything", true), ("\\*", "*", false), ("a+", "aa", false),
            ("접*", "접속", true), ("?", "접", true), ("?", "e\u{301}", false),
            ("\u{E9}", "e\u{301}", false), ("K", "\u{212A}", false), ("?", "\n", true),
            ("*@example.kr", "a@example.kr", true), ("*@example.kr", "a@example.kr.evil", false),
        ])
    func table(pattern: String, text: String, expected: Bool) throws {
        #expect(try #require(TextPattern(pattern)).matches(text) == expected)
    }

    @Test("so many characters, and stars for nothing")
    func length() throws {
        let longest = String(repeating: "a", count: TextPattern.lengthLimit)
        #expect(try #require(TextPattern(longest)).matches(longest))
        #expect(try !#require(TextPattern(longest)).matches(longest + "a"))
        #expect(try !#require(TextPattern(longest)).matches(String(longest.dropLast())))
        #expect(TextPattern(longest + "a") == nil)
        #expect(TextPattern(longest + "?") == nil)
        let starred = String(repeating: "*", count: 1000) + longest + "*"
        #expect(try #require(TextPattern(starred)).matches("b" + longest + "b"))
    }

    @Test("places beyond 64, 128 and 192 are told apart", arguments: [63, 64, 127, 128, 191, 192])
    func words(index: Int) throws {
        var characters = [Character](repeating: "a", count: 250)
        characters[index] = "b"
        let text = String(characters)
        let pattern = try #require(TextPattern(text + "*"))
        #expect(pattern.matches(text) && pattern.matches(text + "x"))
        characters.swapAt(index, index + 1)
        #expect(!pattern.matches(String(characters)))
    }

    @Test("it finds what trying every way finds")
    func reference() throws {
        var dice = SeededGenerator(seed: fuzzSeed)
        var found = 0
        for _ in 0..<fuzzIterations {
            let pattern = String(dice.elements(0...8, of: "ab?**"))
            let text = String(dice.elements(0...10, of: "abc"))
            let expected = Self.tries(Array(pattern), Array(text))
            #expect(
                try #require(TextPattern(pattern)).matches(text) == expected, "\(pattern) \(text)")
            if expected { found += 1 }
        }
        #expect(found * 20 > fuzzIterations)
    }

    @Test("no text takes long, whatever the pattern", .timeLimit(.minutes(1)))
    func hostile() throws {
        let text = String(repeating: "a", count: 32_000)
        for pattern in [
            String(repeating: "*a", count: 120) + "b", String(repeating: "*?a", count: 80) + "b",
            String(repeating: "a*", count: 120) + "b",
        ] {
            #expect(try !#require(TextPattern(pattern)).matches(text))
        }
    }

    /// What the words mean, said as simply as can be.
    private static func tries(_ pattern: [Character], _ text: [Character]) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = Array(pattern.dropFirst())
        if first == "*" {
            return (0...text.count).contains { tries(rest, Array(text[$0...])) }
        }
        guard let head = text.first, first == "?" || first == head else { return false }
        return tries(rest, Array(text.dropFirst()))
    }
}
