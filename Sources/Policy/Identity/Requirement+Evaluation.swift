import Settings

extension Requirement {
    /// True when it holds of a request. Total: there is an answer for all facts, and what is absent
    /// makes every comparison false.
    func holds(_ facts: RequestFacts) -> Bool {
        switch self {
        case .equal(let left, let right):
            return facts.texts(left, right).map { $0.isSpelled($1) } ?? false
        case .different(let left, let right):
            return facts.texts(left, right).map { !$0.isSpelled($1) } ?? false
        case .contains(let list, let element):
            guard let wanted = facts.text(element) else { return false }
            return facts.list(of: list).contains { $0.isSpelled(wanted) }
        case .oneOf(let source, let texts):
            guard let text = facts.text(of: source) else { return false }
            return texts.contains { $0.isSpelled(text) }
        case .matches(let source, let pattern):
            return facts.text(of: source).map(pattern.matches) ?? false
        case .all(let parts): return parts.allSatisfy { $0.holds(facts) }
        case .any(let parts): return parts.contains { $0.holds(facts) }
        }
    }
}

extension RequestFacts {
    fileprivate func text(_ operand: Requirement.Operand) -> String? {
        switch operand {
        case .source(let source): text(of: source)
        case .text(let text): text
        }
    }

    fileprivate func texts(
        _ left: Requirement.Operand, _ right: Requirement.Operand
    ) -> (String, String)? {
        guard let left = text(left), let right = text(right) else { return nil }
        return (left, right)
    }
}
