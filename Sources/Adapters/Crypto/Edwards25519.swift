import COpenSSL

/// What 32 octets must be to make a public key of Ed25519. OpenSSL takes any, and looks only when
/// it verifies; a key that is no point would make no signature true, and one of small order would
/// make forged ones true.
enum Edwards25519 {
    /// True for an encoded point (RFC 8032 §5.1.3) whose order is more than 8.
    static func isPublicKey(_ encoded: [UInt8]) -> Bool {
        guard encoded.count == 32, let context = unsafe BN_CTX_new() else { return false }
        // unsafe: made above, not null; freed once, with all numbers that were taken from it.
        defer { unsafe BN_CTX_free(context) }
        // unsafe: as above; the numbers stay the context's.
        unsafe BN_CTX_start(context)
        defer { unsafe BN_CTX_end(context) }
        // unsafe: each is a number of the context, or null for want of memory.
        let numbers = unsafe (0..<6).map { _ in unsafe BN_CTX_get(context) }
        // unsafe: only whether they are there.
        guard unsafe numbers.allSatisfy({ unsafe $0 != nil }) else { return false }
        // unsafe: live numbers of `context`.
        return unsafe isPublicKey(encoded, numbers, context)
    }

    /// The curve is -x² + y² = 1 + dx²y², so x² is (y² - 1) / (dy² + 1): there is an x when the
    /// product of both is a square. Points of order 1, 2 and 4 have an x or a y of 0; one of order
    /// 8 has a double whose y is 0, which makes dy⁴ + 2y² - 1 = 0.
    private static func isPublicKey(
        _ encoded: [UInt8], _ numbers: [OpaquePointer?], _ context: OpaquePointer
    ) -> Bool {
        // unsafe: live numbers of `context`, all of them.
        var (prime, factor) = unsafe (numbers[0], numbers[1])
        // unsafe: as above.
        let (y, square, numerator) = unsafe (numbers[2], numbers[3], numbers[4])
        let denominator = unsafe numbers[5]
        var octets = encoded
        // The sign of x.
        octets[31] &= 0x7F
        // unsafe: all numbers are live, and C reads 32 octets; each call answers 1 when it worked.
        guard unsafe BN_hex2bn(&prime, primeDigits) > 0,
            unsafe BN_hex2bn(&factor, factorDigits) > 0,
            unsafe BN_lebin2bn(octets, 32, y) != nil, unsafe BN_cmp(y, prime) < 0,
            // unsafe: as above.
            unsafe BN_mod_sqr(square, y, prime, context) == 1,
            unsafe BN_mod_mul(denominator, factor, square, prime, context) == 1,
            // unsafe: as above.
            unsafe BN_add_word(denominator, 1) == 1,
            unsafe BN_copy(numerator, square) != nil, unsafe BN_sub_word(numerator, 1) == 1
        else { return false }
        // unsafe: as above.
        if unsafe BN_is_zero(square) == 1 || BN_is_zero(numerator) == 1 { return false }
        // unsafe: as above; `y` and `square` have served and hold the products.
        guard unsafe BN_mod_mul(square, denominator, square, prime, context) == 1,
            unsafe BN_mod_add(square, square, numerator, prime, context) == 1,
            // unsafe: as above.
            unsafe BN_mod_mul(y, numerator, denominator, prime, context) == 1
        else { return false }
        // unsafe: as above; 1 for a square, -1 for none, -2 when it failed.
        return unsafe BN_is_zero(square) == 0 && BN_kronecker(y, prime, context) == 1
    }

    /// 2²⁵⁵ - 19.
    private static let primeDigits =
        "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed"
    /// d of RFC 8032 §5.1.
    private static let factorDigits =
        "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"
}
