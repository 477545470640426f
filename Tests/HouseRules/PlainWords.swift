/// Comments and texts that a newcomer has to read twice, found by their words.
enum PlainWords {
    /// A comment that begins with one of these says of something that it does not name.
    static let pronouns: Set<String> = [
        "And", "Anybody", "But", "Everybody", "Its", "It", "Nobody", "Of", "So", "Somebody", "Such",
        "Their", "They", "These", "Those", "Whoever", "Whom", "Whose", "Who",
    ]

    /// The same with several words.
    static let openings = ["As above", "The same"]

    /// Words and phrases that people who learnt English at school do not know or read wrongly, with
    /// what to write instead. They are looked for in the texts of the program: errors, help, log
    /// lines, descriptions.
    static let unclear: [(phrase: String, instead: String)] = [
        ("anybody", "a client, an operator"), ("at hand", "current"),
        ("believe", "accept"), ("believed", "accepted"), ("bring", "send"), ("brings", "sends"),
        ("behind", "after"), ("everybody", "every client"), ("for ever", "always"),
        ("goes on", "continues"), ("go on", "continue"), ("heard", "was answered with"),
        ("holds no", "must not contain"), ("in the clear", "unencrypted"),
        ("in vain", "without success"), ("is no", "is not a"), ("is said", "is set"),
        ("nobody", "no client"), ("parted", "separated"), ("shall", "must, may"),
        ("somebody", "a client"), ("spoken", "supported"), ("stand alone", "be the only word"),
        ("stands alone", "cannot be combined"), ("stands in", "needs"),
        ("take back", "remove"), ("taken back", "removed"), ("to be had", "available"),
        ("whatever", "any"), ("whoever", "any client that"), ("whomever", "any client that"),
    ]

    /// Where a phrase is good English all the same.
    static let clear = ["there is no"]

    // MARK: Comments

    /// The comments of a file that begin with a word for something that they do not name.
    static func riddles(in file: SourceFile) -> [Finding] {
        var findings: [Finding] = []
        var isInside = false
        for (index, line) in file.text.lines.enumerated() {
            let text = line.drop { $0 == " " }
            let isComment = file.text.hasComment[index] && text.hasPrefix("//")
            if isComment, !isInside, let opening = opening(of: text) {
                findings.append(
                    Finding(
                        path: file.path, line: index + 1,
                        message: "a comment begins with '\(opening)': name what it is about"))
            }
            isInside = isComment
        }
        return findings
    }

    private static func opening(of comment: Substring) -> String? {
        let text = comment.drop { $0 == "/" || $0 == " " }
        let word = String(text.prefix { $0.isLetter })
        if pronouns.contains(word) { return word }
        return openings.first { text.hasPrefix($0) }
    }

    // MARK: Texts

    /// The texts of a file that say something unclear.
    static func unclearTexts(in file: SourceFile) -> [Finding] {
        file.text.strings.enumerated().flatMap { index, text in
            unclear(in: text).map { phrase, instead in
                Finding(
                    path: file.path, line: index + 1,
                    message: "a text says '\(phrase)': write '\(instead)'")
            }
        }
    }

    /// What of a text is unclear, with what to write instead.
    static func unclear(in text: String) -> [(phrase: String, instead: String)] {
        // A single word is a name.
        guard text.contains(" ") else { return [] }
        let letters = text.lowercased().replacing("…", with: " … ").map {
            $0.isLetter || $0 == "…" ? $0 : " "
        }
        let spaced = letters.split(separator: " ").map { String($0) }.joined(separator: " ")
        var words = " \(spaced) "
        for phrase in clear { words = words.replacing(" \(phrase) ", with: " ") }
        return unclear.filter { words.contains(" \($0.phrase) ") }
    }

    /// More findings in a room than `most` says. The numbers may only fall.
    static func beyond(
        _ most: [String: Int], _ findings: [Finding]
    ) -> [Finding] {
        let byRoom = Dictionary(grouping: findings) { House.place(of: $0.path)?.room ?? "" }
        let over = byRoom.flatMap { room, found in
            found.count > most[room] ?? 0 ? found : []
        }
        let met = most.keys.filter { byRoom[$0] == nil }.sorted().map {
            Finding(path: $0, line: 0, message: "no finding is left: take the room off the list")
        }
        return over + met
    }
}
