internal import Bytes

/// `rewrite`, and the `require` that routes have as well.
extension Grammar {
    /// `rewrite /ws/journey/{user_id} to /ws/journey`.
    static func readRewrite(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let (from, to) = (directive.arguments[0], directive.arguments[2])
        if directive.arguments[1].text != "to" {
            let word = directive.arguments[1]
            reading.error("expected 'to', not \(word.shown)", at: word)
        }
        let pattern = PathPattern.read(from, &reading)
        let captures = pattern?.captures ?? []
        let target = Template(to, known: captures, &reading)
        checkRewritten(to, &reading)
        var draft = RewriteDraft(
            settings: RewriteSettings(
                from: pattern ?? PathPattern(segments: [], hasTrailingSlash: true), to: target),
            captures: captures)
        draft.settings.position = reading.position(of: directive.name.location)
        rewrite.read(directive.block ?? [], into: &draft, &reading)
        document.settings.rewrites.append(draft.settings)
        document.rewrites.append(from)
    }

    private static func checkRewritten(_ word: Word, _ reading: inout Reading) {
        if !word.text.hasPrefix("/") {
            reading.error("a path begins with '/', not as in \(word.shown)", at: word)
        } else if word.text.contains(where: { $0 == "?" || $0 == "#" })
            || word.text.unicodeScalars.contains(where: { $0.isUnprintable || $0 == " " })
        {
            reading.error("a path holds no query, no fragment and no spaces", at: word)
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
}
