/// How a signature is made: the kind of key, the hash, and how the two are put together.
package enum SignatureScheme: Sendable, Hashable, CaseIterable {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    case rsaSHA256, rsaSHA384, rsaSHA512
    /// RSASSA-PSS (RFC 8017 §8.1): MGF1 with the same hash, a salt as long as the hash.
    case pssSHA256, pssSHA384, pssSHA512
    /// ECDSA with the two numbers one after the other, each as long as the order of its curve
    /// (RFC 7518 §3.4).
    case p256SHA256, p384SHA384, p521SHA512
    /// Ed25519, without prehashing (RFC 8032 §5.1).
    case ed25519

    /// The one kind of key it can be used with.
    package var keyKind: PublicKey.Kind {
        switch self {
        case .rsaSHA256, .rsaSHA384, .rsaSHA512, .pssSHA256, .pssSHA384, .pssSHA512: .rsa
        case .p256SHA256: .p256
        case .p384SHA384: .p384
        case .p521SHA512: .p521
        case .ed25519: .ed25519
        }
    }

    var isPSS: Bool {
        switch self {
        case .pssSHA256, .pssSHA384, .pssSHA512: true
        case .rsaSHA256, .rsaSHA384, .rsaSHA512, .p256SHA256, .p384SHA384, .p521SHA512, .ed25519:
            false
        }
    }

    /// OpenSSL's name of the hash; nil where the scheme brings its own.
    var digestName: String? {
        switch self {
        case .rsaSHA256, .pssSHA256, .p256SHA256: "SHA256"
        case .rsaSHA384, .pssSHA384, .p384SHA384: "SHA384"
        case .rsaSHA512, .pssSHA512, .p521SHA512: "SHA512"
        case .ed25519: nil
        }
    }
}
