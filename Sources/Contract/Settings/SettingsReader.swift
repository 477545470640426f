/// What reading a configuration came to.
package struct ReadResult: Sendable {
    /// Nil when any diagnostic is an error.
    package var settings: Settings?
    /// By file (in the order of `files`), line and column.
    package var diagnostics: [Diagnostic]
    /// Every configuration file that was opened, the main one first.
    package var files: [String]

    package init(settings: Settings?, diagnostics: [Diagnostic], files: [String]) {
        self.settings = settings
        self.diagnostics = diagnostics
        self.files = files
    }
}

/// Reads `gateway.conf`: text to words, words to a tree, the tree to `Settings`; all errors at
/// once.
/// The reference of the language is `Deploy/gateway-conf.md`.
package struct SettingsReader {
    private let files: any ConfigurationFiles

    package init(files: any ConfigurationFiles) { self.files = files }

    /// Reads the file at `path` and all it includes. It cannot fail: whatever is wrong is in the
    /// diagnostics.
    package func read(_ path: String) -> ReadResult {
        var reading = Reading(world: files)
        let directives = reading.load(path)
        var document = Document()
        if reading.hasSources {
            Grammar.top.read(directives, into: &document, &reading)
        }
        let settings = document.resolved(&reading)
        let diagnostics = reading.diagnostics()
        let failed = diagnostics.contains { $0.severity == .error }
        return ReadResult(
            settings: failed ? nil : settings, diagnostics: diagnostics, files: reading.paths)
    }

    /// A complaint about something that was read earlier and turned out wrong when it was put to
    /// use, such as a key that fits no certificate. The line is shown as the file has it now, with
    /// secrets blotted out.
    package func complaint(
        _ message: String, at position: SourcePosition,
        severity: Diagnostic.Severity = .error
    ) -> Diagnostic {
        var reading = Reading(world: files)
        _ = reading.open(position.file, at: nil)
        reading.error(
            message,
            at: SourceRange(file: 0, line: position.line, column: position.column, length: 1))
        let plain = Diagnostic(severity: .error, position: position, message: message)
        let all = reading.diagnostics()
        var complaint = all.first { $0.message == message && $0.position == position } ?? plain
        let rest = (complaint.sourceLine ?? "").dropFirst(complaint.caretOffset)
        complaint.length = Self.wordLength(rest)
        complaint.severity = severity
        return complaint
    }

    /// The length of the word or string that a line goes on with.
    private static func wordLength(_ rest: Substring) -> Int {
        if rest.first == "\"" {
            let end = rest.dropFirst().firstIndex(of: "\"") ?? rest.endIndex
            return rest[..<end].count + 1
        }
        return max(1, rest.prefix { !$0.isWhitespace && !";}".contains($0) }.count)
    }
}
