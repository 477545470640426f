/// One thing to say about a configuration, and where: what a compiler prints.
package struct Diagnostic: Error, Sendable, Hashable {
    package enum Severity: String, Sendable {
        case error, warning, note
    }

    package var severity: Severity
    /// Line 0 when it is about a file as a whole.
    package var position: SourcePosition
    package var message: String
    /// Characters under the caret, at least 1.
    package var length: Int
    /// The line itself, fit for a terminal, with secrets blotted out and a very long line cut
    /// around the place; nil when it is about a file as a whole.
    package var sourceLine: String?
    /// Characters of `sourceLine` before the caret: the column less one, unless the line was cut.
    package var caretOffset: Int

    package init(
        severity: Severity, position: SourcePosition, message: String, length: Int = 1,
        sourceLine: String? = nil, caretOffset: Int? = nil
    ) {
        self.severity = severity
        self.position = position
        self.message = message
        self.length = max(1, length)
        self.sourceLine = sourceLine
        self.caretOffset = caretOffset ?? max(0, position.column - 1)
    }

    /// The text for a person, without a line break at the end:
    ///
    ///     gateway.conf:31:9: error: unknown directive 'polcy' in 'sessions' (did you mean …?)
    ///        31 |         polcy block_new
    ///           |         ^~~~~
    package func rendered(color: Bool = false) -> String {
        let paint = Paint(isOn: color)
        var place = position.file
        if position.line > 0 { place += ":\(position.line):\(position.column)" }
        let word = paint.severity(severity, severity.rawValue + ":")
        var text = paint.bold(place + ":") + " " + word + " " + paint.bold(message)
        guard let sourceLine else { return text }
        let number = String(position.line)
        let gutter = String(repeating: " ", count: max(0, 5 - number.count)) + number
        text += "\n\(gutter) | \(sourceLine)"
        let blank = String(repeating: " ", count: max(5, number.count))
        text += "\n\(blank) | \(padding)" + paint.severity(severity, underline)
        return text
    }

    /// Blanks as wide as what stands before the caret; tabs stay tabs.
    private var padding: String {
        (sourceLine ?? "").prefix(caretOffset).reduce(into: "") { text, character in
            text += character == "\t" ? "\t" : String(repeating: " ", count: character.columns)
        }
    }

    private var underline: String {
        let marked = (sourceLine ?? "").dropFirst(caretOffset).prefix(length)
        let width = marked.reduce(0) { $0 + $1.columns }
        return "^" + String(repeating: "~", count: max(0, width - 1))
    }
}

/// Terminal colours (ECMA-48 SGR), or none.
private struct Paint {
    let isOn: Bool

    func bold(_ text: String) -> String { wrapped(text, "1") }

    func severity(_ severity: Diagnostic.Severity, _ text: String) -> String {
        switch severity {
        case .error: wrapped(text, "1;31")
        case .warning: wrapped(text, "1;35")
        case .note: wrapped(text, "1;36")
        }
    }

    private func wrapped(_ text: String, _ code: String) -> String {
        isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

extension Character {
    /// How many columns of a terminal it takes: two for East Asian wide characters and emoji
    /// (UAX #11), so that the caret stands under what it means.
    fileprivate var columns: Int {
        guard let scalar = unicodeScalars.first else { return 0 }
        if scalar.properties.isEmojiPresentation { return 2 }
        return Self.wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
        0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD,
    ]
}
