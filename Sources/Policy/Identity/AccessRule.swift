package import Endings
package import Settings

/// What a route, or a rewrite, asks of those it lets in: a role, and values that must agree.
package struct AccessRule: Sendable {
    private let roles: [String]
    private let requirements: [Requirement]

    /// No roles: any role or none. All of the requirements must hold.
    package init(roles: [String], require requirements: [Requirement]) {
        self.roles = roles
        self.requirements = requirements
    }

    /// Passes when `identityRoles` has one of the roles and every requirement holds; throws
    /// `forbidden` otherwise. A value that is missing agrees with nothing.
    package func check(roles identityRoles: [String], facts: RequestFacts) throws(Refusal) {
        let hasRole = roles.contains { role in identityRoles.contains { $0.isSpelled(role) } }
        guard roles.isEmpty || hasRole else {
            throw Refusal(.forbidden, detail: "role", message: "Role not allowed")
        }
        guard requirements.allSatisfy({ Self.holds($0, facts) }) else {
            throw Refusal(.forbidden, detail: "claim", message: "Not allowed for this user")
        }
    }

    private static func holds(_ requirement: Requirement, _ facts: RequestFacts) -> Bool {
        let right: String? =
            switch requirement.right {
            case .source(let source): facts.text(of: source)
            case .text(let text): text
            }
        guard let left = facts.text(of: requirement.left), let right else { return false }
        return left.isSpelled(right)
    }
}
