/// Why two files are no certificate and its key. The texts are the ends of sentences that begin
/// with the file.
package enum CertificateMistake: Error, Sendable, Equatable {
    /// Each is in the place of the other.
    case swapped
    /// What the file of the certificate is instead.
    case certificate(String)
    /// What the file of the key is instead.
    case key(String)
    /// The key is that of another certificate.
    case mismatch
    /// The key is that of a certificate further down the chain, counted from 1.
    case order(number: Int)
}

/// What a file seems to hold, for an operator who named the wrong one (RFC 7468, RFC 5280, RFC
/// 7292).
enum PEMContent: Equatable {
    case empty, certificates, privateKey, publicKey, request
    /// Some other block of PEM.
    case other(String)
    /// A certificate, a key or a store of both in binary form (DER).
    case binaryCertificate, binaryKey, keyStore
    case unknown

    init(_ octets: [UInt8]) {
        if octets.isEmpty {
            self = .empty
        } else if octets[0] == 0x30 {
            self = Self.binary(octets)
        } else {
            self = Self.text(String(decoding: octets, as: UTF8.self))
        }
    }

    /// The first block that says what the file is for: parameters of a curve may stand before a
    /// key, and certificates behind one.
    private static func text(_ text: String) -> PEMContent {
        let labels = text.split(whereSeparator: \.isNewline).compactMap { line -> Substring? in
            guard line.hasPrefix("-----BEGIN "), let end = line.range(of: "-----", after: 11) else {
                return nil
            }
            return line[line.index(line.startIndex, offsetBy: 11)..<end]
        }
        if labels.contains(where: { $0.hasSuffix("PRIVATE KEY") }) {
            return labels.contains(where: isCertificate) ? .certificates : .privateKey
        }
        if labels.contains(where: isCertificate) { return .certificates }
        guard let label = labels.first else { return .unknown }
        if label.hasSuffix("CERTIFICATE REQUEST") { return .request }
        return label.hasSuffix("PUBLIC KEY") ? .publicKey : .other(String(label.prefix(40)))
    }

    private static func isCertificate(_ label: Substring) -> Bool {
        ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains(String(label))
    }

    /// A sequence: of a sequence in a certificate, of version 0 or 1 in a key, of 3 in PKCS #12.
    private static func binary(_ octets: [UInt8]) -> PEMContent {
        guard octets.count > 8 else { return .unknown }
        let length = octets[1] < 0x80 ? 0 : Int(octets[1] & 0x7F)
        let inner = octets.dropFirst(2 + length).prefix(3)
        if inner.first == 0x30 { return .binaryCertificate }
        guard inner.starts(with: [0x02, 0x01]) else { return .unknown }
        return inner.last == 3 ? .keyStore : .binaryKey
    }

    /// What to say of a file that should be the certificate's; nil when OpenSSL knows better.
    var insteadOfCertificate: String? {
        switch self {
        case .certificates: nil
        case .privateKey: "contains a private key instead of the certificate"
        case .request:
            "contains a certificate request; name the certificate that was issued for it"
        case .publicKey: "contains a public key instead of the certificate"
        case .binaryCertificate:
            "is a certificate in binary form (write it as PEM: openssl x509 -inform der -in FILE"
                + " -out NEW)"
        case .binaryKey: "is a private key instead of the certificate"
        case .keyStore: Self.keyStoreText
        case .empty, .other, .unknown: otherText.map { "\($0), but no certificate in PEM form" }
        }
    }

    /// As `insteadOfCertificate`, of the key.
    var insteadOfKey: String? {
        switch self {
        case .privateKey: nil
        case .certificates: "contains a certificate instead of the private key"
        case .request: "contains a certificate request instead of the private key"
        case .publicKey: "contains the public key instead of the private key"
        case .binaryCertificate: "is a certificate instead of the private key"
        case .binaryKey:
            "is a private key in binary form (write it as PEM: openssl pkey -inform der -in FILE"
                + " -out NEW)"
        case .keyStore: Self.keyStoreText
        case .empty, .other, .unknown: otherText.map { "\($0), but no private key in PEM form" }
        }
    }

    private static let keyStoreText =
        "is a PKCS #12 file (convert it: openssl pkcs12 -in FILE -nodes -out NEW)"

    private var otherText: String? {
        switch self {
        case .empty: "is empty"
        case .other(let label): "contains '\(label)'"
        case .unknown: "contains something else"
        case .certificates, .privateKey, .publicKey, .request, .binaryCertificate, .binaryKey,
            .keyStore:
            nil
        }
    }
}

extension Substring {
    /// Where `text` begins, `offset` characters or more behind the start; nil when nowhere.
    fileprivate func range(of text: String, after offset: Int) -> Index? {
        dropFirst(offset).firstRange(of: text)?.lowerBound
    }
}
