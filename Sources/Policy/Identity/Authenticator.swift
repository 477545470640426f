import Bytes
package import Clock
package import Crypto
import JSON
package import JWT
package import Settings

/// One `jwt` block made ready: its keys, its rules and the places it looks at.
package struct Authenticator: Sendable {
    package let name: String
    package let finder: TokenFinder
    /// Whether a one-time ticket may stand for a token of this block.
    package let tickets: TokenSettings.Tickets
    package private(set) var keys: KeyRing
    /// No other is looked at, whichever keys there are.
    private let algorithms: [SignatureAlgorithm]
    private let rules: ClaimRules
    private let userClaim: String
    private let roleClaim: String
    private let forwardsToken: Bool
    private let fieldNames: VerifiedIdentity.FieldNames
    /// Drawn anew for every set of keys: what another one verified is not known here.
    private var salt: [UInt8]

    /// Octets of `salt`.
    private static let saltLength = 16

    /// With the secrets of the settings. Fails when one of them makes no key.
    package init(_ settings: TokenSettings) throws(CryptoError) {
        let keys: KeyRing
        do throws(UnusableKey) {
            keys = try KeyRing(settings) { _ in nil }
        } catch {
            throw CryptoError("jwt", reason: error.description)
        }
        try self.init(settings, keys: keys)
    }

    /// With `keys` instead of the secrets of the settings; what is nil is as the settings say.
    ///
    /// - Parameter maxAge: how long after `iat` a token is accepted.
    /// - Parameter requiredClaims: claims that every token must have.
    /// - Throws: when the system gives no random numbers.
    package init(
        _ settings: TokenSettings, algorithms: [SignatureAlgorithm]? = nil, keys: KeyRing,
        maxAge: Duration? = nil, requiredClaims: [String]? = nil
    ) throws(CryptoError) {
        let maxAge = maxAge ?? settings.maxAge
        let algorithms = algorithms ?? settings.algorithms
        self.algorithms = algorithms
        self.keys = keys
        name = settings.name
        finder = TokenFinder(places: settings.from)
        tickets = settings.tickets
        var rules = ClaimRules()
        rules.issuer = settings.issuer
        rules.audiences = settings.audiences
        rules.leewaySeconds = settings.leeway.components.seconds
        rules.maxAgeSeconds = maxAge?.components.seconds
        rules.requiredClaims = requiredClaims ?? settings.requiredClaims
        self.rules = rules
        userClaim = settings.userClaim
        roleClaim = settings.roleClaim
        forwardsToken = settings.forwardsToken
        fieldNames = VerifiedIdentity.FieldNames(
            user: settings.userHeader, role: settings.roleHeader, claims: settings.claimsHeader,
            encoding: settings.fieldEncoding)
        salt = try Random.octets(Self.saltLength)
    }

    /// This authenticator with other keys, as after a set of keys was fetched again.
    package func replacingKeys(_ keys: KeyRing) throws(CryptoError) -> Authenticator {
        var copy = self
        copy.keys = keys
        copy.salt = try Random.octets(Self.saltLength)
        return copy
    }

    /// Verifies a token: answers who its bearer is at `now`, or throws why the token is not
    /// accepted. No key is looked at before the algorithm is known to be allowed, and no claim
    /// before the signature is known to be good.
    ///
    /// After `unknownKey` a newer set of the issuer's keys may know better.
    package func authenticate(
        _ token: Span<UInt8>, now: WallTime
    ) throws(TokenError) -> VerifiedIdentity {
        let compact = try CompactToken(token)
        guard let algorithm = SignatureAlgorithm(spelled: compact.algorithm),
            algorithms.contains(algorithm)
        else { throw .algorithm }
        try keys.verify(compact, algorithm: algorithm, token: token)
        let claims = try compact.decodeClaims()
        let now = NumericDate(seconds: now.seconds, nanoseconds: now.nanoseconds)
        let end = try rules.check(claims, now: now)
        return try identity(
            claims, encodedClaims: compact.encodedClaims, algorithm,
            expires: end.map { WallTime(seconds: $0.seconds, nanoseconds: $0.nanoseconds) })
    }

    /// Judges a token once more that a block of the same name, perhaps of another configuration,
    /// verified earlier. Everything is checked but the keys and the dates: a client that was let in
    /// stays until its token expires, even when the token's key is no longer accepted.
    package func reread(
        _ identity: VerifiedIdentity
    ) throws(TokenError) -> VerifiedIdentity {
        guard algorithms.contains(identity.algorithm) else { throw .algorithm }
        try rules.checkOrigin(identity.claims)
        return try self.identity(
            identity.claims, encodedClaims: identity.encodedClaims, identity.algorithm,
            expires: identity.expires)
    }

    private func identity(
        _ claims: JSONObject, encodedClaims: String, _ algorithm: SignatureAlgorithm,
        expires: WallTime?
    ) throws(TokenError) -> VerifiedIdentity {
        VerifiedIdentity(
            user: try Self.texts(claims.value(at: userClaim), allowsArray: false).first,
            roles: try Self.texts(claims.value(at: roleClaim), allowsArray: true), claims: claims,
            encodedClaims: encodedClaims, expires: expires, algorithm: algorithm, rule: name,
            forwardsToken: forwardsToken, fieldNames: fieldNames)
    }

    /// What stands for `token` in a `VerifiedTokenCache`.
    func fingerprint(of token: Span<UInt8>) throws(CryptoError) -> TokenFingerprint {
        try TokenFingerprint(of: token, salt: salt)
    }

    /// A claim that is one value or, where allowed, an array of values, as texts; null and empty
    /// texts count as absent.
    private static func texts(
        _ claim: JSONValue?, allowsArray: Bool
    ) throws(TokenError) -> [String] {
        let values: [JSONValue] =
            switch claim {
            case nil, .null: []
            case .array(let elements) where allowsArray: elements
            case let value?: [value]
            }
        var texts: [String] = []
        for value in values {
            guard let text = value.comparableText, isFieldValue(text) else { throw .claim }
            if !text.isEmpty { texts.append(text) }
        }
        return texts
    }

    /// True when an upstream reads exactly this text from a field (RFC 9110 §5.5): no control
    /// characters, no whitespace at the ends.
    private static func isFieldValue(_ text: String) -> Bool {
        let octets = text.utf8.span
        for index in octets.indices where octets[index] < ASCII.space || octets[index] == 0x7F {
            return false
        }
        return octets.trimmingWhitespace(0..<octets.count).count == octets.count
    }
}
