package import JSON

/// What the registered claims of a token must say (RFC 7519 §4.1) for it to be accepted now.
package struct ClaimRules: Sendable, Hashable {
    /// `iss` must be exactly this; nil for no check.
    package var issuer: String?
    /// `aud` must name one of these; empty for no check.
    package var audiences: [String] = []
    /// How far clocks may differ, in seconds.
    package var leewaySeconds: Int64 = 30
    /// How long after `iat` a token is accepted, in seconds; every token then needs one. Nil for no
    /// check.
    package var maxAgeSeconds: Int64?
    /// Claims that must be there, and not null; `a.b` is `b` in `a` (`JSONObject.value(at:)`).
    package var requiredClaims: [String] = []

    package init() {}

    /// Checks `iss`, `aud`, the required claims, `nbf`, `iat`, `exp` and the age, in this order.
    /// Each date may be missing unless it is required: a token without `exp` is accepted and never
    /// expires.
    ///
    /// Returns the first moment at which the same token would be refused as expired or too old
    /// (leeway included), or nil.
    @discardableResult
    package func check(
        _ claims: JSONObject, now: NumericDate
    ) throws(TokenError) -> NumericDate? {
        try checkOrigin(claims)
        let latestStart = now.advanced(bySeconds: leewaySeconds)
        for name in ["nbf", "iat"] {
            if let start = try date(name, claims), start > latestStart { throw .notYetValid }
        }
        let expiry = try date("exp", claims)?.advanced(bySeconds: leewaySeconds)
        if let expiry, now >= expiry { throw .expired }
        let oldest = try endOfAge(claims)
        if let oldest, now >= oldest { throw .tooOld }
        return [expiry, oldest].compactMap(\.self).min()
    }

    /// Checks what no clock changes: `iss`, `aud` and the required claims, in this order.
    package func checkOrigin(_ claims: JSONObject) throws(TokenError) {
        try checkIssuer(claims)
        try checkAudience(claims)
        for name in requiredClaims {
            guard let value = claims.value(at: name), value != .null else { throw .missingClaim }
        }
    }

    /// When a token issued at `iat` is too old, leeway included.
    private func endOfAge(_ claims: JSONObject) throws(TokenError) -> NumericDate? {
        guard let maxAgeSeconds else { return nil }
        guard let issued = try date("iat", claims) else { throw .missingClaim }
        return issued.advanced(bySeconds: maxAgeSeconds).advanced(bySeconds: leewaySeconds)
    }

    private func checkIssuer(_ claims: JSONObject) throws(TokenError) {
        guard let issuer else { return }
        guard claims["iss"] == .string(issuer) else { throw .issuer }
    }

    /// `aud` is one string or an array of strings (RFC 7519 §4.1.3).
    private func checkAudience(_ claims: JSONObject) throws(TokenError) {
        if audiences.isEmpty { return }
        let named: [JSONValue] =
            switch claims["aud"] {
            case .string(let audience): [.string(audience)]
            case .array(let elements): elements
            case nil: []
            case .null, .bool, .number, .object: throw .claim
            }
        guard named.allSatisfy({ $0.string != nil }) else { throw .claim }
        guard audiences.contains(where: { named.contains(.string($0)) }) else { throw .audience }
    }

    private func date(_ name: String, _ claims: JSONObject) throws(TokenError) -> NumericDate? {
        guard let value = claims[name] else { return nil }
        guard let date = NumericDate(value) else { throw .claim }
        return date
    }
}
