internal import COpenSSL

/// One TLS session on the server side (RFC 8446, RFC 5246), over its worker's `TLSEngine`.
///
/// Every call leaves the engine without input and OpenSSL's error queue empty, because the next one
/// is another session's.
@safe
package final class TLSSession {
    package enum ReadResult: Sendable, Equatable {
        /// So many octets of plaintext; all that was received has been used up.
        case octets(Int)
        /// The other side said close_notify; octets may have come before it.
        case end(Int)
        /// Nothing more can be read or written. The engine's output may hold an alert.
        case failed(TLSFailure)
    }

    // Owned: made in `init`, freed in `deinit`.
    private let ssl: OpaquePointer
    private let engine: TLSEngine
    private let context: TLSContext
    /// The handshake is complete.
    package private(set) var isEstablished = false
    private var hasFailed = false

    /// - Throws: `TLSError` when OpenSSL has no memory for another session.
    package init(context: TLSContext, engine: TLSEngine) throws(TLSError) {
        OpenSSLErrors.clear()
        // The context is complete; null only without memory.
        guard let ssl = unsafe SSL_new(context.pointer) else {
            throw TLSError("no TLS session: \(OpenSSLErrors.takeText())")
        }
        // So is the method table.
        guard let bio = unsafe BIO_new(TLSEngine.method.pointer) else {
            unsafe SSL_free(ssl)
            throw TLSError("no TLS session: \(OpenSSLErrors.takeText())")
        }
        // `wire` belongs to `engine`, which this object holds as long as `ssl` lives.
        unsafe BIO_set_data(bio, engine.wire)
        unsafe BIO_set_init(bio, 1)
        // One BIO for both directions; the session owns it from here.
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe SSL_set_accept_state(ssl)
        // Stored for the life of this object.
        unsafe self.ssl = ssl
        self.engine = engine
        self.context = context
    }

    deinit {
        // Frees the BIO too.
        unsafe SSL_free(ssl)
    }

    /// Decrypts everything the engine received into `plaintext`, which holds at least
    /// `TLSEngine.plaintextCapacity` octets. Drives the handshake. The answers it writes are in the
    /// engine's output, also when it failed.
    package func read(into plaintext: UnsafeMutableRawBufferPointer) -> ReadResult {
        precondition(plaintext.count >= TLSEngine.plaintextCapacity)
        defer { engine.discardInput() }
        if hasFailed { return .failed(.protocolError) }
        OpenSSLErrors.clear()
        // The caller's memory, as long as it says.
        let result = unsafe decrypt(into: plaintext)
        if case .failed = result { hasFailed = true }
        // A plain query of the session's state.
        if !isEstablished, !hasFailed, unsafe SSL_is_init_finished(ssl) == 1 {
            isEstablished = true
        }
        return result
    }

    private func decrypt(into plaintext: UnsafeMutableRawBufferPointer) -> ReadResult {
        var count = 0
        // Until the received octets and what OpenSSL holds of them are used up there may be another
        // record. `plaintext` never gets full before, see `TLSEngine.plaintextCapacity`.
        while unsafe engine.inputCount > 0 || SSL_has_pending(ssl) == 1,
            count < plaintext.count, let base = plaintext.baseAddress
        {
            var read = 0
            // The range from `count` on is inside `plaintext`.
            let result = unsafe SSL_read_ex(ssl, base + count, plaintext.count - count, &read)
            if result == 1 {
                count += read
                continue
            }
            // Same session, same thread, right after the call it asks about.
            switch unsafe SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return .octets(count)
            case SSL_ERROR_ZERO_RETURN: return .end(count)
            // With SSL_ERROR_WANT_WRITE among them: the output was empty and has room for any
            // flight (see `TLSEngine`), so a session that fills it is out of order.
            default:
                let reason = OpenSSLErrors.takeReason()
                return .failed(reason == SSL_R_HTTP_REQUEST ? .plainHTTP : .protocolError)
            }
        }
        return .octets(count)
    }

    /// Encrypts all of `plaintext` into the engine's output, which was taken before. `plaintext` is
    /// at most `TLSEngine.inputCapacity` octets.
    /// - Returns: nil, or why nothing can be written any more.
    package func write(_ plaintext: UnsafeRawBufferPointer) -> TLSFailure? {
        guard isEstablished, !hasFailed else { return .protocolError }
        OpenSSLErrors.clear()
        var offset = 0
        while offset < plaintext.count, let base = plaintext.baseAddress {
            var written = 0
            // The range from `offset` on is inside `plaintext`.
            let result = unsafe SSL_write_ex(
                ssl, base + offset, plaintext.count - offset, &written)
            guard result == 1 else {
                ERR_clear_error()
                hasFailed = true
                return .protocolError
            }
            offset += written
        }
        return nil
    }

    /// Writes close_notify into the engine's output; nothing may be written afterwards.
    package func close() {
        guard isEstablished, !hasFailed else { return }
        // One-way shutdown; the answer is not waited for (RFC 8446 §6.1).
        unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }
}
