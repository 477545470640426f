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
    /// A key exists for its algorithm only, so a header can choose no other use of it.
    private let keys: [(algorithm: String, key: HMACKey)]
    private let rules: ClaimRules
    private let userClaim: String
    private let roleClaim: String
    private let forwardsToken: Bool
    private let fieldNames: VerifiedIdentity.FieldNames

    /// Fails when the secret makes no key.
    package init(_ settings: TokenSettings) throws(CryptoError) {
        var keys: [(algorithm: String, key: HMACKey)] = []
        for algorithm in settings.algorithms {
            let key = try HMACKey(algorithm.hash, secret: settings.secret.octets.span)
            keys.append((algorithm.rawValue, key))
        }
        self.keys = keys
        name = settings.name
        finder = TokenFinder(places: settings.from)
        var rules = ClaimRules()
        rules.issuer = settings.issuer
        rules.audiences = settings.audiences
        rules.leewaySeconds = settings.leeway.components.seconds
        self.rules = rules
        userClaim = settings.userClaim
        roleClaim = settings.roleClaim
        forwardsToken = settings.forwardsToken
        fieldNames = VerifiedIdentity.FieldNames(
            user: settings.userHeader, role: settings.roleHeader, claims: settings.claimsHeader)
    }

    /// Who the bearer of this token is at `now`, or why it is not believed. The claims are not
    /// looked at before the signature is known to be good.
    package func authenticate(
        _ token: Span<UInt8>, now: WallTime
    ) throws(TokenError) -> VerifiedIdentity {
        let compact = try CompactToken(token)
        guard let key = keys.first(where: { $0.algorithm.isSpelled(compact.algorithm) })?.key
        else { throw .algorithm }
        guard try Self.isSigned(compact, token, key) else { throw .signature }
        let claims = try compact.decodeClaims()
        let now = NumericDate(seconds: now.seconds, nanoseconds: now.nanoseconds)
        let end = try rules.check(claims, now: now)
        return VerifiedIdentity(
            user: try Self.texts(claims[userClaim], allowsArray: false).first,
            roles: try Self.texts(claims[roleClaim], allowsArray: true), claims: claims,
            encodedClaims: compact.encodedClaims,
            expires: end.map { WallTime(seconds: $0.seconds, nanoseconds: $0.nanoseconds) },
            rule: name, forwardsToken: forwardsToken, fieldNames: fieldNames)
    }

    private static func isSigned(
        _ compact: CompactToken, _ token: Span<UInt8>, _ key: HMACKey
    ) throws(TokenError) -> Bool {
        do {
            return try key.isValid(
                compact.signature.span, for: token.extracting(compact.signingInput))
        } catch {
            throw .unverifiable
        }
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

extension TokenSettings.Algorithm {
    /// RFC 7518 §3.2.
    fileprivate var hash: HMACKey.Algorithm {
        switch self {
        case .hs256: .sha256
        case .hs384: .sha384
        case .hs512: .sha512
        }
    }
}
