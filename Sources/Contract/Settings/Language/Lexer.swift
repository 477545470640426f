internal import Bytes

/// What the text of a configuration is made of.
enum Token: Sendable, Hashable {
    case word(Word)
    case open(SourceRange)
    case close(SourceRange)
    /// `;` or the end of a line.
    case separator(isLineEnd: Bool)
}

/// Cuts lines into tokens. After an error it goes on behind the word that holds it.
struct Lexer {
    private(set) var tokens: [Token] = []
    private(set) var findings: [Finding] = []
    private let file: Int
    private let environment: (String) -> String?
    private var line: [Character] = []
    private var number = 0
    private var cursor = 0
    /// Trailing brackets given back by a string without an end: the line's text stops here.
    private var end = 0

    /// - Parameter environment: the value of a variable; nil for one that is not set.
    init(file: Int, environment: @escaping (String) -> String?) {
        self.file = file
        self.environment = environment
    }

    /// Reads one line, without its line break; `number` counts from 1.
    mutating func read(_ text: String, number: Int) {
        line = Array(text)
        self.number = number
        cursor = 0
        end = line.count
        while cursor < end { readToken() }
        tokens.append(.separator(isLineEnd: true))
    }

    private mutating func readToken() {
        switch line[cursor] {
        case " ", "\t": cursor += 1
        case "#": cursor = end
        case ";":
            cursor += 1
            tokens.append(.separator(isLineEnd: false))
        case "{" where placeholderEnd(cursor) == nil:
            tokens.append(.open(location(cursor, 1)))
            cursor += 1
        case "}":
            tokens.append(.close(location(cursor, 1)))
            cursor += 1
        case "\"": readString()
        case let character where character.isForeignSpace:
            report("this is a special kind of space; use an ordinary space", cursor, 1)
            cursor += 1
        default: readWord()
        }
    }

    // MARK: Words

    private mutating func readWord() {
        let start = cursor
        var word = Word(text: "", location: location(start, 1))
        // Up to here the word has been taken over; that begins with its first variable.
        var taken = start
        if line[start] == "'" {
            report("strings need double quotes", start, 1)
            word.isBroken = true
        }
        scan: while cursor < end {
            let character = line[cursor]
            switch character {
            case " ", "\t", ";", "}": break scan
            case "$" where beginsVariable(cursor):
                word.append(line[taken..<cursor], writtenAt: taken - start)
                readVariable(into: &word, from: start)
                taken = cursor
            case "{":
                guard let after = placeholderEnd(cursor) ?? captureEnd(cursor, of: start)
                else { break scan }
                cursor = after
            case "#":
                // What follows may be the rest of the value, or a comment: the brackets behind it
                // count in either case, lest blocks seem to stay open.
                if !word.isBroken {
                    report(
                        "a value with '#' needs quotes; a comment needs a space before", cursor, 1)
                }
                word.isBroken = true
                cursor += 1
            case "\"":
                report("a quote inside a word; put the quotes around all of it", cursor, 1)
                word.isBroken = true
                cursor = (closingQuote(after: cursor) ?? cursor) + 1
            default:
                if character.isForeignSpace { break scan }
                if character.isDamaged { word.isBroken = true }
                cursor += 1
            }
        }
        if taken == start {
            word.text = String(line[start..<cursor])
        } else {
            word.append(line[taken..<cursor], writtenAt: taken - start)
        }
        word.location.length = cursor - start
        if word.written != nil { word.written = String(line[start..<cursor]) }
        tokens.append(.word(word))
    }

    // MARK: Variables

    /// True for `${`, and for `$${`, which is `${` itself.
    private func beginsVariable(_ index: Int) -> Bool {
        let rest = line[index..<end].dropFirst()
        return rest.first == "{" || rest.starts(with: "${")
    }

    /// Reads `$${`, `${NAME}` or `${NAME:-default}` at the cursor. What a variable holds is a part
    /// of this word whatever it is: nothing of it is read as the language.
    private mutating func readVariable(into word: inout Word, from start: Int) {
        let dollar = cursor
        if line[dollar + 1] == "$" {
            cursor += 2
            return word.append(["$"], writtenAt: dollar - start)
        }
        guard let close = line[dollar..<end].firstIndex(of: "}"),
            let variable = Variable(line[(dollar + 2)..<close])
        else {
            cursor += 2
            word.isBroken = true
            return report(
                "expected ${NAME} or ${NAME:-default} for an environment variable ('$${' is '${'"
                    + " itself)", dollar, 2)
        }
        cursor = close + 1
        word.written = ""
        let length = cursor - dollar
        guard let value = variable.value(environment) else {
            word.isBroken = true
            return report(
                "the environment variable '\(variable.name)' is not set (${\(variable.name):-text}"
                    + " gives a default)", dollar, length)
        }
        if value.unicodeScalars.contains(where: \.isForbidden) {
            word.isBroken = true
            return report(
                "the environment variable '\(variable.name)' holds a line break or another control"
                    + " character", dollar, length)
        }
        word.append(value, writtenAt: (dollar - start)..<(cursor - start))
    }

