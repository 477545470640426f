internal import COpenSSL

/// One TLS session (RFC 8446, RFC 5246), over its worker's `TLSEngine`.
///
/// Every call leaves the engine without input and OpenSSL's error queue empty, because the next one
/// is another session's.
@safe
package final class TLSSession {
    package enum ReadResult: Sendable, Equatable {
        /// This many octets of plaintext; all that was received has been used up.
        case octets(Int)
        /// The other side said close_notify; octets may have come before it.
        case end(Int)
        /// Nothing more can be read or written. The engine's output may hold an alert.
        case failed(TLSFailure)
    }

    /// The longest record (RFC 8446 §5.2), its head included.
    private static let recordSize = 5 + 16 * 1024 + 256

    /// What the session was made from, which lives as long.
    private enum Origin {
        case server(TLSContext)
        case client(TLSClientContext)
    }

    // Owned: made in `init`, freed in `deinit`.
    private let ssl: OpaquePointer
    private let engine: TLSEngine
    private let origin: Origin
    /// Where, and by which key, what the server gives to resume the session with is kept.
    let resumption: (store: TLSResumption, key: String)?
    /// The handshake is complete.
    package var isEstablished: Bool { hasHandshake }
    private var hasHandshake = false
    private var hasFailed = false
    /// Octets of input that OpenSSL keeps: of a handshake that is not complete, or of a record.
    package var heldCount: Int { keptCount }
    private var keptCount = 0

    /// The server side.
    ///
    /// - Throws: `TLSError` when OpenSSL has no memory for another session.
    package init(context: TLSContext, engine: TLSEngine) throws(TLSError) {
        // The context is complete.
        let ssl = unsafe try Self.make(context.pointer, engine)
        unsafe SSL_set_accept_state(ssl)
        // Stored for the life of this object.
        unsafe self.ssl = ssl
        self.engine = engine
        origin = .server(context)
        resumption = nil
    }

    /// The client side, which speaks first: see `start()`.
    ///
    /// - Parameters:
    ///   - host: a name in lower case or a numeric address: what the server's certificate must be
    ///     for. Empty only where any will do.
    ///   - key: of the session that this one goes on with, and of what the server gives for the
    ///     next; nil for a session of its own.
    /// - Throws: `TLSError` when OpenSSL has no memory for another session, or the name is none.
    package init(
        client context: TLSClientContext, host: String, resuming key: String? = nil,
        engine: TLSEngine
    ) throws(TLSError) {
        // The context is complete.
        let ssl = unsafe try Self.make(context.pointer, engine)
        unsafe SSL_set_connect_state(ssl)
        // Stored for the life of this object, and freed by `deinit` also when a step below throws.
        unsafe self.ssl = ssl
        self.engine = engine
        origin = .client(context)
        resumption = key.flatMap { key in context.resumption.map { ($0, key) } }
        // Just made.
        guard unsafe context.expect(host, of: ssl) else {
            throw TLSError("cannot make a TLS session: '\(host)' is not a host name")
        }
        guard let (store, key) = resumption else { return }
        // This object outlives the session, and is alive in every call that it makes.
        unsafe SSL_set_ex_data(
            ssl, TLSResumption.index, Unmanaged.passUnretained(self).toOpaque())
        // The session takes a reference of its own; one that it does not like it leaves alone.
        if let kept = store.session(key) { unsafe SSL_set_session(ssl, kept.pointer) }
    }

    private static func make(
        _ context: OpaquePointer, _ engine: TLSEngine
    ) throws(TLSError) -> OpaquePointer {
        OpenSSLErrors.clear()
        // Null only without memory.
        guard let ssl = unsafe SSL_new(context) else {
            throw TLSError("cannot make a TLS session: \(OpenSSLErrors.takeText())")
        }
        // Null only without memory.
        guard let bio = unsafe BIO_new(TLSEngine.method.pointer) else {
            unsafe SSL_free(ssl)
            throw TLSError("cannot make a TLS session: \(OpenSSLErrors.takeText())")
        }
        // `wire` belongs to `engine`, which the session's object holds as long as `ssl` lives.
        unsafe BIO_set_data(bio, engine.wire)
        unsafe BIO_set_init(bio, 1)
        // One BIO for both directions; the session owns it from here.
        unsafe SSL_set_bio(ssl, bio, bio)
        return unsafe ssl
    }

    deinit {
        // A session that ends without close_notify may be gone on with all the same: what is
        // whole, HTTP says. OpenSSL would mark it otherwise.
        if resumption != nil, isEstablished, !hasFailed {
            // The session is this object's.
            unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN)
        }
        // Frees the BIO too.
        unsafe SSL_free(ssl)
    }

    /// Writes the first flight of a client into the engine's output, which was taken before; called
    /// once, before anything is read.
    package func start() {
        guard case .client = origin, !isEstablished else { return }
        OpenSSLErrors.clear()
        // OpenSSL would read the answer now; any other outcome comes up again with the next `read`.
        _ = unsafe SSL_do_handshake(ssl)
        ERR_clear_error()
    }

    /// Decrypts everything the engine received into `plaintext`, which holds at least
    /// `TLSEngine.plaintextCapacity` octets. Drives the handshake. The answers it writes are in the
    /// engine's output, also when it failed.
    package func read(into plaintext: UnsafeMutableRawBufferPointer) -> ReadResult {
        precondition(plaintext.count >= TLSEngine.plaintextCapacity)
        defer { engine.discardInput() }
        if hasFailed { return .failed(.protocolError) }
        let receivedCount = engine.inputCount
        OpenSSLErrors.clear()
        // The caller's memory, as long as it says.
        let result = unsafe decrypt(into: plaintext)
        if case .failed = result { hasFailed = true } else { answerKeyUpdate() }
        // A plain query of the session's state.
        if !isEstablished, !hasFailed, unsafe SSL_is_init_finished(ssl) == 1 {
            hasHandshake = true
            keptCount = 0
        }
        countHeld(receivedCount)
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
                return .failed(takeFailure())
            }
        }
        return .octets(count)
    }

    /// A handshake keeps what it was sent, message by message. Afterwards OpenSSL has one buffer,
    /// which it lets go of when it is empty (`SSL_MODE_RELEASE_BUFFERS`).
    private func countHeld(_ receivedCount: Int) {
        if hasFailed {
            keptCount = 0
        } else if !isEstablished {
            keptCount += receivedCount
        } else {
            // A plain query of the session's state.
            let isPending = unsafe SSL_has_pending(ssl) == 1
            keptCount = isPending ? min(keptCount + receivedCount, Self.recordSize) : 0
        }
    }

    /// Answers a client that asks for new keys at once: OpenSSL would do so with the next octets
    /// that we have to send, which may be never (RFC 8446 §4.6.3).
    private func answerKeyUpdate() {
        // Plain queries of the session's state; it keeps what it owes until it is written.
        guard unsafe SSL_get_key_update_type(ssl) != SSL_KEY_UPDATE_NONE else { return }
        // The call fails after a close_notify of ours, when no answer is owed any longer.
        if unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 {
            _ = unsafe SSL_do_handshake(ssl)
        }
        ERR_clear_error()
    }

    /// Writes one more session ticket into the engine's output, which was taken before: a server
    /// may at any time (RFC 8446 §4.6.1).
    ///
    /// - Returns: false where there are none of that kind: before TLS 1.3, on the client side, in a
    ///   handshake.
    package func offerTicket() -> Bool {
        guard isEstablished, !hasFailed, engine.outputCount == 0 else { return false }
        OpenSSLErrors.clear()
        // The session is this one's; it refuses where it is no server of TLS 1.3.
        guard unsafe SSL_new_session_ticket(ssl) == 1 else {
            ERR_clear_error()
            return false
        }
        // The handshake message is written at once, not with the next octets that have to be sent.
        _ = unsafe SSL_do_handshake(ssl)
        ERR_clear_error()
        return engine.outputCount > 0
    }

    private func takeFailure() -> TLSFailure {
        switch OpenSSLErrors.takeReason() {
        case SSL_R_HTTP_REQUEST: .plainHTTP
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            // A plain query of the session's state.
            unsafe .certificate(CertificateFault(code: SSL_get_verify_result(ssl)))
        default: .protocolError
        }
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
