import Bytes
import Randomness
import Testing

@testable import Crypto

@Suite("Public keys in PEM text")
struct PublicKeyTests {
    @Test("keys of every kind are read, and know what they are", arguments: SampleKey.allCases)
    func kinds(sample: SampleKey) throws {
        let key = try sample.publicKey()
        #expect(key.kind == sample.kind)
        #expect(key.bits == [.rsa: 2048, .p384: 384, .p521: 521][sample.kind] ?? 256)
        #expect(errorQueueIsEmpty())
    }

    @Test(
        "the other forms hold the same keys",
        arguments: [
            (OtherForm.rsaPublicKey, .rsa), (OtherForm.rsaCertificate, .rsa),
            (OtherForm.p256Compressed, .p256), (OtherForm.p384Certificate, .p384),
        ] as [(String, SampleKey)])
    func forms(pem: String, sample: SampleKey) throws {
        let key = try PublicKey(pem: pem.utf8.span)
        let message = Array("message".utf8)
        let scheme = try #require(SignatureScheme.allCases.first { $0.keyKind == key.kind })
        let signature = try sample.privateKey().sign(message.span, scheme)
        let verifier = try SignatureVerifier(key, scheme)
        #expect(try verifier.isValid(signature.span, for: message.span))
    }

    @Test("text around a key, other blocks and line ends of other systems do no harm")
    func surroundings() {
        let key = SampleKey.p256.publicPEM
        let lines = key.split(separator: "\n")
        for text in [
            "Bag Attributes\n    friendlyName: a\n" + key + "\ntrailing text", key + "\n\n\n",
            key.replacing("\n", with: "\r\n"), lines.joined(separator: "  \n\t"),
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + key,
            SampleKey.rsa.privatePEM + "\n" + key, "-----BEGIN PUBLIC KEY-----\nAAAA\n" + key,
            key.replacing("\n", with: "\n\n"),
        ] {
            #expect(failure(pem: text) == nil, "\(text)")
        }
    }

    @Test("of several certificates the first counts; several keys are refused")
    func several() throws {
        let chain = OtherForm.p384Certificate + "\n" + OtherForm.rsaCertificate
        #expect(try PublicKey(pem: chain.utf8.span).kind == .p384)
        let keys = SampleKey.p256.publicPEM + "\n" + SampleKey.rsa.publicPEM
        #expect(failure(pem: keys) == .severalKeys)
        #expect(failure(pem: SampleKey.p256.publicPEM + "\n" + chain) == .severalKeys)
    }

    @Test(
        "what is no public key that can be used is refused, and says why",
        arguments: [
            ("", .noKey), ("no key at all", .noKey), ("-----BEGIN PUBLIC KEY-----", .noKey),
            (SampleKey.p256.publicPEM.replacing("END PUBLIC", with: "END RSA PUBLIC"), .noKey),
            (SampleKey.p256.publicPEM.replacing("PUBLIC KEY", with: "PUBLIC  KEY"), .noKey),
            (SampleKey.p256.publicPEM.replacing("-----END", with: "----END"), .noKey),
            (SampleKey.p256.privatePEM, .privateKey), (OtherForm.rsaTraditional, .privateKey),
            (OtherForm.ed25519Encrypted, .privateKey), (OtherForm.p256Encrypted, .privateKey),
            (OddKey.rsa768, .modulusSize(768)), (OddKey.rsaPSS, .unsupported("RSA-PSS")),
            (OddKey.secp256k1, .unsupported("secp256k1")), (OddKey.x25519, .unsupported("X25519")),
            (OddKey.ed448, .unsupported("ED448")),
            (OddKey.explicitCurve, nil), (OddKey.rsa1024, nil),
            (OddKey.rsa1032, nil),
        ] as [(String, KeyError?)])
    func refused(pem: String, expected: KeyError?) {
        #expect(failure(pem: pem) == expected)
        #expect(errorQueueIsEmpty())
    }

