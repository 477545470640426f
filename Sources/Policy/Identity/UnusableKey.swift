package import Crypto
package import JWT

/// Why a key cannot verify tokens. Nothing of the key is in it.
package enum UnusableKey: Error, Sendable, Hashable, CustomStringConvertible {
    case key(KeyError)
    /// A secret that OpenSSL refuses.
    case secret(CryptoError)
    /// None of the algorithms that are allowed is for keys of this kind, or for this very key.
    case noAlgorithm(kind: String)

    package var description: String {
        switch self {
        case .key(let error): error.description
        case .secret(let error): error.description
        case .noAlgorithm(let kind):
            "none of the allowed algorithms is for this key (\(kind))"
        }
    }
}

/// A key that can be guessed, or computed from its public half, with more effort than today's
/// attackers may be expected to lack (RFC 7518 §3.2 and §3.3, RFC 8725 §3.5).
package enum WeakKey: Error, Sendable, Hashable, CustomStringConvertible {
    /// A secret of so many octets, shorter than the hash of an algorithm it is used with.
    case secret(keyID: String?, octets: Int, algorithm: SignatureAlgorithm, needed: Int)
    /// An RSA modulus of so many bits, less than `VerificationKey.strongModulusBits`.
    case modulus(keyID: String?, bits: Int)

    package var description: String {
        switch self {
        case .secret(let keyID, let octets, let algorithm, let needed):
            "the secret\(Self.named(keyID)) has \(octets) octets; \(algorithm.rawValue) needs "
                + "\(needed)"
        case .modulus(let keyID, let bits):
            "the RSA key\(Self.named(keyID)) has \(bits) bits; "
                + "\(VerificationKey.strongModulusBits) are needed"
        }
    }

    private static func named(_ keyID: String?) -> String { keyID.map { " '\($0)'" } ?? "" }
}
