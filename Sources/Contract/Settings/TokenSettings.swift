/// `jwt NAME { … }`: which tokens are believed and what is read from them.
package struct TokenSettings: Sendable, Equatable {
    /// RFC 7518 §3.1. Those that exist here; more come with their keys.
    package enum Algorithm: String, Sendable, CaseIterable {
        case hs256 = "HS256"
        case hs384 = "HS384"
        case hs512 = "HS512"
    }

    /// Where a token is looked for.
    package enum Place: Sendable, Hashable {
        case bearer
        case subprotocol
        case cookie(String)
        case query(String)
    }

    package var name: String
    package var algorithms: [Algorithm]
    package var secret: Secret
    package var from: [Place] = [.bearer, .subprotocol]
    /// The claim that names the user, and the one that names the role.
    package var userClaim = "sub"
    package var roleClaim = "role"
    package var issuer: String?
    /// Any one of them suffices; empty for no check.
    package var audiences: [String] = []
    package var leeway: Duration = .seconds(30)
    /// `Authorization` travels on to the upstream.
    package var forwardsToken = false
    package var userHeader = "X-Auth-User"
    package var roleHeader = "X-Auth-Role"
    package var claimsHeader = "X-Auth-Claims"
    /// `allow_weak_keys on`: a secret shorter than the hash is accepted without a word.
    package var allowsWeakKeys = false
    package var position = SourcePosition()

    package init(name: String, algorithms: [Algorithm], secret: Secret) {
        self.name = name
        self.algorithms = algorithms
        self.secret = secret
    }
}
