package import Endings
package import Settings

/// What a route, or a rewrite, asks of those it lets in: a role, and what must hold of the request.
package struct AccessRule: Sendable {
    private let roles: [String]
    private let requirements: [Requirement]
    private let reported: Set<RouteSettings.Rule>

    /// A rule that a request does not keep.
    package struct Violation: Sendable, Equatable {
        /// `roles` or `require`.
        package let rule: RouteSettings.Rule
        /// Which of the requirements, from 0; nil for `roles`.
        package let requirement: Int?
        /// How the request ends, if the rule is in force.
        package let refusal: Refusal
    }

    /// What the rules say of a request.
    package struct Verdict: Sendable, Equatable {
        /// The first violation of a rule in force: the request is refused. Nil for letting it in.
        package fileprivate(set) var refused: Violation?
        /// Violations of rules that are only reported about: to be logged and counted. At most one
        /// a rule.
        package fileprivate(set) var reported: [Violation] = []

        /// Nothing is violated.
        package init() {}
    }

    /// No roles: any role or none. All of the requirements must hold. Violations of the rules in
    /// `reportOnly` refuse nobody.
    package init(
        roles: [String], require requirements: [Requirement],
        reportOnly: Set<RouteSettings.Rule> = []
    ) {
        self.roles = roles
        self.requirements = requirements
        reported = reportOnly
    }

    /// Nothing is asked of anybody.
    package var letsEverybodyIn: Bool { roles.isEmpty && requirements.isEmpty }

    /// What each rule says of a request whose bearer has `identityRoles`.
    package func judge(roles identityRoles: [String], facts: RequestFacts) -> Verdict {
        var verdict = Verdict()
        if !hasRole(identityRoles) {
            let refusal = Refusal(.forbidden, detail: "role", message: "Role not allowed")
            add(Violation(rule: .roles, requirement: nil, refusal: refusal), to: &verdict)
        }
        if let index = requirements.firstIndex(where: { !$0.holds(facts) }) {
            let refusal = Refusal(
                .forbidden, detail: "claim", message: "Not allowed for this user")
            add(Violation(rule: .require, requirement: index, refusal: refusal), to: &verdict)
        }
        return verdict
    }

    /// What several of them say, the one behind the other, up to the first that refuses; each is
    /// asked about captures of its own.
    package static func judge(
        _ rules: [(rule: AccessRule, captures: [String: String])], roles: [String],
        facts: RequestFacts
    ) -> Verdict {
        var verdict = Verdict()
        for (rule, captures) in rules {
            var facts = facts
            facts.captures = captures
            let next = rule.judge(roles: roles, facts: facts)
            verdict.reported += next.reported
            verdict.refused = next.refused
            if verdict.refused != nil { break }
        }
        return verdict
    }

    /// Passes when no rule in force is violated, throws how the request ends otherwise.
    package func check(roles identityRoles: [String], facts: RequestFacts) throws(Refusal) {
        if let violation = judge(roles: identityRoles, facts: facts).refused {
            throw violation.refusal
        }
    }

    private func hasRole(_ identityRoles: [String]) -> Bool {
        roles.isEmpty || roles.contains { role in identityRoles.contains { $0.isSpelled(role) } }
    }

    private func add(_ violation: Violation, to verdict: inout Verdict) {
        if reported.contains(violation.rule) {
            verdict.reported.append(violation)
        } else if verdict.refused == nil {
            verdict.refused = violation
        }
    }
}
