import Bytes
import Randomness
import Testing

@testable import Crypto

private func isValid(
    _ signature: [UInt8], _ message: [UInt8], _ verifier: SignatureVerifier
) throws -> Bool {
    let outcome = try verifier.isValid(signature.span, for: message.span)
    #expect(errorQueueIsEmpty())
    return outcome
}

@Suite("Signatures")
struct SignatureTests {
    static let message = Array("what do ya want for nothing?".utf8)

    /// The exponent of `SampleSignature.cubicModulus`.
    private static let three: [UInt8] = [3]

    private static func verifier(_ scheme: SignatureScheme) throws -> SignatureVerifier {
        try SignatureVerifier(SampleKey(for: scheme).publicKey(), scheme)
    }

    private static func sign(
        _ scheme: SignatureScheme, _ message: [UInt8] = message
    ) throws -> [UInt8] {
        try SampleKey(for: scheme).privateKey().sign(message.span, scheme)
    }

    @Test("what a key signs its public half verifies", arguments: SignatureScheme.allCases)
    func roundTrip(scheme: SignatureScheme) throws {
        let verifier = try Self.verifier(scheme)
        for message in [[], [0], Self.message, [UInt8](repeating: 7, count: 10_000)] {
            let signature = try Self.sign(scheme, message)
            #expect(try isValid(signature, message, verifier))
            #expect(try isValid(signature, message, verifier))
            #expect(try !isValid(signature, message + [0], verifier))
        }
    }

    @Test("a signature with one bit changed is not valid", arguments: SignatureScheme.allCases)
    func bits(scheme: SignatureScheme) throws {
        let verifier = try Self.verifier(scheme)
        let signature = try Self.sign(scheme)
        for index in signature.indices {
            var wrong = signature
            wrong[index] ^= 1 << UInt8(index % 8)
            #expect(try !isValid(wrong, Self.message, verifier))
        }
    }

    @Test("a signature of another length is not valid", arguments: SignatureScheme.allCases)
    func lengths(scheme: SignatureScheme) throws {
        let verifier = try Self.verifier(scheme)
        let signature = try Self.sign(scheme)
        for wrong in [
            [], [0], signature + [0], [0] + signature, Array(signature.dropLast()),
            Array(signature.dropFirst()), signature + signature,
            Array(signature.prefix(signature.count / 2)),
        ] {
            #expect(try !isValid(wrong, Self.message, verifier))
        }
    }

