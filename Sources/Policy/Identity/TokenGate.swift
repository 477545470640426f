package import Clock
package import HTTP
package import JWT
import Settings

/// The authentication of a route: its `jwt` blocks, any one of which lets a request in.
package struct TokenGate: Sendable {
    private let rules: [Authenticator]

    package init(rules: [Authenticator]) { self.rules = rules }

    /// What the first rule that is satisfied says. Each rule takes the token from its own places.
    ///
    /// Throws the error of the rule that came furthest; `missing` when no rule found a token.
    package func authenticate(
        _ fields: Fields, query: QueryString, now: WallTime
    ) throws(TokenError) -> VerifiedIdentity {
        var none = VerifiedTokenCache(entryLimit: 0)
        return try authenticate(fields, query: query, now: now, cache: &none)
    }

    /// As above, with the memory of the worker.
    package func authenticate(
        _ fields: Fields, query: QueryString, now: WallTime, cache: inout VerifiedTokenCache
    ) throws(TokenError) -> VerifiedIdentity {
        var furthest = TokenError.missing
        for rule in rules {
            do throws(TokenError) {
                if let token = try rule.finder.find(in: fields, query: query) {
                    return try cache.authenticate(token.octets.span, by: rule, now: now)
                }
            } catch {
                if error.progress > furthest.progress { furthest = error }
            }
        }
        throw furthest
    }
}
