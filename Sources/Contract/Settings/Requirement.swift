/// `require …`: what must hold of a request for it to be let in.
///
/// Every requirement is true or false of every request. A value that is not there, or that has no
/// one text, makes each comparison false, `!=` as well: what is absent satisfies nothing.
package indirect enum Requirement: Sendable, Hashable {
    /// `LEFT == RIGHT`: both have the same text.
    case equal(Operand, Operand)
    /// `LEFT != RIGHT`: both have a text, and not the same.
    case different(Operand, Operand)
    /// `LIST has ELEMENT` and `ELEMENT in LIST`: the list has an element of that text.
    case contains(list: ValueSource, element: Operand)
    /// `LEFT in a b c`: one of these texts.
    case oneOf(ValueSource, [String])
    /// `LEFT matches "PATTERN"`.
    case matches(ValueSource, TextPattern)
    /// `… and …`: every one of them holds.
    case all([Requirement])
    /// `… or …`: at least one of them holds.
    case any([Requirement])

    package enum Operand: Sendable, Hashable {
        case source(ValueSource)
        case text(String)
    }

    /// Comparisons one `require` may hold.
    package static let comparisonLimit = 64
    /// Texts one `in` may name.
    package static let listLimit = 256
    /// Parentheses inside one another.
    package static let depthLimit = 8

    /// The sources it reads, in the order they are written.
    package var sources: [ValueSource] {
        switch self {
        case .equal(let left, let right), .different(let left, let right):
            [left, right].compactMap(\.source)
        case .contains(let list, let element): [list] + [element].compactMap(\.source)
        case .oneOf(let source, _), .matches(let source, _): [source]
        case .all(let parts), .any(let parts): parts.flatMap(\.sources)
        }
    }

    /// True when it says of `source` what it is, or ties it to a claim of the token. Where only
    /// some of several alternatives do, the others are taken for meant.
    func binds(_ source: ValueSource) -> Bool {
        switch self {
        case .equal(let left, let right):
            (left.source == source && right.isTrusted)
                || (right.source == source && left.isTrusted)
        case .contains(let list, let element): list.isClaim && element.source == source
        case .oneOf(let tested, _): tested == source
        case .different, .matches: false
        case .all(let parts), .any(let parts): parts.contains { $0.binds(source) }
        }
    }
}

extension ValueSource {
    fileprivate var isClaim: Bool { if case .claim = self { true } else { false } }
}

extension Requirement.Operand {
    /// The client does not choose it.
    fileprivate var isTrusted: Bool { source?.isClaim ?? true }

    /// Nil for a text.
    package var source: ValueSource? {
        if case .source(let source) = self { source } else { nil }
    }
}
