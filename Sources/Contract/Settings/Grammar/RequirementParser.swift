internal import Bytes

/// Reads what stands behind `require`:
///
///     any        = all *("or" all)
///     all        = part *("and" part)
///     part       = "(" any ")" / comparison
///     comparison = value ("==" / "!=") value
///                / SOURCE "has" value
///                / value "in" SOURCE
///                / SOURCE "in" TEXT *TEXT
///                / SOURCE "matches" PATTERN
///
/// Words of the language count where they are not quoted; a parenthesis may touch the word beside
/// it. A value that is wrong is reported and read over; where the form is wrong, the rest of the
/// directive is left alone.
struct RequirementParser {
    /// The capture names of the path; nil where there is no path.
    private let captures: [String]?
    /// `this route`, for messages.
    private let owner: String
    private let tokens: [Token]
    /// The word in front of the first token.
    private let start: Word
    private var index = 0
    private var depth = 0
    private var comparisons = 0

    private enum Token {
        case open(Word), close(Word), word(Word)

        var word: Word {
            switch self {
            case .open(let word), .close(let word), .word(let word): word
            }
        }
    }

    /// The form is wrong, which was said.
    private struct Stop: Error {}

    private enum Sign: String, CaseIterable {
        case equal = "=="
        case different = "!="
        case has
        case isIn = "in"
        case matches
    }

    private static let joints = ["and", "or"]
    private static let reserved = Set(joints + Sign.allCases.map(\.rawValue))

    init(_ directive: Directive, captures: [String]?, owner: String) {
        start = directive.name
        tokens = directive.arguments.flatMap(Self.tokens)
        self.captures = captures
        self.owner = owner
    }

    /// Nil after saying what is wrong with the form.
    mutating func parse(_ reading: inout Reading) -> Requirement? {
        do throws(Stop) {
            let requirement = try parseAny(&reading)
            guard let rest = next else { return requirement }
            if case .close(let word) = rest {
                reading.error("this ')' has no '(' before it", at: word)
            } else {
                reading.error(Self.expected(Self.joints, rest.word), at: rest.word)
            }
            return nil
        } catch {
            return nil
        }
    }

    // MARK: Form

