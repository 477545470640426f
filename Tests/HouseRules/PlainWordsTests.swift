import Testing

@Suite struct PlainWordsTests {
    private static let tree = SourceTree.standing

    @Test func `comments name what they are about`() throws {
        let findings = try Self.tree.get().sources.flatMap(PlainWords.riddles)
        for finding in PlainWords.beyond(House.riddles, findings) { Issue.record("\(finding)") }
    }

    @Test func `texts are plain English`() throws {
        let findings = try Self.tree.get().sources.flatMap(PlainWords.unclearTexts)
        for finding in PlainWords.beyond(House.unclearTexts, findings) {
            Issue.record("\(finding)")
        }
    }

    @Test(arguments: [
        ("/// It is open.", [1]), ("    // Whoever asks is told.\n// They are.", [1]),
        ("/// The socket.\n/// It is open.", []), ("let a = \"// It is\"", []),
        ("let a = 1 // It is one.", []), ("\n// As above.\n", [2]), ("/// Item.", []),
        ("// `It` is a name.", []), ("/// A.\nlet a = 1\n/// Of the turn.", [3]),
    ])
    func `a riddle begins with a word for something else`(text: String, lines: [Int]) {
        let file = SourceFile(path: "Sources/Policy/Sessions/A.swift", text)
        #expect(PlainWords.riddles(in: file).map(\.line) == lines)
    }

    @Test(arguments: [
        ("let a = \"'x' is no name\"", ["is no"]), ("let a = \"there is no route\"", []),
        ("let a = \"There is no name, which is no name\"", ["is no"]),
        ("let a = \"whoever\"", []), ("let a = \"whoever comes\"", ["whoever"]),
        ("// \"whoever comes\"", []), ("let whoever = \"a b\"", []),
        ("let a = \"is \\(name) no\"", []), ("let a = \"the one\\nat hand\"", ["at hand"]),
        ("let a = \"\"\"\n    not at hand\n    \"\"\"", ["at hand"]),
        ("let a = #\"nobody \"is\" here\"#", ["nobody"]),
    ])
    func `an unclear text is found in strings only`(text: String, phrases: [String]) {
        let file = SourceFile(path: "Sources/Policy/Sessions/A.swift", text)
        let found = PlainWords.unclearTexts(in: file).map(\.message)
        #expect(found.count == phrases.count)
        for (message, phrase) in zip(found, phrases) { #expect(message.contains("'\(phrase)'")) }
    }

    @Test func `a room may only have fewer than it had`() {
        let findings = (1...2).map {
            Finding(path: "Sources/Drivers/Proxy/A.swift", line: $0, message: "")
        }
        #expect(PlainWords.beyond([:], findings).count == 2)
        #expect(PlainWords.beyond(["Proxy": 1], findings).count == 2)
        #expect(PlainWords.beyond(["Proxy": 2], findings).isEmpty)
        #expect(PlainWords.beyond(["Proxy": 3], findings).isEmpty)
        #expect(PlainWords.beyond(["Proxy": 1], []).map(\.path) == ["Proxy"])
    }
}
