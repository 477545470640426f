/// A public key made ready for one scheme: a key and its algorithm are one thing, so a signature
/// made in another way is never valid here.
///
/// May be used by any number of threads at once.
package struct SignatureVerifier: Sendable {
    package let key: PublicKey
    package let scheme: SignatureScheme
    private let context: SignatureContext
    /// Octets that every signature has.
    private let signatureLength: Int

    /// Throws `wrongScheme` when the scheme is for another kind of key.
    package init(_ key: PublicKey, _ scheme: SignatureScheme) throws(KeyError) {
        guard scheme.keyKind == key.kind else { throw .wrongScheme(key.kind) }
        self.key = key
        self.scheme = scheme
        signatureLength = key.kind.coordinateLength.map { 2 * $0 } ?? (key.bits + 7) / 8
        do throws(CryptoError) {
            context = try SignatureContext(key.reference, scheme, .verify)
        } catch {
            throw .unreadable(error.reason)
        }
    }

    /// True when `signature` is a signature of `message`, whole: an RSA signature is as long as
    /// the modulus (RFC 8017 §8.2.2), one of ECDSA two numbers of the curve's length (RFC 7518
    /// §3.4), one of Ed25519 64 octets. Throws when verifying itself failed.
    package func isValid(
        _ signature: Span<UInt8>, for message: Span<UInt8>
    ) throws(CryptoError) -> Bool {
        guard signature.count == signatureLength else { return false }
        switch scheme {
        case .p256SHA256, .p384SHA384, .p521SHA512:
            return try context.isValid(ECDSASignature(raw: signature).der.span, for: message)
        case .rsaSHA256, .rsaSHA384, .rsaSHA512, .pssSHA256, .pssSHA384, .pssSHA512, .ed25519:
            return try context.isValid(signature, for: message)
        }
    }
}
