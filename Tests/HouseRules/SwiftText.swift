/// One Swift file as the rules read it: its lines as written, and again with comments and the
/// contents of strings and quoted names blanked, so that a word found there is code.
///
/// Line numbers are indices plus one; `code` has the lines and columns (in UTF-8) of `lines`.
/// Regular expression literals are read as code. Everything is read once: rules ask for words.
struct SwiftText: Sendable {
    let lines: [String]
    let code: [String]
    /// For every line, whether a comment begins, continues or ends there.
    let hasComment: [Bool]
    /// For every line, what its strings say: escapes and interpolations are `…`, and strings are
    /// apart by one, too.
    let strings: [String]
    /// What the code consists of, in order.
    let tokens: [Token]
    /// The indices in `tokens` of every word and mark.
    private let places: [String: [Int]]

    init(_ text: String) {
        var blanker = Blanker(octets: Array(text.utf8))
        blanker.run()
        lines = Self.lines(of: blanker.octets, blanker.lineRanges)
        code = Self.lines(of: blanker.code, blanker.lineRanges)
        hasComment = blanker.hasComment
        strings = blanker.texts.map { String(decoding: $0, as: UTF8.self) }
        tokens = Token.all(in: blanker.code)
        var places: [String: [Int]] = [:]
        for index in tokens.indices { places[tokens[index].text, default: []].append(index) }
        self.places = places
    }

    private static func lines(of octets: [UInt8], _ ranges: [Range<Int>]) -> [String] {
        ranges.map { String(decoding: octets[$0], as: UTF8.self) }
    }

    /// How often each word occurs in code.
    var wordCounts: [String: Int] {
        places.mapValues(\.count).filter { Token(text: $0.key, line: 0).isWord }
    }

    /// The indices in `tokens` at which one of `words` stands, in order.
    func places(of words: Set<String>) -> [Int] {
        words.flatMap { places[$0] ?? [] }.sorted()
    }

    /// The numbers of the lines whose code holds the words and marks of `phrase`, as they stand
    /// there.
    func lines(with phrase: String) -> [Int] {
        let wanted = Token.all(in: Array(phrase.utf8))
        guard let first = wanted.first, let starts = places[first.text] else { return [] }
        let found = starts.filter { start in
            start + wanted.count <= tokens.count
                && wanted.indices.dropFirst().allSatisfy { index in
                    let token = tokens[start + index]
                    return token.text == wanted[index].text && token.line == tokens[start].line
                        && token.isJoined == wanted[index].isJoined
                }
        }.map { tokens[$0].line }
        return found.indices.filter { $0 == 0 || found[$0] != found[$0 - 1] }.map { found[$0] }
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
    /// As `octets`, with what is no code blanked.
    private(set) var code: [UInt8]
    /// Where the lines stand, without their ends.
    private(set) var lineRanges: [Range<Int>] = []
    private(set) var hasComment = [false]
    /// Of every line, what its strings say.
    private(set) var texts: [[UInt8]] = [[]]
    private var lineStart = 0
    private var index = 0
    private var modes = [Mode.code(interpolation: nil)]
    /// By octet: true for one that means nothing but itself, wherever it stands.
    private let isPlain: [Bool]

    init(octets: [UInt8]) {
        self.octets = octets
        code = octets
        isPlain = (0...255).map { !"\n/*#\"`()\\".utf8.contains($0) }
    }

    mutating func run() {
        while index < octets.count {
            if octets[index] == UInt8(ascii: "\n") {
                endLine()
            } else {
                step()
            }
        }
        lineRanges.append(lineStart..<octets.count)
    }

    private mutating func endLine() {
        switch modes[modes.count - 1] {
        case .lineComment, .quotedName, .string(_, isMultiline: false): modes.removeLast()
        case .code, .blockComment, .string: break
        }
        lineRanges.append(lineStart..<index)
        index += 1
        lineStart = index
        hasComment.append(isInComment)
        texts.append([])
    }

    private var isInComment: Bool {
        if case .blockComment = modes[modes.count - 1] { return true }
        return false
    }

    /// How many octets from here on mean nothing but themselves.
    private var plainCount: Int {
        var end = index
        while end < octets.count, isPlain[Int(octets[end])] { end += 1 }
        return end - index
    }

    private mutating func step() {
        let plain = plainCount
        if plain > 0 { return pass(plain) }
        switch modes[modes.count - 1] {
        case .code(let interpolation): stepInCode(interpolation)
        case .lineComment: blank(1)
        case .blockComment(let depth): stepInComment(depth)
        case .string(let hashes, let isMultiline): stepInString(hashes, isMultiline)
        case .quotedName:
            if octets[index] == UInt8(ascii: "`") { modes.removeLast() }
            write(octets[index] == UInt8(ascii: "`") ? nil : UInt8(ascii: "_"), 1)
        }
    }

    private mutating func pass(_ count: Int) {
        switch modes[modes.count - 1] {
        case .code: index += count
        case .string:
            texts[texts.count - 1].append(contentsOf: octets[index..<index + count])
            blank(count)
        case .lineComment, .blockComment: blank(count)
        case .quotedName: write(UInt8(ascii: "_"), count)
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
            texts[texts.count - 1].append(contentsOf: "…".utf8)
            index += hashes + (isMultiline ? 3 : 1)
            return
        }
        if octets[index] == UInt8(ascii: "`") { modes.append(.quotedName) }
        if let open = interpolation {
            let change = starts("(") ? 1 : starts(")") ? -1 : 0
            modes[modes.count - 1] = .code(interpolation: open + change)
            if open + change == 0 { modes.removeLast() }
        }
        index += max(1, hashes)
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
            index += quotes.utf8.count + hashes
        } else if starts("\\" + delimiter + "(") {
            modes.append(.code(interpolation: 1))
            texts[texts.count - 1].append(contentsOf: "…".utf8)
            blank(hashes + 2)
        } else if starts("\\" + delimiter) {
            // The escaped character may be a quotation mark; a line's end stays one.
            let isAtEnd =
                index + hashes + 1 >= octets.count || octets[index + hashes + 1] == 0x0A
            texts[texts.count - 1].append(contentsOf: "…".utf8)
            blank(hashes + (isAtEnd ? 1 : 2))
        } else {
            texts[texts.count - 1].append(octets[index])
            blank(1)
        }
    }

    private func starts(_ text: String, at start: Int? = nil) -> Bool {
        octets[(start ?? index)...].starts(with: text.utf8)
    }

    private mutating func blank(_ count: Int) { write(UInt8(ascii: " "), count) }

    /// Goes on by `count` octets, which are `replacement` in the code, or stay what they are.
    private mutating func write(_ replacement: UInt8?, _ count: Int) {
        let end = min(index + count, octets.count)
        if let replacement {
            for place in index..<end { code[place] = replacement }
        }
        index = end
    }
}
