/// Why octets make no key. Nothing of the key is in it.
package enum KeyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No block of PEM text (RFC 7468) with a key of the wanted sort.
    case noKey
    /// More than one public key, so that it is open which one is meant.
    case severalKeys
    /// A private key, where only the public one is needed.
    case privateKey
    /// A private key under a passphrase.
    case encrypted
    /// Not the structure that the block's label promises; OpenSSL's own words.
    case unreadable(String)
    /// A type of key, or a curve, that nothing here can use.
    case unsupported(String)
    /// An RSA modulus of this many bits, outside of `PublicKey.modulusBits`.
    case modulusSize(Int)
    /// An RSA exponent of 1, an even one, or one of more than 64 bits.
    case exponent
    /// Numbers that are no key of their type: an even or a prime modulus, a point that is not on
    /// the curve, a coordinate of a wrong length.
    case invalid(PublicKey.Kind)
    /// A signature scheme for another kind of key.
    case wrongScheme(PublicKey.Kind)

    package var description: String {
        switch self {
        case .noKey: "no key in PEM form found"
        case .severalKeys: "there are several public keys; one was expected"
        case .privateKey: "this is a private key; only the public key is needed here"
        case .encrypted: "the private key is encrypted; it must be stored without a passphrase"
        case .unreadable(let reason): "the key cannot be read: \(reason)"
        case .unsupported(let name): "keys of type '\(name)' are not supported"
        case .modulusSize(let bits):
            "an RSA key of \(bits) bits; from \(PublicKey.modulusBits.lowerBound) to "
                + "\(PublicKey.modulusBits.upperBound) are supported"
        case .exponent: "the RSA exponent must be odd, more than 1 and at most 64 bits"
        case .invalid(let kind): "the numbers are not a valid \(kind) key"
        case .wrongScheme(let kind): "an \(kind) key cannot be used with this algorithm"
        }
    }
}
