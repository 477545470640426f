internal import COpenSSL

/// A certificate chain with its private key, checked to belong together.
@safe
package final class TLSCertificate: Sendable {
    // Immutable after `init`, like what they point to; OpenSSL counts references atomically.
    nonisolated(unsafe) let leaf: OpaquePointer
    nonisolated(unsafe) let chain: [OpaquePointer]
    // Immutable after `init`, like what it points to; OpenSSL counts references atomically.
    nonisolated(unsafe) let key: OpaquePointer

    /// Reads PEM text: the leaf first, then its intermediates; and the unencrypted private key.
    ///
    /// - Throws: `CertificateMistake` when there is no certificate, one or the key cannot be read,
    ///   or the key is not the leaf's.
    package init(chainPEM: [UInt8], keyPEM: [UInt8]) throws(CertificateMistake) {
        let (chainContent, keyContent) = (PEMContent(chainPEM), PEMContent(keyPEM))
        if chainContent == .privateKey, keyContent == .certificates { throw .swapped }
        // References that this object owns from the last lines on, and gives back before that.
        var certificates: [OpaquePointer]
        do throws(TLSError) {
            // `PEM.certificates` answers references that belong to the caller.
            unsafe certificates = try PEM.certificates(in: chainPEM)
        } catch {
            throw .certificate(chainContent.insteadOfCertificate ?? error.message)
        }
        let key: OpaquePointer
        do throws(TLSError) {
            // `PEM.privateKey` answers a reference that belongs to the caller.
            unsafe key = try PEM.privateKey(in: keyPEM)
        } catch {
            // The references are given back once: no object owns them yet.
            unsafe certificates.forEach { unsafe X509_free($0) }
            throw .key(keyContent.insteadOfKey ?? error.message)
        }
        // The certificates and the key were just made and are not null.
        let owner = unsafe certificates.firstIndex { unsafe X509_check_private_key($0, key) == 1 }
        ERR_clear_error()
        guard owner == 0 else {
            // The references are given back once: no object owns them yet.
            unsafe certificates.forEach { unsafe X509_free($0) }
            unsafe EVP_PKEY_free(key)
            throw owner.map { .order(number: $0 + 1) } ?? .mismatch
        }
        // Owned from here; freed in `deinit`.
        unsafe leaf = certificates.removeFirst()
        unsafe chain = certificates
        unsafe self.key = key
    }

    /// Makes up a P-256 key and a certificate for `name`, `localhost`, 127.0.0.1 and ::1, valid for
    /// 30 days from an hour before now.
    ///
    /// - Throws: `TLSError` when OpenSSL cannot make it.
    package init(selfSignedFor name: String = "localhost") throws(TLSError) {
        // Null only without memory or randomness.
        guard let key = unsafe shim_p256_key(), let leaf = unsafe X509_new() else {
            throw TLSError("cannot make a self-signed certificate: \(OpenSSLErrors.takeText())")
        }
        // Owned from here; freed in `deinit`, also when a step below throws.
        unsafe self.key = key
        unsafe self.leaf = leaf
        unsafe chain = []
        // Both are live.
        guard unsafe Self.fill(leaf, key: key, name: name) else {
            throw TLSError("cannot make a self-signed certificate: \(OpenSSLErrors.takeText())")
        }
    }

    deinit {
        // The references taken in `init`.
        unsafe X509_free(leaf)
        unsafe chain.forEach { unsafe X509_free($0) }
        unsafe EVP_PKEY_free(key)
    }

    private static func fill(_ leaf: OpaquePointer, key: OpaquePointer, name: String) -> Bool {
        var serial: Int64 = 0
        // Eight random octets make a serial number; the sign bit is cleared.
        let random = unsafe withUnsafeMutableBytes(of: &serial) { octets in
            unsafe RAND_bytes(octets.baseAddress, Int32(octets.count))
        }
        guard random == 1 else { return false }
        // `leaf` and `key` are live; the calls below fill `leaf`'s own parts.
        unsafe ASN1_INTEGER_set_int64(X509_get_serialNumber(leaf), serial & .max)
        unsafe X509_set_version(leaf, 2)
        unsafe X509_gmtime_adj(X509_getm_notBefore(leaf), -3600)
        // `leaf` is live, and the time is a part of it.
        unsafe X509_gmtime_adj(X509_getm_notAfter(leaf), 30 * 86_400 - 3600)
        guard unsafe X509_set_pubkey(leaf, key) == 1,
            let subject = unsafe X509_get_subject_name(leaf)
        else { return false }
        let names = (name == "localhost" ? [] : [name]) + ["localhost"]
        let alternatives = names.map { "DNS:\($0)," }.joined() + "IP:127.0.0.1,IP:::1"
        // The name's octets are copied by the calls.
        guard
            unsafe X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_UTF8, Array(name.utf8), Int32(name.utf8.count), -1, 0) == 1,
            // The certificate is its own issuer.
            unsafe X509_set_issuer_name(leaf, subject) == 1,
            // A new extension, ours until it is freed below.
            let extensions = unsafe shim_subject_alternative_name(alternatives)
        else { return false }
        // `X509_add_ext` copies the extension.
        let added = unsafe X509_add_ext(leaf, extensions, -1)
        unsafe X509_EXTENSION_free(extensions)
        // Both are live, see above.
        return unsafe added == 1 && X509_sign(leaf, key, EVP_sha256()) > 0
    }
}

