package import Settings

/// What a rewrite made of a path.
package struct Rewritten: Sendable, Hashable {
    /// Which of the rules it was, for its settings and its counter.
    package var ruleIndex: Int
    /// The new path, escaped as a path needs it.
    package var path: String
    /// What the captures of the rule stand for, decoded.
    package var captures: [String: String]
}

/// Maps legacy paths onto those that are really served. Runs once, before routing.
package struct Rewriter: Sendable {
    private let rules: [RewriteSettings]

    package init(rules: [RewriteSettings]) { self.rules = rules }

    /// What the first rule that matches makes of `path`, a normal one; nil when none does.
    ///
    /// A capture is put in as it was spelt: it has no slash, no `?` and is no dot segment, so it
    /// can neither add a segment nor take one away.
    package func rewrite(path: String) -> Rewritten? {
        for (index, rule) in rules.enumerated() {
            guard let captures = rule.from.spelling(ofCapturesIn: path) else { continue }
            return Rewritten(
                ruleIndex: index, path: Self.path(rule.to, captures),
                captures: Dictionary(
                    captures.map { ($0.name, PercentEncoding.decode($0.segment)) },
                    uniquingKeysWith: { first, _ in first }))
        }
        return nil
    }

    private static func path(
        _ template: Template, _ captures: [(name: String, segment: Substring)]
    ) -> String {
        let escaped = Template(
            parts: template.parts.map { part in
                switch part {
                case .text(let text): .text(PercentEncoding.encode(path: text))
                case .placeholder: part
                }
            })
        let path = escaped.expanded { name in
            captures.first { $0.name == name }.map { String($0.segment) }
        }
        return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }
}