    /// The index behind `{name}` when one begins at `start`.
    private func placeholderEnd(_ start: Int) -> Int? {
        var index = start + 1
        while index < end, line[index].isPlaceholderPart { index += 1 }
        return index > start + 1 && index < end && line[index] == "}" ? index + 1 : nil
    }

    /// The index behind what was meant as a capture of the path that begins at `first`, but is
    /// none: `{id:int}`, `{*rest}`, and `{id` before the bracket of a block.
    private func captureEnd(_ start: Int, of first: Int) -> Int? {
        guard line[first..<start].contains("/") else { return nil }
        let rest = line[start..<end]
        let word = rest.prefix { $0 != " " && $0 != "\t" && $0 != ";" }
        if let bracket = word.lastIndex(of: "}") { return bracket + 1 }
        let behind = line[word.endIndex..<end].first { $0 != " " && $0 != "\t" }
        guard line[start - 1] == "/", word.count > 1, behind == "{" else { return nil }
        return word.endIndex
    }

    // MARK: Strings

    private mutating func readString() {
        let start = cursor
        var word = Word(text: "", location: location(start, 1), isQuoted: true)
        var hasEscapes = false
        cursor += 1
        while cursor < end, line[cursor] != "\"" {
            if line[cursor] == "$", beginsVariable(cursor) {
                hasEscapes = true
                readVariable(into: &word, from: start)
                continue
            }
            word.offsets.append(cursor - start)
            if line[cursor] == "\\" {
                hasEscapes = true
                word.text.append(contentsOf: readEscape(&word.isBroken))
            } else {
                if line[cursor].isDamaged { word.isBroken = true }
                word.text.append(line[cursor])
                cursor += 1
            }
        }
        if !hasEscapes { word.offsets = [] }
        if cursor < end {
            cursor += 1
        } else {
            word.isBroken = true
            giveBackBrackets(after: start)
            report("this string is never closed", start, cursor - start)
        }
        word.location.length = cursor - start
        if word.written != nil { word.written = String(line[start..<cursor]) }
        if cursor < end, !" \t;{}#".contains(line[cursor]), !line[cursor].isForeignSpace {
            report("a space is missing after the string", cursor, 1)
            word.isBroken = true
        }
        tokens.append(.word(word))
    }

    /// `respond 200 "ok }` most likely means the bracket to close the block.
    private mutating func giveBackBrackets(after start: Int) {
        cursor = end
        while cursor > start + 1, " \t;}".contains(line[cursor - 1]) { cursor -= 1 }
    }

    /// Reads an escape sequence; what is none is reported and skipped.
    private mutating func readEscape(_ isBroken: inout Bool) -> String {
        let start = cursor
        cursor += 2
        guard start + 1 < end else {
            cursor = end
            return ""
        }
        switch line[start + 1] {
        case "n": return "\n"
        case "t": return "\t"
        case "\"": return "\""
        case "\\": return "\\"
        case "u":
            if let scalar = readScalar() { return String(Character(scalar)) }
            report("expected \\u{…} with the number of a character in hexadecimal", start, 2)
        default:
            report("unknown escape (there are \\n \\t \\\" \\\\ \\u{…})", start, 2)
        }
        isBroken = true
        return ""
    }

    /// `{1F600}` at the cursor; nil when there is none.
    private mutating func readScalar() -> Unicode.Scalar? {
        guard cursor < end, line[cursor] == "{" else { return nil }
        var index = cursor + 1
        while index < end, line[index].isHexDigit, index - cursor <= 6 { index += 1 }
        guard index < end, line[index] == "}" else { return nil }
        let digits = String(line[(cursor + 1)..<index])
        guard let value = UInt32(digits, radix: 16), value != 0 else { return nil }
        cursor = index + 1
        return Unicode.Scalar(value)
    }

    private func closingQuote(after start: Int) -> Int? {
        line[(start + 1)..<end].firstIndex(of: "\"")
    }

    // MARK: Places

    private func location(_ index: Int, _ length: Int) -> SourceRange {
        SourceRange(file: file, line: number, column: index + 1, length: max(1, length))
    }

    private mutating func report(_ message: String, _ index: Int, _ length: Int) {
        findings.append(.init(.error, message, location(index, length)))
    }
}

extension Character {
    fileprivate var isPlaceholderPart: Bool {
        isASCII && (isLetter || isNumber || self == "_" || self == "." || self == "-")
    }

    /// A space that does not come from the space bar, such as U+3000 of an East Asian keyboard.
    fileprivate var isForeignSpace: Bool {
        guard let scalar = unicodeScalars.first, !isASCII else { return false }
        return scalar.properties.isWhitespace || scalar.value == 0x200B || scalar.value == 0xFEFF
    }

    /// Reported when the octets were decoded.
    fileprivate var isDamaged: Bool {
        unicodeScalars.contains { $0.isForbidden || $0.value == 0xFFFD }
    }
}
