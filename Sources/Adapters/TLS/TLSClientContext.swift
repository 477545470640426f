internal import COpenSSL

/// What sessions to servers share: whom they believe, and who we are. Immutable once made, but for
/// the sessions that are resumed.
///
/// TLS 1.2 and 1.3 with a verified certificate that is for the host that was asked for, unless it
/// was made to believe everybody.
@safe
package final class TLSClientContext: Sendable {
    // An SSL_CTX is safe to share once configured; nothing changes it after `init`.
    nonisolated(unsafe) let pointer: OpaquePointer

    private let verifies: Bool
    /// What servers gave to go on with; nil where sessions are not resumed.
    let resumption: TLSResumption?

    /// - Parameters:
    ///   - authority: PEM text: the certificates that may have signed a server's, or be it; nil for
    ///     the authorities the system believes.
    ///   - verifies: false to accept any certificate.
    ///   - certificate: ours, for servers that want one.
    ///   - resumes: sessions that name what they go on with are resumed.
    /// - Throws: `TLSError` when there is no certificate in the text, or one cannot be read.
    package init(
        authority: [UInt8]?, verifies: Bool = true, certificate: TLSCertificate? = nil,
        resumes: Bool = false
    ) throws(TLSError) {
        self.verifies = verifies
        resumption = resumes ? TLSResumption() : nil
        ERR_clear_error()
        // Null only without memory.
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw TLSError("cannot make a TLS context: \(OpenSSLErrors.takeText())")
        }
        // Owned from here; freed in `deinit`, also when a step below throws.
        unsafe pointer = context
        guard unsafe shim_ctx_set_min(context, TLS1_2_VERSION) == 1,
            unsafe Self.configure(context, verifies)
        else { throw TLSError("TLS setting refused: \(OpenSSLErrors.takeText())") }
        if resumes {
            // The context is ours alone until `init` is over; the callback has no state of its own.
            unsafe shim_ctx_cache_client(context)
            unsafe SSL_CTX_sess_set_new_cb(context, TLSResumption.received)
        }
        if let certificate {
            // `context` was made above and is not null.
            try unsafe TLSContext.use(certificate, in: context)
        }
        guard verifies else { return }
        if let authority {
            // `context` was made above and is not null.
            try unsafe Self.believe(authority, context)
        } else if unsafe SSL_CTX_set_default_verify_paths(context) != 1 {
            throw TLSError(
                "cannot read the certificate authorities of the system: \(OpenSSLErrors.takeText())"
            )
        }
    }

    deinit {
        // Sessions hold this object, so none uses the context any more.
        unsafe SSL_CTX_free(pointer)
    }

    private static func configure(_ context: OpaquePointer, _ verifies: Bool) -> Bool {
        // OpenSSL's own verification alone decides: there is no callback.
        unsafe SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        unsafe shim_ctx_cache_off(context)
        let options =
            UInt64(1) << 30  // SSL_OP_NO_RENEGOTIATION, a macro Swift does not see
            | UInt64(1) << 17  // SSL_OP_NO_COMPRESSION
        // The context is ours alone until `init` is over.
        unsafe SSL_CTX_set_options(context, options)
        let names = [UInt8(8)] + Array("http/1.1".utf8)
        // Copied by the call, which answers 0 for success.
        guard unsafe SSL_CTX_set_alpn_protos(context, names, UInt32(names.count)) == 0 else {
            return false
        }
        // As in `TLSContext`; TLS 1.3 has no other ciphers anyway.
        return unsafe SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
    }

    private static func believe(
        _ authority: [UInt8], _ context: OpaquePointer
    ) throws(TLSError) {
        // References of our own, given back below.
        let certificates = try unsafe PEM.certificates(in: authority)
        // The store belongs to the context and takes references of its own.
        let store = unsafe SSL_CTX_get_cert_store(context)
        let added = unsafe certificates.allSatisfy { unsafe X509_STORE_add_cert(store, $0) == 1 }
        unsafe certificates.forEach { unsafe X509_free($0) }
        guard added else {
            throw TLSError("certificate authority refused: \(OpenSSLErrors.takeText())")
        }
        // An operator who names an intermediate authority trusts it without the one above it.
        let parameters = unsafe SSL_CTX_get0_param(context)
        unsafe X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    }

    /// Lets the handshake of `ssl` succeed only with a certificate for `host` (RFC 9525 §6), and
    /// asks for it by name unless it is an address (RFC 6066 §3).
    func expect(_ host: String, of ssl: OpaquePointer) -> Bool {
        if host.isEmpty || host.utf8.contains(0) { return !verifies }
        // The parameters belong to the session.
        let parameters = unsafe SSL_get0_param(ssl)
        // The text is null-terminated by the bridge; 0 when it is no address.
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return true }
        ERR_clear_error()
        let flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
        // The parameters belong to the session, which is live; the names are copied.
        unsafe X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(flags))
        return unsafe X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1
            && shim_set_server_name(ssl, host) == 1
    }
}

extension CertificateFault {
    /// From SSL_get_verify_result(3).
    init(code: Int) {
        self =
            switch Int32(truncatingIfNeeded: code) {
            case X509_V_ERR_CERT_HAS_EXPIRED: .expired
            case X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .wrongHost
            case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
                .unknownAuthority
            default: .other(code)
            }
    }

    static func words(for code: Int) -> String {
        // A static text of the library's for every number.
        guard let words = unsafe X509_verify_cert_error_string(code) else { return "\(code)" }
        // The text is static and null-terminated.
        return unsafe String(cString: words)
    }
}
