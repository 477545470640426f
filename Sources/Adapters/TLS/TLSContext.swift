internal import COpenSSL

/// What a TLS listener offers: versions, certificates by server name, tickets. Immutable once made
/// and shared by all workers.
@safe
package final class TLSContext: Sendable {
    package enum Version: Sendable { case v12, v13 }

    // An SSL_CTX is safe to share once configured; nothing changes it after `init`.
    nonisolated(unsafe) let pointer: OpaquePointer
    private let hosts: HostTable
    private let tickets: TicketKeys

    /// - Parameters:
    ///   - hosts: certificates by server name in lower case; `*.example.kr` matches one label.
    /// - Throws: `TLSError` when there is no version or OpenSSL refuses a certificate or a setting.
    package convenience init(
        certificate: TLSCertificate, hosts: [(name: String, certificate: TLSCertificate)],
        versions: [Version], tickets: TicketKeys
    ) throws(TLSError) {
        var table = HostTable()
        for (name, certificate) in hosts {
            table.add(
                name,
                try TLSContext(
                    certificate: certificate, hosts: HostTable(), versions: versions,
                    tickets: tickets))
        }
        try self.init(certificate: certificate, hosts: table, versions: versions, tickets: tickets)
    }

    private init(
        certificate: TLSCertificate, hosts: HostTable, versions: [Version], tickets: TicketKeys
    ) throws(TLSError) {
        self.hosts = hosts
        self.tickets = tickets
        guard !versions.isEmpty else { throw TLSError("no TLS version is allowed") }
        // What is in the error queue from here on is about this context.
        ERR_clear_error()
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw TLSError("cannot make a TLS context: \(OpenSSLErrors.takeText())")
        }
        // Owned from here; freed in `deinit`, also when a step below throws.
        unsafe pointer = context
        let lowest = versions.contains(.v12) ? TLS1_2_VERSION : TLS1_3_VERSION
        let highest = versions.contains(.v13) ? TLS1_3_VERSION : TLS1_2_VERSION
        // `context` was made above.
        guard unsafe shim_ctx_set_min(context, lowest) == 1,
            unsafe shim_ctx_set_max(context, highest) == 1,
            unsafe Self.setAlgorithms(context)
        else { throw TLSError("TLS setting refused: \(OpenSSLErrors.takeText())") }
        // `context` was made above and is not null.
        try unsafe Self.use(certificate, in: context)
        unsafe configure(context)
        unsafe setCallbacks(context)
    }

    deinit {
        // Sessions hold this object, so none uses the context any more.
        unsafe SSL_CTX_free(pointer)
    }

    /// Shows `certificate` to the other side; `context` is being made.
    static func use(
        _ certificate: TLSCertificate, in context: OpaquePointer
    ) throws(TLSError) {
        // The context takes its own references to leaf and key.
        guard unsafe SSL_CTX_use_certificate(context, certificate.leaf) == 1,
            unsafe SSL_CTX_use_PrivateKey(context, certificate.key) == 1
        else { throw TLSError("certificate refused: \(OpenSSLErrors.takeText())") }
        // The chain's certificates are live as long as `certificate`.
        for index in unsafe certificate.chain.indices {
            let intermediate = unsafe certificate.chain[index]
            // `add0` takes over one reference, so one is made for it.
            unsafe X509_up_ref(intermediate)
            guard unsafe shim_ctx_add_chain_certificate(context, intermediate) == 1 else {
                // The reference made above, which was not taken over.
                unsafe X509_free(intermediate)
                throw TLSError("chain refused: \(OpenSSLErrors.takeText())")
            }
        }
    }

    /// Key exchange with forward secrecy, by groups that are cheap for us: a client could ask for
    /// 8192-bit arithmetic with a few octets. Authenticated encryption only.
    private static func setAlgorithms(_ context: OpaquePointer) -> Bool {
        let groups = "X25519:P-256:P-384"
        // The texts are null-terminated by the bridge. Post-quantum since OpenSSL 3.5.
        if unsafe shim_ctx_set_groups(context, "X25519MLKEM768:\(groups)") != 1 {
            ERR_clear_error()
            // The text is null-terminated by the bridge.
            guard unsafe shim_ctx_set_groups(context, groups) == 1 else { return false }
        }
        // The text is null-terminated by the bridge; TLS 1.3 has no other ciphers anyway.
        return unsafe SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
    }

    private func configure(_ context: OpaquePointer) {
        // Record buffers live only while a record is in them; the allocator (COpenSSL.c) keeps a
        // few for the next ones.
        unsafe shim_ctx_release_buffers(context)
        let options =
            UInt64(1) << 30  // SSL_OP_NO_RENEGOTIATION, a macro Swift does not see
            | UInt64(1) << 22  // SSL_OP_CIPHER_SERVER_PREFERENCE
            | UInt64(1) << 17  // SSL_OP_NO_COMPRESSION
        // The context is ours alone until `init` is over.
        unsafe SSL_CTX_set_options(context, options)
        // Resumption is by tickets alone, so there is no cache to share or to fill.
        unsafe shim_ctx_cache_off(context)
        unsafe SSL_CTX_set_num_tickets(context, 1)
        let id: [UInt8] = Array("gateway".utf8)
        // Copied by the call; the same for all, so that a ticket of one opens in the next.
        unsafe SSL_CTX_set_session_id_context(context, id, UInt32(id.count))
    }

    private func setCallbacks(_ context: OpaquePointer) {
        // The callbacks find this object through `argument`: it lives longer than the context.
        let argument = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe SSL_CTX_set_alpn_select_cb(context, Self.selectProtocol, nil)
        unsafe SSL_CTX_set_ex_data(context, Self.index, argument)
        // A callback without state of its own.
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context, Self.ticketKey)
        // Contexts of hosts have none: a client's second hello (RFC 8446 §4.1.4) asks the session's
        // context, to which the host's has given way by then, or else the first one.
        if !hosts.isEmpty { unsafe shim_ctx_on_server_name(context, Self.selectHost, argument) }
    }

    /// Where the context keeps the pointer back to this object.
    private static let index = CRYPTO_get_ex_new_index(
        CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil, nil)

    /// ALPN (RFC 7301): `http/1.1` or, when the client insists on something else, a fatal alert.
    private static let selectProtocol:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
            UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32 = { _, out, outLength, offered, length, _ in
            // `length` octets, or null.
            guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_NOACK }
            let wanted = Array("http/1.1".utf8)
            var index = 0
            // OpenSSL checked the list's form; the loop stays inside `length` all the same.
            while index < Int(length) {
                let size = Int(unsafe offered[index])
                guard index + 1 + size <= Int(length) else { break }
                // In bounds by the line above.
                let name = unsafe UnsafeBufferPointer(start: offered + index + 1, count: size)
                if unsafe name.elementsEqual(wanted) {
                    // The answer points into the client's own list, as the callback asks.
                    unsafe out?.pointee = offered + index + 1
                    // One octet, as `size` is.
                    unsafe outLength?.pointee = UInt8(size)
                    return SSL_TLSEXT_ERR_OK
                }
                index += 1 + size
            }
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }

    /// SNI (RFC 6066 §3): the certificate of the named host, else the default one.
    private static let selectHost:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
        ) -> Int32 = { ssl, _, argument in
            // `argument` is the context this session was made from; the name is null-terminated.
            guard let argument = unsafe argument,
                let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
            else { return SSL_TLSEXT_ERR_NOACK }
            // `argument` is the context that this session was made from.
            let context = unsafe Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
            guard let host = context.hosts.find(unsafe String(cString: name).lowercased()) else {
                return SSL_TLSEXT_ERR_NOACK
            }
            // The session takes its own reference to the other SSL_CTX.
            guard unsafe SSL_set_SSL_CTX(ssl, host.pointer) != nil else {
                return SSL_TLSEXT_ERR_ALERT_FATAL
            }
            return SSL_TLSEXT_ERR_OK
        }

    /// Seals and opens tickets with `TicketKeys` (AES-256-CBC and HMAC-SHA-256, as OpenSSL asks).
    private static let ticketKey:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?,
            OpaquePointer?, OpaquePointer?, Int32
        ) -> Int32 = { ssl, name, vector, cipher, mac, sealing in
            // The context's ex_data was set in `configure`; the buffers are 16 octets each.
            guard let name = unsafe name, let vector = unsafe vector,
                let context = unsafe SSL_get_SSL_CTX(ssl),
                let data = unsafe SSL_CTX_get_ex_data(context, TLSContext.index)
            else { return -1 }
            // A `TLSContext`, which its sessions keep alive: a host's by way of the listener's.
            let tickets = unsafe Unmanaged<TLSContext>.fromOpaque(data)
                .takeUnretainedValue().tickets
            let key: TicketKeys.Key
            var answer: Int32 = 1
            if sealing == 1 {
                key = tickets.newest
                // The name is 16 octets long.
                for index in 0..<16 { unsafe name[index] = key.name[index] }
                // The vector has room for 16 octets.
                guard unsafe RAND_bytes(vector, 16) == 1 else { return -1 }
            } else {
                // The name has 16 octets.
                let wanted = unsafe Array(UnsafeBufferPointer(start: name, count: 16))
                guard let found = tickets.key(named: wanted) else { return 0 }
                key = found.key
                // 2 asks OpenSSL to send a fresh ticket, sealed with the newest key.
                answer = found.isNewest ? 1 : 2
            }
            var cipherKey = key.cipher
            // Key and vector are as long as AES-256-CBC wants them (32 and 16 octets).
            let cipherSet = unsafe EVP_CipherInit_ex(
                cipher, EVP_aes_256_cbc(), nil, &cipherKey, vector, sealing)
            // OpenSSL's own context for the code of this ticket.
            return unsafe cipherSet == 1 && setMAC(mac, key.mac) ? answer : -1
        }

    private static func setMAC(_ mac: OpaquePointer?, _ key: [UInt8]) -> Bool {
        var key = key
        // The key is copied before the call returns.
        return unsafe shim_hmac_sha256_set_key(mac, &key, key.count) == 1
    }
}

/// Contexts by server name: exact names, then one wildcard label.
private struct HostTable: Sendable {
    private var contexts: [String: TLSContext] = [:]

    var isEmpty: Bool { contexts.isEmpty }

    mutating func add(_ name: String, _ context: TLSContext) { contexts[name] = context }

    func find(_ name: String) -> TLSContext? {
        if let exact = contexts[name] { return exact }
        // The wildcard stands for a label, and none is empty.
        guard let dot = name.firstIndex(of: "."), dot > name.startIndex else { return nil }
        return contexts["*" + name[dot...]]
    }
}
