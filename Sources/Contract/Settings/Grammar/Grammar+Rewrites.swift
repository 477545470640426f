internal import Bytes

/// `rewrite`, and the `require` that routes have as well.
extension Grammar {
    static let rewriteSynopsis = "FROM to TO | path matches REGEX to TO"

    /// `rewrite /ws/journey/{user_id} to /ws/journey`, `rewrite path matches REGEX to /ws/journey`.
    static func readRewrite(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        let isExpression = words[0].text == "path"
        let count = isExpression ? 5 : 3
        guard words.count == count else {
            let expected = " (expected: rewrite \(rewriteSynopsis))"
            if words.count > count {
                let extra = words[count]
                reading.error("unexpected \(extra.shown) after 'rewrite'\(expected)", at: extra)
            } else {
                reading.error("'rewrite' is incomplete\(expected)", at: directive.name)
            }
            return
        }
        if isExpression { expect("matches", words[1], &reading) }
        let (source, to) = (words[isExpression ? 2 : 0], words[words.count - 1])
        expect("to", words[words.count - 2], &reading)
        let from =
            isExpression
            ? readExpression(source, &reading).map(RewriteSettings.Source.expression)
            : PathPattern.read(source, for: .rewrite, &reading).map(RewriteSettings.Source.path)
        // What it captures is not known, so nothing can be said of what reads it.
        if isExpression, from == nil { return }
        let captures = from?.captureNames ?? []
        let target = Template(to, known: captures, &reading)
        checkRewritten(to, &reading)
        let nowhere = PathPattern(segments: [], hasTrailingSlash: true)
        var draft = RewriteDraft(
            settings: RewriteSettings(from: from ?? .path(nowhere), to: target), captures: captures)
        draft.settings.position = reading.position(of: directive.name.location)
        rewrite.read(directive.block ?? [], into: &draft, &reading)
        document.settings.rewrites.append(draft.settings)
        document.rewrites.append(source)
    }

    private static func expect(_ text: String, _ word: Word, _ reading: inout Reading) {
        if word.text != text { reading.error("expected '\(text)', not \(word.shown)", at: word) }
    }

    private static func readExpression(_ word: Word, _ reading: inout Reading) -> PathExpression? {
        do throws(ExpressionError) {
            let expression = try ExpressionParser.parse(word.text)
            let begin = word.text.drop { $0 == "^" }.first
            if let begin, begin.isLetter || begin.isNumber {
                reading.error(
                    "a path begins with '/', so this would match nothing", at: word,
                    offset: word.text.hasPrefix("^") ? 1 : 0, length: 1)
            }
            return expression
        } catch {
            reading.error(
                error.message, at: word, offset: error.offset, length: max(1, error.length))
            return nil
        }
    }

    private static func checkRewritten(_ word: Word, _ reading: inout Reading) {
        if !word.text.hasPrefix("/") {
            reading.error("a path must begin with '/', unlike \(word.shown)", at: word)
        } else if word.text.contains(where: { $0 == "?" || $0 == "#" })
            || word.text.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " })
        {
            reading.error("a path must not contain a query, a fragment or spaces", at: word)
        } else {
            ForeignPlaceholder.check(word, isPath: true, &reading)
        }
    }

    static func readRewriteRequirement(
        _ draft: inout RewriteDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let requirement = requirement(
            directive, captures: draft.captures, of: "this rewrite", &reading)
        if let requirement { draft.settings.require.append(requirement) }
    }

    // MARK: require

    /// `require claim:user_id == path:user_id`. `captures` is nil where there is no path.
    static func requirement(
        _ directive: Directive, captures: [String]?, of owner: String, _ reading: inout Reading
    ) -> Requirement? {
        var parser = RequirementParser(directive, captures: captures, owner: owner)
        return parser.parse(&reading)
    }

    static let requireSynopsis = "VALUE ==|!=|has|in|matches VALUE… [and|or …]"
}

extension Requirement {
    var readsClaim: Bool {
        sources.contains { source in
            if case .claim = source { true } else { false }
        }
    }
}

extension RewriteSettings.Source {
    var captureNames: [String] {
        switch self {
        case .path(let pattern): pattern.captures
        case .expression(let expression): expression.captureNames
        }
    }

    /// Equal for sources that are about the same paths.
    var shape: [String] {
        switch self {
        case .path(let pattern): pattern.exactShape
        case .expression(let expression): ["~" + expression.text]
        }
    }
}

extension PathPattern {
    /// The pattern without the names of its captures: what decides which paths match.
    var shape: [String] {
        segments.map { segment in
            switch segment {
            case .literal(let text): "=" + text
            case .capture: "*"
            }
        }
    }

    /// The shape of a pattern that matches exactly.
    fileprivate var exactShape: [String] { shape + (rest == nil ? [] : ["…"]) }
}
