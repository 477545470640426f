/// Why a token does not let its bearer in. The raw value is the word for machines; nothing of the
/// token is ever in it.
package enum TokenError: String, Error, Sendable, Hashable, CaseIterable {
    case missing = "token_missing"
    case malformed = "token_malformed"
    /// Not one of the algorithms the configuration allows; no key was touched.
    case algorithm = "token_algorithm"
    /// Signed with a key that is not among ours; newer keys of its issuer may have it.
    case unknownKey = "token_unknown_key"
    case signature = "token_signature"
    case issuer = "token_issuer"
    case audience = "token_audience"
    /// A claim that is read has a form it must not have.
    case claim = "token_claim"
    /// A claim that must be there is not.
    case missingClaim = "token_missing_claim"
    case notYetValid = "token_not_yet_valid"
    case expired = "token_expired"
    /// Issued longer ago than is accepted, whenever it expires.
    case tooOld = "token_too_old"
    /// Nothing is known about the token, because verifying it failed on our side.
    case unverifiable = "token_unverifiable"

    /// One sentence for people.
    package var message: String {
        switch self {
        case .missing: "Token missing"
        case .malformed: "Token malformed"
        case .algorithm: "Token algorithm not allowed"
        case .unknownKey: "Token key unknown"
        case .signature: "Token signature invalid"
        case .issuer: "Token issuer not accepted"
        case .audience: "Token audience not accepted"
        case .claim: "Token claim invalid"
        case .missingClaim: "Token claim missing"
        case .notYetValid: "Token not yet valid"
        case .expired: "Token expired"
        case .tooOld: "Token too old"
        case .unverifiable: "Token could not be verified"
        }
    }

    /// How far verification came; of several errors the furthest tells its reader most.
    package var progress: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