    @Test("zeros, ones and random octets are no signature", arguments: SignatureScheme.allCases)
    func noise(scheme: SignatureScheme) throws {
        let verifier = try Self.verifier(scheme)
        let length = try Self.sign(scheme).count
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<100 {
            let random = generator.octets(length)
            #expect(try !isValid(random, Self.message, verifier))
        }
        for octet in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
            let same = [UInt8](repeating: octet, count: length)
            #expect(try !isValid(same, Self.message, verifier))
        }
    }

    @Test("a signature of one scheme is none of any other")
    func schemes() throws {
        for scheme in SignatureScheme.allCases {
            let signature = try Self.sign(scheme)
            for other in SignatureScheme.allCases where other != scheme {
                #expect(try !isValid(signature, Self.message, Self.verifier(other)))
            }
        }
    }

    @Test("a signature of another key of the same kind is not valid")
    func otherKey() throws {
        let modulus = try octets(base64URL: SampleSignature.cubicModulus)
        let key = try PublicKey(modulus: modulus.span, exponent: Self.three.span)
        let verifier = try SignatureVerifier(key, .rsaSHA256)
        #expect(try !isValid(Self.sign(.rsaSHA256), Self.message, verifier))
        let cubic = try octets(base64URL: SampleSignature.cubic)
        #expect(try isValid(cubic, Self.message, verifier))
        #expect(try !isValid(cubic, Self.message, Self.verifier(.rsaSHA256)))
    }

    @Test("a cube root of padding with anything behind it is no signature")
    func cubeRoot() throws {
        let modulus = try octets(base64URL: SampleSignature.cubicModulus)
        let key = try PublicKey(modulus: modulus.span, exponent: Self.three.span)
        let forged = try octets(base64URL: SampleSignature.cubicForged)
        for scheme in [.rsaSHA256, .pssSHA256] as [SignatureScheme] {
            #expect(try !isValid(forged, Self.message, SignatureVerifier(key, scheme)))
        }
    }

    @Test(
        "the padding of RSA is exactly as it must be",
        arguments: [
            (.pssSHA256, SampleSignature.pssSHA256, true),
            (.pssSHA256, SampleSignature.pssWithoutSalt, false),
            (.pssSHA256, SampleSignature.pssShortSalt, false),
            (.pssSHA256, SampleSignature.pssLongestSalt, false),
            (.pssSHA256, SampleSignature.pssOtherMask, false),
            (.pssSHA384, SampleSignature.pssSHA384ShortSalt, false),
            (.pssSHA256, SampleSignature.pkcs1SHA256, false),
            (.rsaSHA256, SampleSignature.pkcs1SHA256, true),
            (.rsaSHA256, SampleSignature.pssSHA256, false),
            (.rsaSHA256, SampleSignature.pkcs1SHA1, false),
            (.rsaSHA256, SampleSignature.octetsBehind, false),
            (.rsaSHA256, SampleSignature.shortPadding, false),
            (.rsaSHA256, SampleSignature.withoutDigestInfo, false),
            (.rsaSHA256, SampleSignature.otherBlockType, false),
        ] as [(SignatureScheme, String, Bool)])
    func padding(scheme: SignatureScheme, signature: String, expected: Bool) throws {
        let signature = try octets(base64URL: signature)
        #expect(try isValid(signature, Self.message, Self.verifier(scheme)) == expected)
    }

    @Test("an RSA signature is a number below the modulus")
    func rsaRange() throws {
        let modulus = try octets(base64URL: SampleSignature.cubicModulus)
        let key = try PublicKey(modulus: modulus.span, exponent: Self.three.span)
        let verifier = try SignatureVerifier(key, .rsaSHA256)
        let zero = [UInt8](repeating: 0, count: 255)
        let good = try octets(base64URL: SampleSignature.cubic)
        for wrong in [
            zero + [0], zero + [1], modulus, difference(modulus, zero + [1]),
            difference(modulus, good), [UInt8](repeating: 0xFF, count: 256),
        ] {
            #expect(try !isValid(wrong, Self.message, verifier))
        }
    }

    @Test("a key that is weak verifies nothing it cannot, and traps nowhere")
    func shortModulus() throws {
        let key = try PublicKey(pem: OddKey.rsa1024.utf8.span)
        for scheme in SignatureScheme.allCases where scheme.keyKind == .rsa {
            let verifier = try SignatureVerifier(key, scheme)
            let noise = [UInt8](repeating: 3, count: 128)
            #expect(try !isValid(noise, Self.message, verifier))
        }
        let odd = try SignatureVerifier(PublicKey(pem: OddKey.rsa1032.utf8.span), .rsaSHA256)
        #expect(try !isValid([UInt8](repeating: 3, count: 129), Self.message, odd))
    }

    @Test("signatures of RFC 8032 §7.1 are made and verified", arguments: EdwardsVector.all)
    func edwards(vector: EdwardsVector) throws {
        let point = octets(hexadecimal: vector.publicKey)
        let verifier = try SignatureVerifier(PublicKey(ed25519: point.span), .ed25519)
        let message = octets(hexadecimal: vector.message)
        #expect(try isValid(octets(hexadecimal: vector.signature), message, verifier))
        #expect(try !isValid(octets(hexadecimal: vector.signature), message + [1], verifier))
    }

    @Test(
        "many threads share one key",
        arguments: [.rsaSHA256, .pssSHA512, .p256SHA256, .ed25519] as [SignatureScheme])
    func threads(scheme: SignatureScheme) async throws {
        let verifier = try Self.verifier(scheme)
        let signature = try Self.sign(scheme)
        let valid = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var valid = 0
                    for round in 0..<100 {
                        var message = Self.message
                        if round % 2 == 1 { message.append(UInt8(task)) }
                        if try verifier.isValid(signature.span, for: message.span) { valid += 1 }
                    }
                    return valid
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(valid == 400)
    }
}

struct EdwardsVector: Sendable {
    var publicKey: String
    var message: String
    var signature: String

    static let all = [
        // TEST 2
        EdwardsVector(
            publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            message: "72",
            signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        // TEST 3
        EdwardsVector(
            publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            message: "af82",
            signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ]
}
