import Settings
import Testing

@Suite("Suggestions")
struct SpellingTests {
    @Test(
        "Slips are counted: insert, drop, replace, swap",
        arguments: [
            ("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("", "ab", 2), ("abc", "acb", 1),
            ("polcy", "policy", 1), ("teh", "the", 1), ("kitten", "sitting", 3), ("ca", "abc", 3),
            ("가나다", "가다", 1),
        ])
    func distances(left: String, right: String, distance: Int) {
        #expect(Spelling.distance(left, right) == distance)
        #expect(Spelling.distance(right, left) == distance)
    }

    @Test(
        "The closest word is suggested when it is close enough for its length",
        arguments: [
            ("polcy", "policy"), ("POLICY", "policy"), ("plocy", nil), ("ap", "app"), ("xp", nil),
            ("conect_timeot", "connect_timeout"), ("connection", nil), ("", nil),
            ("aap", "app"), (String(repeating: "a", count: 1000), nil),
        ] as [(String, String?)])
    func closest(word: String, expected: String?) {
        let words = ["policy", "app", "connect_timeout"]
        #expect(Spelling.closest(to: word, among: words) == expected)
    }

    @Test("Of equals the first wins") func ties() {
        #expect(Spelling.closest(to: "cat", among: ["bat", "hat"]) == "bat")
    }
}
