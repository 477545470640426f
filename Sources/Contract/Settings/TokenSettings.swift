package import JWT

/// `jwt NAME { … }`: which tokens are believed and what is read from them.
package struct TokenSettings: Sendable, Equatable {
    /// Where a token is looked for.
    package enum Place: Sendable, Hashable {
        case bearer
        case subprotocol
        case cookie(String)
        case query(String)
        /// A member of the JSON object that is a WebSocket's first message, by the names on the way
        /// to it, at least one.
        case message([String])
        /// The whole value of a field of another name, a `Bearer` in front of it left out.
        case header(String)
    }

    /// `on_expiry`: what happens to a connection whose token has come to its end, which is the
    /// earlier one of `exp` and `iat` + `max_age`, each with the leeway added.
    package enum OnExpiry: Sendable, Equatable {
        case close
        /// The connection lasts as long as it would without a token.
        case ignore
        /// Closed that much later.
        case grace(Duration)
    }

    /// `tickets`: whether `?ticket=` with a one-time ticket stands for a token of this block.
    package enum Tickets: Sendable {
        case off
        case on
        /// Good only from the addresses near the one it was given to.
        case boundToAddress
    }

    /// `auth_headers`: how texts of a token are written into fields, whose values have no encoding
    /// of their own beyond ASCII (RFC 9110 §5.5).
    package enum FieldEncoding: String, Sendable, CaseIterable {
        /// As they are.
        case utf8
        /// `UTF-8''%EA%B9%80` (RFC 8187 §3.2.1), unless they are printable ASCII without `'` and
        /// commas.
        case rfc8187
        /// With padding (RFC 4648 §4).
        case base64
    }

    /// A ticket is good for this long, once.
    package static let ticketLifetime: Duration = .seconds(30)
    /// The query parameter that brings one.
    package static let ticketParameter = "ticket"

    package var name: String
    package var algorithms: [SignatureAlgorithm]
    /// At least one; each may serve at least one of the algorithms, and each algorithm is served.
    package var keys: [KeySource]
    package var from: [Place] = [.bearer, .subprotocol]
    /// The claim that names the user, and the one that names the role; each may be a member of a
    /// member, as in `realm_access.roles`.
    package var userClaim = "sub"
    package var roleClaim = "role"
    package var issuer: String?
    /// Any one of them suffices; empty for no check.
    package var audiences: [String] = []
    /// `required`: claims that must be there, besides those that other settings ask for.
    package var requiredClaims: [String] = []
    package var leeway: Duration = .seconds(30)
    /// How old a token may be by its `iat`, which it must then have; nil for no check.
    package var maxAge: Duration?
    package var onExpiry = OnExpiry.close
    /// `expiring`: so long before the end a client is told; nil for not at all.
    package var expiringNotice: Duration? = .seconds(60)
    /// A list of tokens and users that are revoked, read again when the file changes.
    package var revocationFile: String?
    package var tickets = Tickets.off
    /// `Authorization` travels on to the upstream.
    package var forwardsToken = false
    package var userHeader = "X-Auth-User"
    package var roleHeader = "X-Auth-Role"
    package var claimsHeader = "X-Auth-Claims"
    /// The encoding of user and role in headers; the claims are base64url in any case.
    package var fieldEncoding = FieldEncoding.utf8
    /// `allow_weak_keys on`: a secret shorter than the hash is accepted, and an RSA key of fewer
    /// than 2048 bits.
    package var allowsWeakKeys = false
    package var position = SourcePosition()

    package init(name: String, algorithms: [SignatureAlgorithm], keys: [KeySource]) {
        self.name = name
        self.algorithms = algorithms
        self.keys = keys
    }

    package init(name: String, algorithms: [SignatureAlgorithm], secret: Secret) {
        self.init(name: name, algorithms: algorithms, keys: [KeySource(.secret(secret))])
    }

    /// The secrets, in order; the first one is what `gateway token` signs with.
    package var secrets: [Secret] {
        keys.compactMap { key in
            if case .secret(let secret) = key.origin { secret } else { nil }
        }
    }
}
