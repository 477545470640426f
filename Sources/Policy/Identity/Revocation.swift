package import Clock

/// Tokens that are no longer accepted, although their signatures are good and they have not
/// expired.
package struct Revocation: Sendable, Hashable {
    package enum Target: Sendable, Hashable {
        /// One token, by its claim `jti`.
        case token(id: String)
        /// All tokens of a user.
        case user(String)
        /// Tokens issued before that moment, of one user or (nil) of all; those that do not say
        /// when they were issued (`iat`) as well.
        case issuedBefore(WallTime, user: String?)
    }

    package var target: Target
    /// The `jwt` block whose tokens are meant; nil for all.
    package var rule: String?
    /// From then on it may be forgotten, because all tokens it means have expired by themselves;
    /// nil for never.
    package var forgottenFrom: WallTime?

    package init(_ target: Target, rule: String? = nil, forgottenFrom: WallTime? = nil) {
        self.target = target
        self.rule = rule
        self.forgottenFrom = forgottenFrom
    }

    /// True when it means tokens of this kind: for live connections, of which no more is known.
    package func means(
        rule: String, user: String?, tokenID: String?, issued: WallTime?
    ) -> Bool {
        if let wanted = self.rule, !wanted.isSpelled(rule) { return false }
        switch target {
        case .token(let id): return tokenID?.isSpelled(id) ?? false
        case .user(let name): return user?.isSpelled(name) ?? false
        case .issuedBefore(let moment, let name):
            if let name, !(user?.isSpelled(name) ?? false) { return false }
            return issued.map { $0 < moment } ?? true
        }
    }

    package func means(_ identity: VerifiedIdentity) -> Bool {
        means(
            rule: identity.rule, user: identity.user, tokenID: identity.tokenID,
            issued: identity.issued)
    }
}
