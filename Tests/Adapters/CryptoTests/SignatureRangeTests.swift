import Bytes
import Randomness
import Testing

@testable import Crypto

/// A curve with the order of its points, which both numbers of a signature stay below.
struct CurveOrder: Sendable {
    var scheme: SignatureScheme
    var order: [UInt8]

    static let all = [
        CurveOrder(
            scheme: .p256SHA256,
            order: octets(
                hexadecimal: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")),
        CurveOrder(
            scheme: .p384SHA384,
            order: octets(
                hexadecimal: "ffffffffffffffffffffffffffffffffffffffffffffffff"
                    + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973")),
        CurveOrder(
            scheme: .p521SHA512,
            order: octets(
                hexadecimal: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                    + "ffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409")),
    ]
}

/// As Wycheproof does: signatures that a careless verifier takes for true.
@Suite("The numbers of signatures")
struct SignatureRangeTests {
    private static let message = SignatureTests.message

    private static func isValid(
        _ signature: [UInt8], _ scheme: SignatureScheme
    ) throws -> Bool {
        let verifier = try SignatureVerifier(SampleKey(for: scheme).publicKey(), scheme)
        let outcome = try verifier.isValid(signature.span, for: message.span)
        #expect(errorQueueIsEmpty())
        return outcome
    }

    @Test("numbers outside of 1 to the order are no signature", arguments: CurveOrder.all)
    func range(curve: CurveOrder) throws {
        let key = try SampleKey(for: curve.scheme).privateKey()
        let signature = try key.sign(Self.message.span, curve.scheme)
        let length = curve.order.count
        let (r, s) = (Array(signature[..<length]), Array(signature[length...]))
        let zero = [UInt8](repeating: 0, count: length)
        let one = Array(zero.dropLast()) + [1]
        let most = [UInt8](repeating: 0xFF, count: length)
        let last = difference(curve.order, one)
        #expect(try Self.isValid(r + s, curve.scheme))
        let pairs: [([UInt8], [UInt8])] = [
            (zero, s), (r, zero), (zero, zero), (curve.order, s), (r, curve.order), (most, s),
            (r, most), (most, most), (one, one), (last, last), (one, zero), (curve.order, zero),
            (s, r), (r, r), (one, s), (r, one), (difference(curve.order, r), s),
        ]
        for (r, s) in pairs {
            #expect(try !Self.isValid(r + s, curve.scheme))
        }
    }

    /// RFC 7518 §3.4 asks for no form of `s` among the two; a token is not known by its signature.
    @Test("the other one of both possible second numbers is as good", arguments: CurveOrder.all)
    func twin(curve: CurveOrder) throws {
        let key = try SampleKey(for: curve.scheme).privateKey()
        let signature = try key.sign(Self.message.span, curve.scheme)
        let length = curve.order.count
        let twin = signature[..<length] + difference(curve.order, Array(signature[length...]))
        #expect(try Self.isValid(Array(twin), curve.scheme))
    }

    @Test("a signature in DER is none in the form of RFC 7518 §3.4", arguments: CurveOrder.all)
    func distinguished(curve: CurveOrder) throws {
        let key = try SampleKey(for: curve.scheme).privateKey()
        let signature = try key.sign(Self.message.span, curve.scheme)
        let der = ECDSASignature(raw: signature.span).der
        #expect(der.count > signature.count)
        #expect(try !Self.isValid(der, curve.scheme))
        let cut = Array(der.prefix(signature.count))
        #expect(try !Self.isValid(cut, curve.scheme))
    }

    @Test("both forms of a signature say the same", arguments: CurveOrder.all)
    func forms(curve: CurveOrder) throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let length = curve.order.count
        for round in 0..<2000 {
            var raw = generator.octets(2 * length)
            // Zeros in front, up to all of a number.
            for index in 0..<round % (length + 1) { raw[index] = 0 }
            for index in 0..<(round / 7) % (length + 1) { raw[length + index] = 0 }
            let der = ECDSASignature(raw: raw.span).der
            #expect(ECDSASignature(der: der.span, length: length)?.raw == raw)
            for end in [0, 1, 2, 3, der.count - 1] {
                let cut = Array(der[..<end])
                #expect(ECDSASignature(der: cut.span, length: length)?.raw == nil)
            }
            let longer = der + [0]
            #expect(ECDSASignature(der: longer.span, length: length)?.raw == nil)
        }
    }

    @Test("many signatures, some with zeros in front, are verified", arguments: CurveOrder.all)
    func many(curve: CurveOrder) throws {
        let key = try SampleKey(for: curve.scheme).privateKey()
        let verifier = try SignatureVerifier(key.publicKey, curve.scheme)
        // One in 256 numbers begins with a zero; the slow curves have fewer tries.
        for _ in 0..<(curve.scheme == .p256SHA256 ? 2000 : 150) {
            let signature = try key.sign(Self.message.span, curve.scheme)
            #expect(signature.count == 2 * curve.order.count)
            #expect(try verifier.isValid(signature.span, for: Self.message.span))
        }
    }

    /// L of RFC 8032 §5.1, little-endian.
    private static let edwardsOrder = octets(
        hexadecimal: "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")

    @Test("the second number of Ed25519 stays below the order (RFC 8032 §5.1.7)")
    func edwards() throws {
        let key = try SampleKey.ed25519.privateKey()
        let signature = try key.sign(Self.message.span, .ed25519)
        let (r, s) = (Array(signature[..<32]), Array(signature[32...]))
        #expect(try Self.isValid(r + s, .ed25519))
        var sum = s
        for _ in 0..<7 {
            var carry = 0
            for index in sum.indices {
                carry += Int(sum[index]) + Int(Self.edwardsOrder[index])
                sum[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            #expect(try !Self.isValid(r + sum, .ed25519))
        }
        let zero = [UInt8](repeating: 0, count: 32)
        let identity = [1] + Array(zero.dropFirst())
        for wrong in [
            r + zero, r + Self.edwardsOrder, zero + s, identity + zero, zero + zero,
            identity + s, s + r,
        ] {
            #expect(try !Self.isValid(wrong, .ed25519))
        }
    }
}
