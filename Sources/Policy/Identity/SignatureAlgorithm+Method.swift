package import Crypto
package import JWT

extension SignatureAlgorithm {
    /// What computes it: a code with a shared secret, or a signature with a pair of keys.
    package enum Method: Sendable, Hashable {
        case code(HMACKey.Algorithm)
        case signature(SignatureScheme)
    }

    package var method: Method {
        switch self {
        case .hs256: .code(.sha256)
        case .hs384: .code(.sha384)
        case .hs512: .code(.sha512)
        case .rs256: .signature(.rsaSHA256)
        case .rs384: .signature(.rsaSHA384)
        case .rs512: .signature(.rsaSHA512)
        case .ps256: .signature(.pssSHA256)
        case .ps384: .signature(.pssSHA384)
        case .ps512: .signature(.pssSHA512)
        case .es256: .signature(.p256SHA256)
        case .es384: .signature(.p384SHA384)
        case .es512: .signature(.p521SHA512)
        case .edDSA: .signature(.ed25519)
        }
    }
}
