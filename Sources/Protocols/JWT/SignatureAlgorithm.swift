/// How a token may be signed: the algorithms of RFC 7518 §3.1 and RFC 8037 §3.1. `none` is not
/// among them, and never will be.
package enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    /// With the curve Ed25519 alone.
    case edDSA = "EdDSA"

    /// The algorithm with exactly this name, octet by octet; nil for every other text.
    package init?(spelled name: String) { self.init(exactly: name) }

    /// The one type of key it can be used with.
    package var keyType: JSONWebKey.KeyType {
        switch self {
        case .hs256, .hs384, .hs512: .octets
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256, .es384, .es512: .ellipticCurve
        case .edDSA: .octetKeyPair
        }
    }

    /// The one curve it can be used with; nil where there is none.
    package var curve: JSONWebKey.Curve? {
        switch self {
        case .es256: .p256
        case .es384: .p384
        case .es512: .p521
        case .edDSA: .ed25519
        case .hs256, .hs384, .hs512, .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: nil
        }
    }
}

extension RawRepresentable where Self: CaseIterable, RawValue == String {
    /// The case that is spelt exactly so. `init(rawValue:)` compares as people read, for whom the
    /// sign for kelvins is a K.
    init?(exactly name: String) {
        guard let value = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name.utf8) })
        else { return nil }
        self = value
    }
}
