import COpenSSL

/// True when both hold the same octets. How long it takes depends on the lengths alone, never on
/// where the first difference is.
package func constantTimeEquals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    if left.isEmpty { return true }
    // unsafe: C reads `left.count` octets of both, and both are that long.
    return unsafe left.withUnsafeBytes { left in
        unsafe right.withUnsafeBytes { right in
            unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
        }
    }
}