    private mutating func parseAny(_ reading: inout Reading) throws(Stop) -> Requirement {
        var parts = [try parseAll(&reading)]
        while take("or") { parts.append(try parseAll(&reading)) }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func parseAll(_ reading: inout Reading) throws(Stop) -> Requirement {
        var parts = [try parsePart(&reading)]
        while take("and") { parts.append(try parsePart(&reading)) }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func parsePart(_ reading: inout Reading) throws(Stop) -> Requirement {
        guard case .open(let word)? = next else { return try parseComparison(&reading) }
        index += 1
        depth += 1
        guard depth <= Requirement.depthLimit else {
            let limit = Requirement.depthLimit
            throw stop("parentheses are nested more than \(limit) deep", word, &reading)
        }
        let inner = try parseAny(&reading)
        switch next {
        case .close?: index += 1
        case .open(let wrong)?, .word(let wrong)?:
            throw stop(Self.expected(Self.joints + [")"], wrong), wrong, &reading)
        case nil: throw stop("this '(' is never closed", word, &reading)
        }
        depth -= 1
        return inner
    }

    private mutating func parseComparison(_ reading: inout Reading) throws(Stop) -> Requirement {
        comparisons += 1
        let (left, word) = try parseValue(&reading)
        guard comparisons <= Requirement.comparisonLimit else {
            let limit = Requirement.comparisonLimit
            throw stop("a 'require' makes at most \(limit) comparisons", word, &reading)
        }
        switch try parseSign(&reading) {
        case .equal:
            let right = try parseValue(&reading).value
            checkSides(left, right, word, &reading)
            return .equal(left ?? .text(""), right ?? .text(""))
        case .different:
            let right = try parseValue(&reading).value
            checkSides(left, right, word, &reading)
            return .different(left ?? .text(""), right ?? .text(""))
        case .has:
            let right = try parseValue(&reading).value
            return .contains(
                list: source(left, word, &reading), element: right ?? .text(""))
        case .isIn: return try parseList(left, word, &reading)
        case .matches: return try parsePattern(left, word, &reading)
        }
    }

    private mutating func parseSign(_ reading: inout Reading) throws(Stop) -> Sign {
        let signs = Sign.allCases.map(\.rawValue)
        guard case .word(let word)? = next else {
            throw missing("\(Self.list(signs)) is missing", &reading)
        }
        index += 1
        if !word.isQuoted, let sign = Sign(rawValue: word.text) { return sign }
        reading.error(Self.expected(signs, word), at: word)
        let meant = Self.foreign[word.text.lowercased()].flatMap(Sign.init)
        guard let meant, !word.isQuoted else { throw Stop() }
        return meant
    }

    // MARK: Values

    /// What `in` is followed by: a source, or texts.
    private mutating func parseList(
        _ left: Requirement.Operand?, _ word: Word, _ reading: inout Reading
    ) throws(Stop) -> Requirement {
        var values = [try parseValue(&reading)]
        while isAtValue, values.count <= Requirement.listLimit {
            values.append(try parseValue(&reading))
        }
        guard values.count <= Requirement.listLimit else {
            let limit = Requirement.listLimit
            throw stop("'in' names at most \(limit) texts", values[limit].word, &reading)
        }
        if values.count == 1, let list = values[0].value?.source {
            return .contains(list: list, element: left ?? .text(""))
        }
        let texts = values.compactMap { value, word -> String? in
            if case .text(let text)? = value { return text }
            if value != nil {
                reading.error("after 'in', write either one source or texts", at: word)
            }
            return nil
        }
        return .oneOf(source(left, word, &reading), texts)
    }

    private mutating func parsePattern(
        _ left: Requirement.Operand?, _ word: Word, _ reading: inout Reading
    ) throws(Stop) -> Requirement {
        let (value, patternWord) = try parseValue(&reading)
        let source = source(left, word, &reading)
        var pattern = TextPattern("")
        switch value {
        case .text(let text)?:
            pattern = TextPattern(text)
            if pattern == nil {
                let limit = TextPattern.lengthLimit
                reading.error("a pattern has at most \(limit) characters", at: patternWord)
            }
        case .source?:
            reading.error(
                "expected a pattern such as \"app-*\", not \(patternWord.shown)"
                    + " (a text with ':' needs quotes)", at: patternWord)
        case nil: break
        }
        guard let pattern else { throw Stop() }
        return .matches(source, pattern)
    }

    /// A source or a text, and its word; nil for a value that is wrong, which was said.
    private mutating func parseValue(
        _ reading: inout Reading
    ) throws(Stop) -> (value: Requirement.Operand?, word: Word) {
        guard case .word(let word)? = next else {
            guard let next else { throw missing("a value is missing", &reading) }
            throw stop("expected a value, not \(next.word.shown)", next.word, &reading)
        }
        if !word.isQuoted, Self.reserved.contains(word.text) {
            throw stop(
                "expected a value, not \(word.shown) (as a text it needs quotes)", word, &reading)
        }
        index += 1
        if word.isQuoted || !word.text.contains(":") { return (.text(word.text), word) }
        if Prefixed.split(word, SourceKind.self) == nil {
            let kinds = SourceKind.allCases.map(\.rawValue)
            guard let guess = Prefixed.suggestion(word, kinds) else {
                return (.text(word.text), word)
            }
            reading.error(
                "did you mean '\(guess.printable())'? (a text with ':' needs quotes)", at: word)
            return (nil, word)
        }
        guard let source = ValueKind.source.read(word, &reading) else { return (nil, word) }
        checkCapture(source, word, &reading)
        return (.source(source), word)
    }

    private func checkCapture(
        _ source: ValueSource, _ word: Word, _ reading: inout Reading
    ) {
        guard case .path(let name) = source else { return }
        guard let captures else {
            reading.error("there is no path to capture from in 'defaults'", at: word)
            return
        }
        if captures.contains(name) { return }
        let hint = Spelling.hint(for: name, among: captures)
        reading.error(
            "the path of \(owner) captures no '{\(name.printable())}'\(hint)", at: word)
    }

    /// Two texts are equal or not, whatever the request says.
    private func checkSides(
        _ left: Requirement.Operand?, _ right: Requirement.Operand?, _ word: Word,
        _ reading: inout Reading
    ) {
        if case .text? = left, case .text? = right { expectSource(word, &reading) }
    }

    private func source(
        _ value: Requirement.Operand?, _ word: Word, _ reading: inout Reading
    ) -> ValueSource {
        switch value {
        case .source(let source)?: return source
        case .text?: expectSource(word, &reading)
        case nil: break
        }
        return .query("")
    }

    private func expectSource(_ word: Word, _ reading: inout Reading) {
        let kinds = SourceKind.allCases.map { $0.rawValue + ":NAME" }
        reading.error("expected \(Choice.list(kinds)), not the text \(word.shown)", at: word)
    }

    // MARK: Words

    private var next: Token? { index < tokens.count ? tokens[index] : nil }

    /// A value follows, and no `and`, `or` or parenthesis.
    private var isAtValue: Bool {
        guard case .word(let word)? = next else { return false }
        return word.isQuoted || !Self.joints.contains(word.text)
    }

    private mutating func take(_ joint: String) -> Bool {
        guard case .word(let word)? = next, !word.isQuoted, word.text == joint else { return false }
        index += 1
        return true
    }

    private func stop(_ message: String, _ word: Word, _ reading: inout Reading) -> Stop {
        reading.error(message, at: word)
        return Stop()
    }

    /// At the end: `a value is missing after '=='`.
    private func missing(_ what: String, _ reading: inout Reading) -> Stop {
        let word = index == 0 ? start : tokens[index - 1].word
        return stop("\(what) after \(word.shown)", word, &reading)
    }

    private static func expected(_ words: [String], _ word: Word) -> String {
        let meant = word.isQuoted ? nil : foreign[word.text.lowercased()]
        let known = meant.flatMap { words.contains($0) ? $0 : nil }
        let guess = known ?? Spelling.closest(to: word.text, among: words)
        let hint = guess.map { " (did you mean '\($0)'?)" } ?? ""
        return "expected \(list(words)), not \(word.shown)\(hint)"
    }

    /// `'and' or 'or'`.
    private static func list(_ words: [String]) -> String {
        Choice.list(words.map { "'\($0)'" })
    }

    /// What other languages call it.
    private static let foreign = [
        "=": "==", "===": "==", "eq": "==", "is": "==", "equals": "==", "<>": "!=", "!==": "!=",
        "ne": "!=", "contains": "has", "includes": "has", "has": "has", "in": "in",
        "matches": "matches", "match": "matches", "like": "matches", "~": "matches",
        "=~": "matches", "&&": "and", "&": "and", "and": "and", "||": "or", "|": "or", "or": "or",
    ]

    /// The word without the parentheses at its ends, and these.
    private static func tokens(_ word: Word) -> [Token] {
        guard !word.isQuoted, !word.isBroken else { return [.word(word)] }
        let characters = Array(word.text)
        var low = 0
        var high = characters.count
        while low < high, characters[low] == "(" { low += 1 }
        while high > low, characters[high - 1] == ")" { high -= 1 }
        func piece(_ range: Range<Int>) -> Word {
            var piece = word
            piece.text = String(characters[range])
            piece.location = word.location(of: range.lowerBound, length: range.count)
            return piece
        }
        var tokens = (0..<low).map { Token.open(piece($0..<$0 + 1)) }
        if low < high { tokens.append(.word(piece(low..<high))) }
        return tokens + (high..<characters.count).map { Token.close(piece($0..<$0 + 1)) }
    }
}
