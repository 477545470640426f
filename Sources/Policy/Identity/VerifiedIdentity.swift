package import Clock
package import JSON
package import JWT
import Settings

/// The user that a request comes from, as a verified token says. The object never changes: what is
/// remembered of a token, and every connection it lets in, share one object.
package final class VerifiedIdentity: Sendable {
    /// The user claim as text (numbers in decimal); nil when the token names none.
    package let user: String?
    /// All roles, in the token's order.
    package let roles: [String]
    package let claims: JSONObject
    /// The claims as they came, base64url without padding.
    package let encodedClaims: String
    /// The first moment at which the token is no longer accepted, leeway included; nil for never.
    /// At most the end of the year 9999.
    package let expires: WallTime?
    /// The claim `jti` (RFC 7519 §4.1.7) as text; nil for a token that has none.
    package let tokenID: String?
    /// The claim `iat` (RFC 7519 §4.1.6); nil for a token that has none.
    package let issued: WallTime?
    /// What the token was signed with.
    package let algorithm: SignatureAlgorithm
    /// The `jwt` block that verified the token.
    package let rule: String
    /// `Authorization` travels on to the upstream.
    package let forwardsToken: Bool
    let fieldNames: FieldNames

    struct FieldNames: Sendable {
        var user: String
        var role: String
        var claims: String
        /// How user and roles are written there.
        var encoding = TokenSettings.FieldEncoding.utf8
    }

    init(
        user: String?, roles: [String], claims: JSONObject, encodedClaims: String,
        expires: WallTime?, algorithm: SignatureAlgorithm, rule: String, forwardsToken: Bool,
        fieldNames: FieldNames
    ) {
        self.user = user
        self.roles = roles
        self.claims = claims
        self.encodedClaims = encodedClaims
        self.expires = expires
        self.algorithm = algorithm
        tokenID = claims["jti"]?.comparableText
        issued = claims["iat"].flatMap(NumericDate.init).map {
            WallTime(seconds: $0.seconds, nanoseconds: $0.nanoseconds)
        }
        self.rule = rule
        self.forwardsToken = forwardsToken
        self.fieldNames = fieldNames
    }

    /// The first role, or nil.
    package var role: String? { roles.first }

    /// The first role as an element of a list; nil without one.
    package var roleElement: String? { role.map(Self.element) }

    /// The user and the first role as upstreams are told them; nil without one.
    package var encodedUser: String? { user.map(encoding.encoded) }
    package var encodedRole: String? { role.map(encodedElement) }

    private var encoding: TokenSettings.FieldEncoding { fieldNames.encoding }

    /// The fields that tell the upstream; those of a client with the same names are deleted first
    /// (`IdentityFieldNames`). Several roles are joined by commas; one that holds a comma must not
    /// look like two.
    package var fields: [(name: String, value: String)] {
        var fields = [(name: fieldNames.claims, value: encodedClaims)]
        if let encodedUser { fields.append((fieldNames.user, encodedUser)) }
        if !roles.isEmpty {
            let list = roles.map(encodedElement).joined(separator: ",")
            fields.append((fieldNames.role, list))
        }
        return fields
    }

    /// Where every text is encoded anyway, commas are, too.
    private func encodedElement(_ role: String) -> String {
        encoding == .utf8 ? Self.element(role) : encoding.encoded(role)
    }

    /// A role as an element of a list: its commas are written `%2C`.
    private static func element(_ role: String) -> String {
        role.utf8.contains(UInt8(ascii: ","))
            ? role.split(separator: ",", omittingEmptySubsequences: false)
                .joined(separator: "%2C") : role
    }
}
