import Bytes
import Crypto
import PublishedKeys
import Testing

/// The error of making an RSA key, or nil.
private func failure(modulus: [UInt8], exponent: [UInt8]) -> KeyError? {
    do {
        _ = try PublicKey(modulus: modulus.span, exponent: exponent.span)
        return nil
    } catch {
        return error
    }
}

private func failure(_ curve: PublicKey.Kind, _ x: [UInt8], _ y: [UInt8]) -> KeyError? {
    do {
        _ = try PublicKey(curve, x: x.span, y: y.span)
        return nil
    } catch {
        return error
    }
}

private func failure(ed25519 point: [UInt8]) -> KeyError? {
    do {
        _ = try PublicKey(ed25519: point.span)
        return nil
    } catch {
        return error
    }
}

@Suite("Public keys from their numbers")
struct PublicKeyPartsTests {
    private static let exponent: [UInt8] = [1, 0, 1]

    private static func modulus() throws -> [UInt8] {
        try octets(base64URL: SampleSignature.cubicModulus)
    }

    @Test("an RSA key is its two numbers, with or without zeros in front")
    func rsa() throws {
        let modulus = try Self.modulus()
        let three: [UInt8] = [3]
        let key = try PublicKey(modulus: modulus.span, exponent: three.span)
        #expect(key.kind == .rsa && key.bits == 2048)
        #expect(failure(modulus: [0, 0] + modulus, exponent: [0, 3]) == nil)
        let padded = [0, 0] + modulus
        #expect(try PublicKey(modulus: padded.span, exponent: three.span).bits == 2048)
    }

    @Test(
        "an exponent is odd, more than 1 and at most 64 bits long",
        arguments: [
            ([], .exponent), ([0], .exponent), ([1], .exponent), ([0, 1], .exponent),
            ([2], .exponent), ([1, 0, 0], .exponent), ([3], nil), ([1, 0, 1], nil),
            ([UInt8](repeating: 255, count: 8), nil),
            ([1] + [UInt8](repeating: 255, count: 8), .exponent),
        ] as [([UInt8], KeyError?)])
    func exponent(exponent: [UInt8], expected: KeyError?) throws {
        #expect(failure(modulus: try Self.modulus(), exponent: exponent) == expected)
        #expect(errorQueueIsEmpty())
    }

    @Test("a modulus is odd, of a sensible size, and the product of two large primes")
    func modulus() throws {
        var even = try Self.modulus()
        even[255] &= 0xFE
        #expect(failure(modulus: even, exponent: Self.exponent) == .invalid(.rsa))
        for count in [0, 1, 64, 127, 1025] {
            let modulus = [UInt8](repeating: 0xFF, count: count)
            #expect(failure(modulus: modulus, exponent: Self.exponent) == .modulusSize(count * 8))
        }
        // 2²⁰⁴⁸ - 1 is a multiple of 3.
        let multiple = [UInt8](repeating: 0xFF, count: 256)
        #expect(failure(modulus: multiple, exponent: Self.exponent) == .invalid(.rsa))
        let prime = try octets(base64URL: SampleSignature.prime)
        #expect(failure(modulus: prime, exponent: Self.exponent) == .invalid(.rsa))
        #expect(failure(modulus: [0] + multiple.dropLast(2), exponent: []) != nil)
        #expect(errorQueueIsEmpty())
    }

    @Test("coordinates have exactly the length of the curve, and are those of a point on it")
    func curve() throws {
        let x = try octets(base64URL: RFC7515.A3.x)
        let y = try octets(base64URL: RFC7515.A3.y)
        #expect(failure(.p256, x, y) == nil)
        let zero = [UInt8](repeating: 0, count: 32)
        // The prime of the field: 0 in a second spelling.
        let prime = octets(
            hexadecimal: "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
        for (x, y) in [
            (y, x), (x, x), (zero, zero), (x, zero), (zero, y), (prime, y), (x, prime),
            ([0] + x, y), (x, [0] + y), (Array(x.dropLast()), y), (x, Array(y.dropFirst())),
            ([], []), (x + y, []),
        ] {
            #expect(failure(.p256, x, y) == .invalid(.p256))
            #expect(errorQueueIsEmpty())
        }
        #expect(failure(.p384, x, y) == .invalid(.p384))
        #expect(failure(.rsa, x, y) == .invalid(.rsa))
        #expect(failure(.ed25519, x, y) == .invalid(.ed25519))
        for index in 0..<32 {
            var other = x
            other[index] ^= 1
            #expect(failure(.p256, other, y) == .invalid(.p256))
        }
    }

    @Test("a point with an x in a second spelling, over the prime of the field, is refused")
    func overPrime() {
        // On P-256 the points with x = 5 have this y; x = p + 5 fits in 32 octets as well.
        let y = octets(
            hexadecimal: "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc")
        let five = [UInt8](repeating: 0, count: 31) + [5]
        #expect(failure(.p256, five, y) == nil)
        let overPrime = octets(
            hexadecimal: "ffffffff00000001000000000000000000000001000000000000000000000004")
        #expect(failure(.p256, overPrime, y) == .invalid(.p256))
    }

    @Test("an Ed25519 key is an encoded point of large order")
    func ed25519() throws {
        let point = try octets(base64URL: RFC8037.A2.x)
        let key = try PublicKey(ed25519: point.span)
        #expect(key.kind == .ed25519 && key.bits == 256)
        for other in [[], Array(point.dropLast()), point + [0], [0] + point] {
            #expect(failure(ed25519: other) == .invalid(.ed25519))
        }
        // y = 3 to 6 are points, 2, 7 and 8 are none.
        for (y, isPoint) in [(2, false), (3, true), (4, true), (6, true), (7, false), (8, false)] {
            for sign in [0, 0x80] as [UInt8] {
                let encoded = [UInt8(y)] + [UInt8](repeating: 0, count: 30) + [sign]
                #expect((failure(ed25519: encoded) == nil) == isPoint, "\(y)")
            }
        }
        #expect(errorQueueIsEmpty())
    }

    /// The order of these points divides 8: a signature of theirs is easily made up. The last two
    /// spell 0 and 1 as p and p + 1.
    @Test(
        "points of small order and second spellings are refused, whatever the sign",
        arguments: [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ])
    func smallOrder(hexadecimal: String) {
        var point = octets(hexadecimal: hexadecimal)
        #expect(failure(ed25519: point) == .invalid(.ed25519))
        point[31] ^= 0x80
        #expect(failure(ed25519: point) == .invalid(.ed25519))
    }
}
