import COpenSSL

/// One reference to an `EVP_PKEY`, given back with this object. The key is never changed after it
/// was made, so any number of threads may use it at once; OpenSSL counts references atomically and
/// locks what it computes lazily.
@safe final class KeyReference: Sendable {
    // unsafe: see above; owned by this object, freed in `deinit`.
    nonisolated(unsafe) let key: OpaquePointer

    /// Takes over the caller's reference.
    init(adopting key: OpaquePointer) {
        // unsafe: given back in `deinit`, and by nobody else.
        unsafe self.key = key
    }

    /// What one of OpenSSL's decoders makes of DER; it must take all of it.
    convenience init(
        decoding content: [UInt8],
        _ decode: (inout UnsafePointer<UInt8>?, Int) -> OpaquePointer?
    ) throws(KeyError) {
        ERR_clear_error()
        var end = 0
        // unsafe: the decoder reads inside of the buffer, and moves `start` behind what it read.
        let key = unsafe content.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            let key = unsafe decode(&start, buffer.count)
            // unsafe: both point into the buffer.
            if let base = buffer.baseAddress, let start = unsafe start { unsafe end = start - base }
            return unsafe key
        }
        // unsafe: null, or a reference of our own.
        guard let key = unsafe key else { throw .unreadable(CryptoError.last("d2i").reason) }
        unsafe self.init(adopting: key)
        ERR_clear_error()
        guard end == content.count else { throw .unreadable("there is more data after its end") }
    }

    deinit {
        // unsafe: the reference that `init` took over.
        unsafe EVP_PKEY_free(key)
    }

    /// The kind, when it is one that can be used here.
    func kind() throws(KeyError) -> PublicKey.Kind {
        // unsafe: the key is live; the names are only read.
        if unsafe EVP_PKEY_is_a(key, "RSA") == 1 { return .rsa }
        if unsafe EVP_PKEY_is_a(key, "ED25519") == 1 { return .ed25519 }
        guard unsafe EVP_PKEY_is_a(key, "EC") == 1 else { throw .unsupported(typeName) }
        let name = groupName
        guard let kind = PublicKey.Kind.allCases.first(where: { $0.groupName == name }) else {
            throw .unsupported(name)
        }
        return kind
    }

    /// The modulus (`n`) or the exponent (`e`) of an RSA key, without leading zeros.
    func number(_ name: String) throws(KeyError) -> [UInt8] {
        var number: OpaquePointer?
        // unsafe: makes a number of our own, freed below.
        guard unsafe EVP_PKEY_get_bn_param(key, name, &number) == 1, let number = unsafe number
        else { throw .unreadable(CryptoError.last("EVP_PKEY_get_bn_param").reason) }
        // unsafe: the number made above.
        defer { unsafe BN_free(number) }
        // unsafe: the number is live.
        let bits = unsafe Int(BN_num_bits(number))
        var octets = [UInt8](repeating: 0, count: (bits + 7) / 8)
        // unsafe: C writes as many octets as the number has.
        _ = unsafe octets.withUnsafeMutableBufferPointer { buffer in
            unsafe BN_bn2bin(number, buffer.baseAddress)
        }
        return octets
    }

    /// The encoded point of an Ed25519 key.
    func rawPublicKey() throws(KeyError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: 32)
        var length = octets.count
        // unsafe: C writes at most `length` octets and says how many.
        let found = unsafe octets.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_PKEY_get_raw_public_key(key, buffer.baseAddress, &length)
        }
        guard found == 1, length == octets.count else {
            throw .unreadable(CryptoError.last("EVP_PKEY_get_raw_public_key").reason)
        }
        return octets
    }

    /// True when the numbers make a public key of their type: for RSA an odd composite modulus and
    /// an odd exponent, for a curve a point on it.
    func isConsistent() -> Bool {
        // unsafe: a context of our own, freed below.
        let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil)
        // unsafe: freed once; free takes null as well.
        defer { unsafe EVP_PKEY_CTX_free(context) }
        // unsafe: the context made above, or null for want of memory.
        let isConsistent = unsafe context != nil && EVP_PKEY_public_check(context) == 1
        ERR_clear_error()
        return isConsistent
    }

    private var typeName: String {
        // unsafe: a C string that lives as long as the key, copied at once.
        guard let name = unsafe EVP_PKEY_get0_type_name(key) else { return "unknown" }
        return unsafe String(cString: name)
    }

    /// The name of the curve; `unnamed` for a curve given by its parameters.
    private var groupName: String {
        var name = [CChar](repeating: 0, count: 80)
        var length = 0
        // unsafe: C writes at most `count` octets, and says how many without the zero.
        let found = unsafe name.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_PKEY_get_group_name(key, buffer.baseAddress, buffer.count, &length)
        }
        ERR_clear_error()
        guard found == 1 else { return "unnamed" }
        return String(decoding: name[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
