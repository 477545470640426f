import COpenSSL

/// A key that makes signatures: for tokens made to try things out, and for tests. Verifying needs
/// no such key.
///
/// May be used by any number of threads at once.
package struct PrivateKey: Sendable {
    /// The public half of the key.
    package let publicKey: PublicKey
    private let reference: KeyReference

    /// The first private key in PEM text: `PRIVATE KEY` (PKCS #8), `RSA PRIVATE KEY` or
    /// `EC PRIVATE KEY`, without a passphrase.
    package init(pem text: Span<UInt8>) throws(KeyError) {
        let blocks = PEMBlock.all(in: text).filter { $0.label.hasSuffix("PRIVATE KEY") }
        guard let block = blocks.first else { throw .noKey }
        // What old tools encrypted has headers in front of its Base64 (RFC 1421).
        guard block.label != "ENCRYPTED PRIVATE KEY", let content = block.content else {
            throw .encrypted
        }
        // unsafe: the decoder reads `count` octets at most from `start` on, and answers null or a
        // reference of our own.
        reference = try unsafe KeyReference(decoding: content) { start, count in
            unsafe d2i_AutoPrivateKey(nil, &start, count)
        }
        publicKey = try PublicKey(checking: reference)
    }

    /// A signature in the form that `SignatureVerifier` takes.
    package func sign(
        _ message: Span<UInt8>, _ scheme: SignatureScheme
    ) throws(CryptoError) -> [UInt8] {
        guard scheme.keyKind == publicKey.kind else {
            throw CryptoError("sign", reason: KeyError.wrongScheme(publicKey.kind).description)
        }
        let context = try SignatureContext(reference, scheme, .sign)
        let signature = try context.sign(message)
        guard let length = publicKey.kind.coordinateLength, scheme != .ed25519 else {
            return signature
        }
        guard let numbers = ECDSASignature(der: signature.span, length: length) else {
            throw CryptoError("sign", reason: "no signature in DER")
        }
        return numbers.raw
    }
}
