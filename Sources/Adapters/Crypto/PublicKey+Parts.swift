import COpenSSL

/// Public keys from their numbers, as JSON Web Keys have them (RFC 7518 §6, RFC 8037 §2): octets
/// in big-endian order.
extension PublicKey {
    /// An RSA key; leading zeros of either number are ignored.
    package init(modulus: Span<UInt8>, exponent: Span<UInt8>) throws(KeyError) {
        _ = try RSANumbers.check(modulus: modulus, exponent: exponent)
        // unsafe: C reads `count` octets of each number and keeps copies of its own.
        let key = unsafe modulus.withUnsafeBufferPointer { modulus in
            unsafe exponent.withUnsafeBufferPointer { exponent in
                unsafe shim_rsa_public_key(
                    modulus.baseAddress, modulus.count, exponent.baseAddress, exponent.count)
            }
        }
        // unsafe: null, or a reference of our own.
        try unsafe self.init(making: .rsa, key)
    }

    /// A key on one of the three curves of NIST; each coordinate has exactly the curve's length.
    package init(_ curve: Kind, x: Span<UInt8>, y: Span<UInt8>) throws(KeyError) {
        guard let name = curve.groupName, let length = curve.coordinateLength,
            x.count == length, y.count == length
        else { throw .invalid(curve) }
        // SEC 1 §2.3.3: uncompressed.
        var point: [UInt8] = [4]
        for index in x.indices { point.append(x[index]) }
        for index in y.indices { point.append(y[index]) }
        // unsafe: C reads `count` octets of the point and keeps a copy of its own.
        let key = unsafe point.withUnsafeBufferPointer { point in
            unsafe shim_ec_public_key(name, point.baseAddress, point.count)
        }
        // unsafe: null, or a reference of our own.
        try unsafe self.init(making: curve, key)
    }

    /// An Ed25519 key: an encoded point (RFC 8032 §5.1.2) of exactly 32 octets.
    package init(ed25519 point: Span<UInt8>) throws(KeyError) {
        guard point.count == 32 else { throw .invalid(.ed25519) }
        // unsafe: C reads `count` octets and keeps a copy of its own.
        let key = unsafe point.withUnsafeBufferPointer { point in
            unsafe EVP_PKEY_new_raw_public_key_ex(
                nil, "ED25519", nil, point.baseAddress, point.count)
        }
        // unsafe: null, or a reference of our own.
        try unsafe self.init(making: .ed25519, key)
    }

    private init(making kind: Kind, _ key: OpaquePointer?) throws(KeyError) {
        // What OpenSSL does not take is no key; why would be its business.
        ERR_clear_error()
        // unsafe: only whether there is one.
        guard let key = unsafe key else { throw .invalid(kind) }
        // unsafe: a reference of our own, passed on.
        try self.init(checking: unsafe KeyReference(adopting: key))
    }
}
