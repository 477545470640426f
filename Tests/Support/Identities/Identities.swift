import JSON
import JWT
package import Settings

@testable package import Identity

/// What is no JSON object.
private struct NoClaims: Error {}

extension VerifiedIdentity {
    /// Who a token with these claims let in at the block `rule`.
    package static func of(_ claims: String, rule: String = "app") throws -> VerifiedIdentity {
        guard let object = try JSONValue.decode(claims.utf8.span).object else { throw NoClaims() }
        return VerifiedIdentity(
            user: object["sub"]?.comparableText,
            roles: object["role"].map { [$0.comparableText ?? ""] } ?? [], claims: object,
            encodedClaims: "", expires: nil, algorithm: .hs256, rule: rule, forwardsToken: false,
            fieldNames: .init(user: "X-Auth-User", role: "X-Auth-Role", claims: "X-Auth-Claims"))
    }
}

extension TokenGate.Pass {
    /// Of who brought a token with these claims there.
    package static func of(
        _ claims: String, at place: TokenSettings.Place = .bearer
    ) throws -> TokenGate.Pass {
        TokenGate.Pass(identity: try .of(claims), place: place)
    }
}
