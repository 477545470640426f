package import Settings

/// What a rewrite made of a path.
package struct Rewritten: Sendable, Hashable {
    /// Which of the rules it was, for its settings and its counter.
    package var ruleIndex: Int
    /// The new path, escaped as a path needs it.
    package var path: String
    /// What the captures of the rule stand for, decoded.
    package var captures: [String: String]
    /// A capture that decides who is let in holds an escaped slash: its value is a matter of
    /// opinion.
    package var isAmbiguous = false
}

/// Maps legacy paths onto those that are really served. Runs once, before routing.
package struct Rewriter: Sendable {
    private let rules: [RewriteSettings]

    package init(rules: [RewriteSettings]) { self.rules = rules }

    /// What the first rule that matches makes of `path`, a normal one; nil when none does.
    ///
    /// A capture is put in as it was spelt, without `?`. Of several pieces there may come a dot
    /// segment, or two slashes side by side: the new path is not a normal one yet.
    package func rewrite(path: String) -> Rewritten? {
        for (index, rule) in rules.enumerated() {
            guard let captures = rule.from.captures(in: path) else { continue }
            let judged = rule.judgedCaptures
            return Rewritten(
                ruleIndex: index, path: Self.path(rule.to, captures),
                captures: Dictionary(
                    captures.map { ($0.name, $0.decoded) }, uniquingKeysWith: { first, _ in first }
                ),
                isAmbiguous: captures.contains {
                    judged.contains($0.name) && $0.hasEscapedSlashes
                })
        }
        return nil
    }

    private static func path(
        _ template: Template, _ captures: [PathCapture]
    ) -> String {
        let escaped = Template(
            parts: template.parts.map { part in
                switch part {
                case .text(let text): .text(PercentEncoding.encode(path: text))
                case .placeholder: part
                }
            })
        let path = escaped.expanded { name in
            captures.first { $0.name == name }.map { String($0.spelling) }
        }
        return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
    }
}

extension RewriteSettings.Source {
    /// Nil when it is not about `path`.
    fileprivate func captures(in path: String) -> [PathCapture]? {
        switch self {
        case .path(let pattern): pattern.spelling(ofCapturesIn: path)
        case .expression(let expression):
            expression.captures(in: path)?.map { PathCapture(name: $0.name, spelling: $0.text) }
        }
    }
}