/// What PEM text (RFC 7468) holds. Nothing here asks a terminal for a passphrase, as OpenSSL does
/// when it is given no callback.
enum PEM {
    /// At least one certificate; the references are the caller's.
    static func certificates(in text: [UInt8]) throws(TLSError) -> [OpaquePointer] {
        ERR_clear_error()
        // References of our own, until they are handed out.
        var found: [OpaquePointer] = unsafe []
        unsafe withMemoryBIO(text) { bio in
            // Each call answers a new X509 that is ours, or null at the end or an error.
            while let certificate = unsafe PEM_read_bio_X509(bio, nil, noPassphrase, nil) {
                unsafe found.append(certificate)
            }
        }
        let code = ERR_peek_last_error()
        let reason = OpenSSLErrors.takeText()
        let isEnd = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
        if code != 0, !isEnd {
            // The references from above, which nobody else knows.
            unsafe found.forEach { unsafe X509_free($0) }
            let number = unsafe found.count + 1
            throw TLSError(
                "contains a certificate (number \(number)) that cannot be read: \(reason)")
        }
        // Only whether there are any.
        guard unsafe !found.isEmpty else { throw TLSError("contains no certificate in PEM form") }
        return unsafe found
    }

    /// The reference is the caller's.
    static func privateKey(in text: [UInt8]) throws(TLSError) -> OpaquePointer {
        guard String(decoding: text, as: UTF8.self).contains("PRIVATE KEY-----") else {
            throw TLSError("contains no private key in PEM form")
        }
        ERR_clear_error()
        var key: OpaquePointer? = nil
        var isEncrypted = false
        // The flag is the callback's argument for the length of the call.
        unsafe withMemoryBIO(text) { bio in
            unsafe key = PEM_read_bio_PrivateKey(bio, nil, noPassphrase, &isEncrypted)
        }
        let reason = OpenSSLErrors.takeText()
        // Null when it could not be read.
        if let key = unsafe key { return unsafe key }
        throw TLSError(
            isEncrypted
                ? "contains an encrypted private key, but the gateway cannot ask for the"
                    + " passphrase (store the key without one: openssl pkey -in FILE -out NEW)"
                : "contains a private key that cannot be read: \(reason)")
    }

    /// Knows no passphrase, and notes that it was asked for one.
    private static let noPassphrase:
        @convention(c) (
            UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
        ) -> Int32 = { _, _, _, argument in
            // Null, or the flag of `privateKey`, which outlives the call.
            unsafe argument?.storeBytes(of: true, as: Bool.self)
            return -1
        }

    private static func withMemoryBIO(_ octets: [UInt8], _ body: (OpaquePointer) -> Void) {
        // A file that is larger than this is none.
        guard let size = Int32(exactly: octets.count), size > 0 else { return }
        // The BIO only reads, and only while the array is held.
        unsafe octets.withUnsafeBytes { memory in
            // Null without memory.
            guard let bio = unsafe BIO_new_mem_buf(memory.baseAddress, size) else { return }
            unsafe body(bio)
            unsafe BIO_free(bio)
        }
    }
}
