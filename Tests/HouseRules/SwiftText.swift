/// One Swift file as the rules read it: its lines as written, and again with comments and the
/// contents of strings and quoted names blanked, so that a word found there is code.
///
/// Line numbers are indices plus one; `code` has the lines and columns (in UTF-8) of `lines`.
/// Regular expression literals are read as code.
struct SwiftText: Sendable {
    let lines: [String]
    let code: [String]
    /// For every line, whether a comment begins, goes on or ends there.
    let hasComment: [Bool]

    init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blanker = Blanker(octets: Array(text.utf8))
        blanker.run()
        code = blanker.lines.map { String(decoding: $0, as: UTF8.self) }
        hasComment = blanker.hasComment
    }

    /// The numbers of the lines whose code holds `word`: not as a part of a longer word, where it
    /// begins or ends like one.
    func lines(with word: String) -> [Int] {
        code.indices.filter { Self.holds(code[$0], word) }.map { $0 + 1 }
    }

    private static func holds(_ line: String, _ word: String) -> Bool {
        let (line, word) = (Array(line.utf8), Array(word.utf8))
        guard line.count >= word.count else { return false }
        return (0...(line.count - word.count)).contains { start in
            let end = start + word.count
            guard line[start..<end].elementsEqual(word) else { return false }
            let joinsLeft =
                start > 0 && isWordOctet(word[0]) && isWordOctet(line[start - 1])
            let joinsRight =
                end < line.count && isWordOctet(word[word.count - 1]) && isWordOctet(line[end])
            return !joinsLeft && !joinsRight
        }
    }
}

/// A letter, a digit, an underscore, or a part of a character beyond ASCII.
func isWordOctet(_ octet: UInt8) -> Bool {
    octet >= 0x80 || octet == UInt8(ascii: "_") || (octet &- 0x30) < 10
        || ((octet | 0x20) &- 0x61) < 26
}

/// Goes through a file once and copies what is code.
private struct Blanker {
    private enum Mode {
        /// Parentheses still open, when inside an interpolation.
        case code(interpolation: Int?)
        case lineComment
        case blockComment(depth: Int)
        case string(hashes: Int, isMultiline: Bool)
        case quotedName
    }

    let octets: [UInt8]
    var lines: [[UInt8]] = [[]]
    var hasComment = [false]
    private var index = 0
    private var modes = [Mode.code(interpolation: nil)]

    init(octets: [UInt8]) { self.octets = octets }

    mutating func run() {
        while index < octets.count {
            if octets[index] == UInt8(ascii: "\n") {
                endLine()
            } else {
                step()
            }
        }
    }

    private mutating func endLine() {
        switch modes[modes.count - 1] {
        case .lineComment, .quotedName, .string(_, isMultiline: false): modes.removeLast()
        case .code, .blockComment, .string: break
        }
        index += 1
        lines.append([])
        hasComment.append(isInComment)
    }

    private var isInComment: Bool {
        if case .blockComment = modes[modes.count - 1] { return true }
        return false
    }

    private mutating func step() {
        switch modes[modes.count - 1] {
        case .code(let interpolation): stepInCode(interpolation)
        case .lineComment: blank(1)
        case .blockComment(let depth): stepInComment(depth)
        case .string(let hashes, let isMultiline): stepInString(hashes, isMultiline)
        case .quotedName:
            if octets[index] == UInt8(ascii: "`") { modes.removeLast() }
            copy(1, as: octets[index] == UInt8(ascii: "`") ? nil : UInt8(ascii: "_"))
        }
    }

    private mutating func stepInCode(_ interpolation: Int?) {
        if starts("//") || starts("/*") {
            hasComment[hasComment.count - 1] = true
            modes.append(starts("//") ? .lineComment : .blockComment(depth: 1))
            return blank(2)
        }
        let hashes = octets[index...].prefix { $0 == UInt8(ascii: "#") }.count
        if index + hashes < octets.count, octets[index + hashes] == UInt8(ascii: "\"") {
            let isMultiline = starts("\"\"\"", at: index + hashes)
            modes.append(.string(hashes: hashes, isMultiline: isMultiline))
            return copy(hashes + (isMultiline ? 3 : 1))
        }
        if octets[index] == UInt8(ascii: "`") { modes.append(.quotedName) }
        if let open = interpolation {
            let change = starts("(") ? 1 : starts(")") ? -1 : 0
            modes[modes.count - 1] = .code(interpolation: open + change)
            if open + change == 0 { modes.removeLast() }
        }
        copy(max(1, hashes))
    }

    private mutating func stepInComment(_ depth: Int) {
        if starts("/*") {
            modes[modes.count - 1] = .blockComment(depth: depth + 1)
            blank(2)
        } else if starts("*/") {
            modes[modes.count - 1] = .blockComment(depth: depth - 1)
            if depth == 1 { modes.removeLast() }
            blank(2)
        } else {
            blank(1)
        }
    }

    private mutating func stepInString(_ hashes: Int, _ isMultiline: Bool) {
        let delimiter = String(repeating: "#", count: hashes)
        let quotes = isMultiline ? "\"\"\"" : "\""
        if starts(quotes + delimiter) {
            modes.removeLast()
            copy(quotes.utf8.count + hashes)
        } else if starts("\\" + delimiter + "(") {
            modes.append(.code(interpolation: 1))
            blank(hashes + 2)
        } else if starts("\\" + delimiter) {
            // The escaped character may be a quotation mark; a line's end stays one.
            let isAtEnd =
                index + hashes + 1 >= octets.count || octets[index + hashes + 1] == 0x0A
            blank(hashes + (isAtEnd ? 1 : 2))
        } else {
            blank(1)
        }
    }

    private func starts(_ text: String, at start: Int? = nil) -> Bool {
        octets[(start ?? index)...].starts(with: text.utf8)
    }

    private mutating func blank(_ count: Int) {
        copy(count, as: UInt8(ascii: " "))
    }

    private mutating func copy(_ count: Int, as replacement: UInt8? = nil) {
        for octet in octets[index..<min(index + count, octets.count)] {
            lines[lines.count - 1].append(replacement ?? octet)
        }
        index += count
    }
}
