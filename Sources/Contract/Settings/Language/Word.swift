internal import Bytes

/// A stretch of one line of one file. Lines and columns count from 1, columns and lengths in
/// characters.
struct SourceRange: Sendable, Hashable {
    /// An index into the files that were read.
    var file: Int
    var line: Int
    var column: Int
    var length: Int
}

/// One word or string as it was written, and what it means.
struct Word: Sendable, Hashable {
    /// Escapes resolved, quotes gone.
    var text: String
    var location: SourceRange
    var isQuoted = false
    /// For a word with escapes or variables: how far from its start each character of `text` was
    /// written.
    var offsets: [Int] = []
    /// The word as it was written, when `${NAME}` in it stands for a value of the environment.
    var written: String?
    /// A lexical error was reported for it: nothing more needs to be said about it.
    var isBroken = false
    /// The word may be a secret: neither messages nor source lines may show it.
    var isHidden = false

    /// As in `a, b`; a value that ends so is written in quotes.
    var endsWithComma: Bool { !isQuoted && text.hasSuffix(",") }

    /// The word as messages may repeat it, in single quotes.
    var shown: String {
        if isHidden { return "'…'" }
        // What a variable holds is not repeated: it may not be meant for others.
        let text = written ?? text
        let shown = text.count > 60 ? text.prefix(59) + "…" : text
        return "'" + shown.printable() + "'"
    }

    /// Where characters `start..<start + length` of `text` were written.
    func location(of start: Int, length: Int = 1) -> SourceRange {
        if text.isEmpty { return location }
        func offset(_ index: Int) -> Int {
            offsets.indices.contains(index) ? offsets[index] : index + (isQuoted ? 1 : 0)
        }
        let from = min(offset(start), location.length - 1)
        let to = min(max(offset(start + length - 1) + 1, from + 1), location.length)
        return SourceRange(
            file: location.file, line: location.line, column: location.column + from,
            length: to - from)
    }
}

extension Unicode.Scalar {
    /// A control character that has no place in a configuration: all but the tab.
    var isForbidden: Bool { isUnprintable && self != "\t" }
}