    @Test("content that is not what its label says is refused")
    func unreadable() {
        let key = SampleKey.p256.publicPEM
        for text in [
            key.replacing("=", with: ""), key.replacing("MFkw", with: "MF*w"),
            key.replacing("MFkw", with: "MFkx"), key.replacing("MFkw", with: "MEkw"),
            key.replacing("-----END", with: "AAAA\n-----END"),
            key.replacing("PUBLIC KEY", with: "RSA PUBLIC KEY"),
            key.replacing("PUBLIC KEY", with: "CERTIFICATE"),
            OtherForm.rsaPublicKey.replacing("RSA PUBLIC", with: "PUBLIC"),
            OtherForm.p384Certificate.replacing("CERTIFICATE", with: "PUBLIC KEY"),
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----",
        ] {
            var isUnreadable = false
            if case .unreadable = failure(pem: text) { isUnreadable = true }
            #expect(isUnreadable, "\(String(describing: failure(pem: text))) \(text)")
            #expect(errorQueueIsEmpty())
        }
    }

    @Test("no message about a key has anything of the key in it")
    func secrecy() {
        let errors: [KeyError] = [
            .noKey, .severalKeys, .privateKey, .encrypted, .unreadable("reason"),
            .unsupported("X25519"), .modulusSize(768), .exponent, .invalid(.p256),
            .wrongScheme(.rsa),
        ]
        #expect(Set(errors.map(\.description)).count == errors.count)
        #expect(errors.allSatisfy { !$0.description.isEmpty })
    }

    private static let seeds =
        SampleKey.allCases.map(\.publicPEM) + [
            OtherForm.rsaPublicKey, OtherForm.p384Certificate, OddKey.explicitCurve, OddKey.rsa1024,
        ]

    @Test("random changes of keys and of their content never trap, and leave no error behind")
    func mutations() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        var accepted = 0
        for round in 0..<fuzzIterations {
            let seed = Array(Self.seeds[round % Self.seeds.count].utf8)
            var text = generator.mutated(seed)
            if round % 2 == 0, let block = PEMBlock.all(in: seed.span).first {
                let content = generator.mutated(block.content ?? [])
                let encoded = Base64.encode(content.span)
                text = Array("-----BEGIN \(block.label)-----\n".utf8) + encoded
                text += Array("\n-----END \(block.label)-----".utf8)
            }
            guard let key = try? PublicKey(pem: text.span) else {
                #expect(errorQueueIsEmpty())
                continue
            }
            accepted += 1
            #expect(PublicKey.modulusBits.contains(key.bits) || key.kind != .rsa)
        }
        // Nearly all RSA moduli that are odd look like good ones.
        #expect(accepted > 0 && accepted < fuzzIterations)
    }
}

@Suite("Private keys in PEM text")
struct PrivateKeyTests {
    @Test(
        "keys are read from each of their forms",
        arguments: SampleKey.allCases.map { ($0.privatePEM, $0) } + [
            (OtherForm.rsaTraditional, .rsa), (OtherForm.p256Traditional, .p256),
            (SampleKey.p384.publicPEM + "\n" + SampleKey.p384.privatePEM, .p384),
        ])
    func forms(pem: String, sample: SampleKey) throws {
        #expect(try PrivateKey(pem: pem.utf8.span).publicKey.kind == sample.kind)
    }

    @Test("what holds no private key, or one under a passphrase, is refused")
    func refused() {
        let table: [(String, KeyError)] = [
            ("", .noKey), (SampleKey.p256.publicPEM, .noKey),
            (OtherForm.ed25519Encrypted, .encrypted), (OtherForm.p256Encrypted, .encrypted),
        ]
        for (pem, expected) in table {
            #expect(throws: expected) { try PrivateKey(pem: pem.utf8.span) }
        }
        let cut = SampleKey.rsa.privatePEM.replacing("MIIE", with: "MIID")
        #expect(throws: KeyError.self) { try PrivateKey(pem: cut.utf8.span) }
        #expect(errorQueueIsEmpty())
    }

    @Test("a key makes no signature of a scheme for other keys")
    func wrongScheme() throws {
        let key = try SampleKey.p256.privateKey()
        let message = Array("message".utf8)
        for scheme in SignatureScheme.allCases where scheme != .p256SHA256 {
            #expect(throws: CryptoError.self) { try key.sign(message.span, scheme) }
            #expect(throws: KeyError.wrongScheme(.p256)) {
                try SignatureVerifier(key.publicKey, scheme)
            }
        }
    }
}
