import COpenSSL

/// An `EVP_MD_CTX` set up for one key and one scheme and never changed afterwards: every signature
/// is made or verified in a copy. A copy needs no lock, and none of the look-ups by name that
/// setting up costs.
@safe final class SignatureContext: Sendable {
    enum Purpose { case sign, verify }

    // unsafe: shared by threads, but only ever read after `init` (EVP_MD_CTX_copy_ex takes it
    // const); owned by this object, freed in `deinit`.
    nonisolated(unsafe) private let context: OpaquePointer
    /// The context has a reference of its own; this one is for those who read.
    private let reference: KeyReference

    init(
        _ reference: KeyReference, _ scheme: SignatureScheme, _ purpose: Purpose
    ) throws(CryptoError) {
        self.reference = reference
        // unsafe: this object is the one owner; `deinit` gives it back, also when a step throws.
        guard let context = unsafe EVP_MD_CTX_new() else { throw .last("EVP_MD_CTX_new") }
        // unsafe: the context just made.
        unsafe self.context = context
        var parameters: OpaquePointer?
        let isReady =
            switch purpose {
            case .sign:
                // unsafe: all are live; `parameters` belongs to the context and lives with it.
                unsafe EVP_DigestSignInit_ex(
                    context, &parameters, scheme.digestName, nil, nil, reference.key, nil)
            case .verify:
                // unsafe: as above.
                unsafe EVP_DigestVerifyInit_ex(
                    context, &parameters, scheme.digestName, nil, nil, reference.key, nil)
            }
        guard isReady == 1 else {
            throw .last(purpose == .sign ? "EVP_DigestSignInit_ex" : "EVP_DigestVerifyInit_ex")
        }
        // unsafe: the parameters of the live context.
        if scheme.isPSS, unsafe !Self.setPSS(parameters, scheme) {
            throw .last("EVP_PKEY_CTX_set_rsa_pss_saltlen")
        }
    }

    deinit {
        // unsafe: the one owner gives it back.
        unsafe EVP_MD_CTX_free(context)
    }

    private static func setPSS(_ parameters: OpaquePointer?, _ scheme: SignatureScheme) -> Bool {
        // unsafe: the caller's live parameters.
        unsafe EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
            && EVP_PKEY_CTX_set_rsa_mgf1_md_name(parameters, scheme.digestName, nil) == 1
    }

    /// `signature` in the form that OpenSSL takes. Throws only when verifying itself failed.
    func isValid(
        _ signature: Span<UInt8>, for message: Span<UInt8>
    ) throws(CryptoError) -> Bool {
        // unsafe: a copy of our own, freed below.
        let copy = try unsafe copied()
        // unsafe: the copy made above.
        defer { unsafe EVP_MD_CTX_free(copy) }
        // unsafe: C reads `count` octets of both buffers, which outlive the call.
        let outcome = unsafe signature.withUnsafeBufferPointer { signature in
            unsafe message.withUnsafeBufferPointer { message in
                unsafe EVP_DigestVerify(
                    copy, signature.baseAddress, signature.count, message.baseAddress,
                    message.count)
            }
        }
        if outcome == 1 { return true }
        if outcome < 0 { throw .last("EVP_DigestVerify") }
        ERR_clear_error()
        return false
    }

    /// A signature in the form that OpenSSL makes.
    func sign(_ message: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        // unsafe: a copy of our own, freed below.
        let copy = try unsafe copied()
        // unsafe: the copy made above.
        defer { unsafe EVP_MD_CTX_free(copy) }
        // unsafe: the key is live; at least as many octets as any signature of it has.
        var length = unsafe Int(max(0, EVP_PKEY_get_size(reference.key)))
        var signature = [UInt8](repeating: 0, count: length)
        // unsafe: C reads `count` octets of the message, writes at most `length` and says how many.
        let outcome = unsafe message.withUnsafeBufferPointer { message in
            unsafe signature.withUnsafeMutableBufferPointer { signature in
                unsafe EVP_DigestSign(
                    copy, signature.baseAddress, &length, message.baseAddress, message.count)
            }
        }
        guard outcome == 1, length <= signature.count else { throw .last("EVP_DigestSign") }
        signature.removeLast(signature.count - length)
        return signature
    }

    private func copied() throws(CryptoError) -> OpaquePointer {
        // unsafe: the caller's to free.
        guard let copy = unsafe EVP_MD_CTX_new() else { throw .last("EVP_MD_CTX_new") }
        // unsafe: both are live; the original is only read.
        guard unsafe EVP_MD_CTX_copy_ex(copy, context) == 1 else {
            // unsafe: the copy made above.
            unsafe EVP_MD_CTX_free(copy)
            throw .last("EVP_MD_CTX_copy_ex")
        }
        // unsafe: passed on to the caller.
        return unsafe copy
    }
}
