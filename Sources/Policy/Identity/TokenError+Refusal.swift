package import Endings
package import JWT

extension TokenError {
    /// How a request with such a token ends: 401 and 4001, but 500 when the fault is ours.
    package var refusal: Refusal {
        var refusal =
            switch self {
            case .unverifiable: Refusal(.internalError, detail: rawValue, message: message)
            case .missing, .malformed, .algorithm, .unknownKey, .signature, .issuer, .audience,
                .claim, .missingClaim, .notYetValid, .expired, .tooOld:
                Refusal(.unauthenticated, detail: rawValue, message: message)
            }
        refusal.challenge = challenge(realm: BearerChallenge.realm)
        return refusal
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3). A request that brought no token is told
    /// where it is, not what it did wrong (§3.1).
    package func challenge(realm: String) -> String {
        self == .missing
            ? BearerChallenge.missing(realm: realm)
            : BearerChallenge.invalidToken(realm: realm, message)
    }
}
