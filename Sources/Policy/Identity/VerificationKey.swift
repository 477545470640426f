package import Crypto
package import JWT

/// A key with the algorithms it is used with. Each of them is bound to the key when it is made, so
/// that no header of a token can choose another use of it (RFC 8725 §3.1): a public key is never a
/// secret.
package struct VerificationKey: Sendable {
    /// RSA keys with less are weak (RFC 7518 §3.3).
    package static let strongModulusBits = 2048

    /// `kid`; nil for a key that is meant for tokens of any `kid`.
    package let keyID: String?
    /// Why it should not be used, if so; it works all the same.
    package let weakness: WeakKey?
    private let uses: [Use]

    private enum Use: Sendable {
        case code(SignatureAlgorithm, HMACKey)
        case signature(SignatureAlgorithm, SignatureVerifier)

        var algorithm: SignatureAlgorithm {
            switch self {
            case .code(let algorithm, _), .signature(let algorithm, _): algorithm
            }
        }
    }

    /// A shared secret, for those of `algorithms` that take one.
    package init(
        keyID: String? = nil, secret: Span<UInt8>, algorithms: [SignatureAlgorithm]
    ) throws(UnusableKey) {
        var uses: [Use] = []
        var weakness: WeakKey?
        for algorithm in algorithms {
            guard case .code(let hash) = algorithm.method else { continue }
            do throws(CryptoError) {
                uses.append(.code(algorithm, try HMACKey(hash, secret: secret)))
            } catch {
                throw .secret(error)
            }
            if secret.count < hash.length, weakness == nil {
                weakness = .secret(
                    keyID: keyID, octets: secret.count, algorithm: algorithm, needed: hash.length)
            }
        }
        if uses.isEmpty { throw .noAlgorithm(kind: "a secret") }
        self.keyID = keyID
        self.uses = uses
        self.weakness = weakness
    }

    /// A public key, for those of `algorithms` that take one of its kind.
    package init(
        keyID: String? = nil, _ key: PublicKey, algorithms: [SignatureAlgorithm]
    ) throws(UnusableKey) {
        var uses: [Use] = []
        for algorithm in algorithms {
            guard case .signature(let scheme) = algorithm.method, scheme.keyKind == key.kind else {
                continue
            }
            do throws(KeyError) {
                uses.append(.signature(algorithm, try SignatureVerifier(key, scheme)))
            } catch {
                throw .key(error)
            }
        }
        if uses.isEmpty { throw .noAlgorithm(kind: key.kind.description) }
        self.keyID = keyID
        self.uses = uses
        let isWeak = key.kind == .rsa && key.bits < Self.strongModulusBits
        weakness = isWeak ? .modulus(keyID: keyID, bits: key.bits) : nil
    }

    /// A key of a set, for the one of `algorithms` it says it is for, or for all that fit.
    package init(_ key: JSONWebKey, algorithms: [SignatureAlgorithm]) throws(UnusableKey) {
        let bound = algorithms.filter { key.algorithm == nil || key.algorithm == $0 }
        if case .secret(let secret) = key.material {
            try self.init(keyID: key.keyID, secret: secret.octets.span, algorithms: bound)
            return
        }
        try self.init(keyID: key.keyID, Self.publicKey(key.material), algorithms: bound)
    }

    /// The algorithms it verifies.
    package var algorithms: [SignatureAlgorithm] { uses.map(\.algorithm) }

    func isUsed(with algorithm: SignatureAlgorithm) -> Bool {
        uses.contains { $0.algorithm == algorithm }
    }

    /// True when `signature` is this key's over `input`. False as well for an algorithm the key is
    /// not used with. Throws `unverifiable` when verifying itself failed.
    package func isValid(
        _ signature: Span<UInt8>, for input: Span<UInt8>, by algorithm: SignatureAlgorithm
    ) throws(TokenError) -> Bool {
        guard let use = uses.first(where: { $0.algorithm == algorithm }) else { return false }
        do throws(CryptoError) {
            return switch use {
            case .code(_, let key): try key.isValid(signature, for: input)
            case .signature(_, let verifier): try verifier.isValid(signature, for: input)
            }
        } catch {
            throw .unverifiable
        }
    }

    private static func publicKey(
        _ material: JSONWebKey.Material
    ) throws(UnusableKey) -> PublicKey {
        do throws(KeyError) {
            switch material {
            case .rsa(let modulus, let exponent):
                return try PublicKey(modulus: modulus.span, exponent: exponent.span)
            case .ellipticCurve(let curve, let x, let y):
                return try PublicKey(curve.kind, x: x.span, y: y.span)
            case .ed25519(let point): return try PublicKey(ed25519: point.span)
            case .secret: throw .unsupported("oct")
            }
        } catch {
            throw .key(error)
        }
    }
}

extension JSONWebKey.Curve {
    fileprivate var kind: PublicKey.Kind {
        switch self {
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        case .ed25519: .ed25519
        }
    }
}
