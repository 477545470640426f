import COpenSSL

extension PublicKey {
    /// The key in PEM text: a `PUBLIC KEY` (RFC 7468 §13), an `RSA PUBLIC KEY` (RFC 8017 A.1.1), or
    /// that of the first `CERTIFICATE` (§5). A certificate is only what holds the key: who signed
    /// it and until when it is good are not looked at.
    ///
    /// Throws `severalKeys` for more than one public key, `privateKey` when there are only private
    /// ones.
    package init(pem text: Span<UInt8>) throws(KeyError) {
        let blocks = PEMBlock.all(in: text)
        let labelled = blocks.compactMap { block in
            Container(label: block.label).map { (container: $0, content: block.content) }
        }
        guard let first = labelled.first else {
            throw blocks.contains { $0.label.hasSuffix("PRIVATE KEY") } ? .privateKey : .noKey
        }
        guard first.container == .certificate || labelled.count == 1 else { throw .severalKeys }
        guard let content = first.content else { throw .unreadable("its Base64 is not valid") }
        try self.init(checking: Self.read(first.container, content))
    }

    private enum Container {
        case subjectPublicKeyInfo, rsaPublicKey, certificate

        init?(label: String) {
            switch label {
            case "PUBLIC KEY": self = .subjectPublicKeyInfo
            case "RSA PUBLIC KEY": self = .rsaPublicKey
            case "CERTIFICATE", "X509 CERTIFICATE": self = .certificate
            default: return nil
            }
        }
    }

    private static func read(
        _ container: Container, _ content: [UInt8]
    ) throws(KeyError) -> KeyReference {
        // unsafe: the decoders read `count` octets at most from `start` on, and answer null or a
        // reference of our own.
        try unsafe KeyReference(decoding: content) { start, count in
            switch container {
            // unsafe: as above, all three.
            case .subjectPublicKeyInfo: unsafe d2i_PUBKEY(nil, &start, count)
            case .rsaPublicKey: unsafe d2i_PublicKey(EVP_PKEY_RSA, nil, &start, count)
            case .certificate: unsafe certificateKey(&start, count)
            }
        }
    }

    private static func certificateKey(
        _ start: inout UnsafePointer<UInt8>?, _ count: Int
    ) -> OpaquePointer? {
        // unsafe: a certificate of our own, or null; freed below, the key has its own reference.
        guard let certificate = unsafe d2i_X509(nil, &start, count) else { return nil }
        // unsafe: freed once.
        defer { unsafe X509_free(certificate) }
        return unsafe X509_get_pubkey(certificate)
    }
}
