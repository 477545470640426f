internal import Bytes

/// One reading under way: the files it opened and what it found to say.
struct Reading {
    let world: any ConfigurationFiles
    private(set) var sources: [Source] = []
    private var findings: [Finding] = []
    private var said: Set<Finding> = []

    /// No configuration file is larger; a secret has its own limit.
    static let maximumFileSize = 1024 * 1024
    static let maximumSecretSize = 64 * 1024
    /// More findings than this help nobody.
    static let maximumDiagnostics = 200

    init(world: any ConfigurationFiles) { self.world = world }

    /// False when not even the main file could be read.
    var hasSources: Bool { !sources.isEmpty && !findings.contains { $0.location.line == 0 } }

    var hasErrors: Bool { findings.contains { $0.severity == .error } }

    var paths: [String] { sources.map(\.path) }

    // MARK: Saying

    mutating func error(_ message: String, at place: SourceRange) { add(.error, message, place) }

    mutating func warn(_ message: String, at place: SourceRange) { add(.warning, message, place) }

    /// Says something about a word, unless the word has already been complained about.
    mutating func error(_ message: String, at word: Word) {
        if !word.isBroken { add(.error, message, word.location) }
    }

    /// As `error(_:at:)`, about the characters of the word that begin at `offset`.
    mutating func error(_ message: String, at word: Word, offset: Int, length: Int) {
        if !word.isBroken { add(.error, message, word.location(of: offset, length: length)) }
    }

    private mutating func add(
        _ severity: Diagnostic.Severity, _ message: String, _ place: SourceRange
    ) {
        let finding = Finding(severity, message, place)
        if said.insert(finding).inserted { findings.append(finding) }
    }

    /// Everything found, in the order of the text. Findings of equal place keep their order.
    func diagnostics() -> [Diagnostic] {
        let order = findings.enumerated().sorted { left, right in
            let (a, b) = (left.element.location, right.element.location)
            return (a.file, a.line, a.column, left.offset) < (
                b.file, b.line, b.column, right.offset
            )
        }
        // Errors are never pushed out by warnings: without errors there would be settings.
        var kept = order.map(\.element)
        if kept.count > Self.maximumDiagnostics {
            let errors = kept.filter { $0.severity == .error }
            let rest = errors.isEmpty ? kept : errors
            let dropped = kept.count - min(rest.count, Self.maximumDiagnostics)
            kept = Array(rest.prefix(Self.maximumDiagnostics))
            if let last = kept.last {
                kept.append(Finding(.note, "\(dropped) more messages are not shown", last.location))
            }
        }
        return kept.map(diagnostic)
    }

    private func diagnostic(_ finding: Finding) -> Diagnostic {
        let place = finding.location
        guard place.line > 0 else {
            return Diagnostic(
                severity: finding.severity, position: position(of: place),
                message: finding.message)
        }
        let (line, offset) = sources[place.file].shown(place)
        let length = max(1, min(place.length, line.count - offset))
        return Diagnostic(
            severity: finding.severity, position: position(of: place), message: finding.message,
            length: length, sourceLine: line, caretOffset: offset)
    }

    func position(of place: SourceRange) -> SourcePosition {
        SourcePosition(file: sources[place.file].path, line: place.line, column: place.column)
    }

    /// ` (first set at line 12)`, seen from `place`.
    func firstSet(_ first: SourceRange, seenFrom place: SourceRange) -> String {
        " (first set at \(mention(first, seenFrom: place)))"
    }

    /// `line 12`, or `other.conf:12` when it is in another file.
    func mention(_ place: SourceRange, seenFrom other: SourceRange) -> String {
        place.file == other.file
            ? "line \(place.line)" : "\(sources[place.file].path):\(place.line)"
    }

    // MARK: Files

    /// `path`, relative to the file that `word` stands in.
    func resolve(_ path: String, from word: Word) -> String {
        FilePaths.join(directory(of: word.location), path)
    }

    func directory(of place: SourceRange) -> String {
        FilePaths.directory(of: sources[place.file].path)
    }

    /// Opens a configuration file: its directives, includes not followed yet; nil when it cannot
    /// be read, which is said at `place` or, for the main file, about the file as a whole.
    mutating func open(_ path: String, at place: SourceRange?) -> [Directive]? {
        let file = sources.count
        do {
            let octets = try world.read(path, limit: Self.maximumFileSize)
            sources.append(Source(path: path, file: file, octets: octets, findings: &findings))
        } catch {
            let reason = error.reason(limit: Self.maximumFileSize)
            let message = "cannot read '\(path.printable())': \(reason)"
            if let place {
                self.error(message, at: place)
            } else {
                sources.append(Source(path: path, file: file, octets: [], findings: &findings))
                let whole = SourceRange(file: file, line: 0, column: 0, length: 1)
                self.error("cannot read the file: \(reason)", at: whole)
            }
            return nil
        }
        return parse(file)
    }

    private mutating func parse(_ file: Int) -> [Directive] {
        let world = world
        var lexer = Lexer(file: file) { world.environment($0) }
        for (index, line) in sources[file].lines.enumerated() {
            lexer.read(line, number: index + 1)
        }
        var tokens = lexer.tokens
        var redaction = Redaction()
        redaction.mark(&tokens)
        for place in redaction.places {
            let start = place.column - 1
            sources[file].hidden[place.line, default: []].append(start..<(start + place.length))
        }
        var parser = Parser(file: file)
        let directives = parser.parse(tokens)
        for finding in lexer.findings + parser.findings {
            error(finding.message, at: finding.location)
        }
        return directives
    }
}
