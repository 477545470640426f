/// A word that code may not say, and where.
struct WordRule: Sendable {
    var word: String
    var reason: String
    /// True for the files that the rule holds for.
    var holds: @Sendable (SourceFile) -> Bool = { _ in true }

    func findings(in file: SourceFile) -> [Finding] {
        guard holds(file) else { return [] }
        return file.text.lines(with: word).map { line in
            Finding(path: file.path, line: line, message: "`\(word)`: \(reason)")
        }
    }

    static let all = [
        WordRule(word: "try!", reason: "throw, or handle the error"),
        WordRule(word: "as!", reason: "a cast that may fail is a `guard`"),
        WordRule(word: "fatalError(", reason: "a precondition says what was broken"),
        WordRule(word: "public", reason: "`package` is as wide as it gets"),
        WordRule(word: "Date()", reason: "time comes in as an argument"),
        WordRule(word: "print(", reason: "only the executable prints") { file in
            !file.isUnder("Sources/gateway")
        },
        WordRule(word: "unsafe", reason: "only Adapters say it") { file in
            !file.isUnder("Sources/Adapters")
        },
        WordRule(word: "@unchecked Sendable", reason: "only listed files say it") { file in
            !House.uncheckedSendable.contains(file.path)
        },
    ]

    /// Those that tests may not say either.
    static let everywhere = [
        WordRule(
            word: "Mutex<",
            reason: "ThreadSanitizer does not know it and takes it for a race: use `Guarded`")
    ]
}

/// A machine's switch names every state: the file that declares its states says no `default:`, but
/// where it switches over something else (`House.defaults`).
enum MachineRule {
    private static let states = ["enum State", "enum Phase", "enum Stage", "enum HeadStage"]

    static func findings(
        in files: [SourceFile], allowed: [String: Int] = House.defaults
    ) -> [Finding] {
        let ratchet = Ratchet(what: "`default:` in a machine", limit: 0, allowed: allowed)
        return ratchet.findings(
            for: files.filter(isMachine).map { file in
                let lines = file.text.lines(with: "default:")
                return (file.path, file.path, lines.first ?? 0, lines.count)
            })
    }

    static func isMachine(_ file: SourceFile) -> Bool {
        states.contains { !file.text.lines(with: $0).isEmpty }
    }
}

/// No force unwrap: a `!` right behind a value.
enum UnwrapRule {
    static func findings(in file: SourceFile) -> [Finding] {
        file.text.lines(with: "!").compactMap { line in
            guard holdsUnwrap(Array(file.text.code[line - 1].utf8)) else { return nil }
            return Finding(
                path: file.path, line: line, message: "`!`: unwrap with `if` or `guard`")
        }
    }

    private static func holdsUnwrap(_ line: [UInt8]) -> Bool {
        line.indices.dropFirst().contains { index in
            guard line[index] == UInt8(ascii: "!") else { return false }
            let before = line[index - 1]
            // `try!` and `as!` are words of their own.
            let word = line[..<index].reversed().prefix { isWordOctet($0) }.reversed()
            if word.elementsEqual("try".utf8) || word.elementsEqual("as".utf8) { return false }
            let isComparison = index + 1 < line.count && line[index + 1] == UInt8(ascii: "=")
            return !isComparison && (isWordOctet(before) || ")]}>?\"`".utf8.contains(before))
        }
    }
}
