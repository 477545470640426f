package import JSON

/// A key for verifying signatures as JSON has it (RFC 7517, RFC 7518 §6, RFC 8037 §2). Only its
/// form was checked: whether its numbers make a key is for those to say who compute with them.
package struct JSONWebKey: Sendable, Hashable {
    /// `kty`.
    package enum KeyType: String, Sendable, Hashable, CaseIterable {
        case rsa = "RSA"
        case ellipticCurve = "EC"
        case octetKeyPair = "OKP"
        case octets = "oct"
    }

    /// `crv`; others exist, but no signature algorithm here uses them.
    package enum Curve: String, Sendable, Hashable, CaseIterable {
        case p256 = "P-256"
        case p384 = "P-384"
        case p521 = "P-521"
        case ed25519 = "Ed25519"

        package var keyType: KeyType { self == .ed25519 ? .octetKeyPair : .ellipticCurve }

        /// Octets of a coordinate (RFC 7518 §6.2.1.2), or of the whole point of Ed25519.
        package var coordinateLength: Int {
            switch self {
            case .p256, .ed25519: 32
            case .p384: 48
            case .p521: 66
            }
        }
    }

    /// The numbers, big-endian.
    package enum Material: Sendable, Hashable {
        /// Neither is empty.
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// Each coordinate has exactly the curve's length; never of Ed25519.
        case ellipticCurve(Curve, x: [UInt8], y: [UInt8])
        /// 32 octets.
        case ed25519([UInt8])
        case secret(SharedSecret)
    }

    /// Octets that nobody else may see; they show themselves as a placeholder.
    package struct SharedSecret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
        /// Never empty.
        package let octets: [UInt8]
        package var description: String { "(secret)" }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// `kid`.
    package let keyID: String?
    /// `alg`: the one algorithm it is for; nil for any that fits.
    package let algorithm: SignatureAlgorithm?
    package let material: Material
    /// The key came with its private half, which is not read here: it should not have been given
    /// away.
    package let holdsPrivateMembers: Bool

    /// Reads a key that is meant for verifying signatures; members that are not known are ignored,
    /// certificates and addresses of keys (`x5c`, `x5u`, …) among them.
    package init(_ object: JSONObject) throws(JSONWebKeyError) {
        keyID = try Self.text("kid", of: object)
        let type = try Self.keyType(of: object)
        try Self.checkUse(of: object)
        try Self.checkOperations(of: object)
        let algorithm = try Self.algorithm(of: object)
        material = try Self.material(type, object)
        if let algorithm {
            guard algorithm.keyType == type, algorithm.curve == material.curve else {
                throw .algorithm
            }
        }
        self.algorithm = algorithm
        let names = type == .octets ? [] : Self.privateMembers
        holdsPrivateMembers = names.contains { object.contains($0) }
    }

    /// The names of private members: those of RSA, and `d` of all others (RFC 7518 §6.2.2, §6.3.2).
    private static let privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth"]
}

extension JSONWebKey.Material {
    /// Nil for RSA keys and secrets.
    package var curve: JSONWebKey.Curve? {
        switch self {
        case .ellipticCurve(let curve, _, _): curve
        case .ed25519: .ed25519
        case .rsa, .secret: nil
        }
    }
}
