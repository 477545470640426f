/// A key that tells whether signatures are true. It was checked when it was made: a modulus of a
/// sensible size, a point on its curve. Whether it is strong enough is for others to say (`bits`).
///
/// May be used by any number of threads at once.
package struct PublicKey: Sendable {
    package enum Kind: Sendable, Hashable, CaseIterable, CustomStringConvertible {
        case rsa, p256, p384, p521, ed25519

        package var description: String {
            switch self {
            case .rsa: "RSA"
            case .p256: "P-256"
            case .p384: "P-384"
            case .p521: "P-521"
            case .ed25519: "Ed25519"
            }
        }

        /// OpenSSL's name of the curve; nil for what is no such curve.
        var groupName: String? {
            switch self {
            case .p256: "prime256v1"
            case .p384: "secp384r1"
            case .p521: "secp521r1"
            case .rsa, .ed25519: nil
            }
        }

        /// Octets of a coordinate and of a number of a signature; nil for RSA.
        package var coordinateLength: Int? {
            switch self {
            case .p256, .ed25519: 32
            case .p384: 48
            case .p521: 66
            case .rsa: nil
            }
        }
    }

    /// RSA keys below are of no use even for those who allow weak ones, and above cost more than
    /// anything they protect.
    package static let modulusBits = 1024...8192

    package let kind: Kind
    /// The bits of the modulus or of the curve's field: 256 for Ed25519.
    package let bits: Int
    let reference: KeyReference

    /// `reference` is to a key that has at least its public half.
    init(checking reference: KeyReference) throws(KeyError) {
        kind = try reference.kind()
        self.reference = reference
        switch kind {
        case .rsa:
            let modulus = try reference.number("n")
            let exponent = try reference.number("e")
            bits = try RSANumbers.check(modulus: modulus.span, exponent: exponent.span)
        case .p256, .ed25519: bits = 256
        case .p384: bits = 384
        case .p521: bits = 521
        }
        if kind == .ed25519, try !Edwards25519.isPublicKey(reference.rawPublicKey()) {
            throw .invalid(kind)
        }
        guard reference.isConsistent() else { throw .invalid(kind) }
    }
}

/// What both numbers of an RSA key must be, from any source.
enum RSANumbers {
    /// Returns the bits of the modulus; leading zeros do not count.
    static func check(
        modulus: Span<UInt8>, exponent: Span<UInt8>
    ) throws(KeyError) -> Int {
        let bits = bitCount(modulus)
        guard PublicKey.modulusBits.contains(bits) else { throw .modulusSize(bits) }
        guard modulus[modulus.count - 1] & 1 == 1 else { throw .invalid(.rsa) }
        guard 2...64 ~= bitCount(exponent), exponent[exponent.count - 1] & 1 == 1 else {
            throw .exponent
        }
        return bits
    }

    private static func bitCount(_ number: Span<UInt8>) -> Int {
        var index = 0
        while index < number.count, number[index] == 0 { index += 1 }
        if index == number.count { return 0 }
        return (number.count - index) * 8 - number[index].leadingZeroBitCount
    }
}
