import Peers
import TLS
import Testing

@Suite struct TLSCertificateTests {
    private func mistake(_ chain: [UInt8], _ key: [UInt8]) -> CertificateMistake? {
        do throws(CertificateMistake) {
            _ = try TLSCertificate(chainPEM: chain, keyPEM: key)
            return nil
        } catch {
            return error
        }
    }

    /// The error of a chain and a key that are refused.
    private func refusal(_ chain: [UInt8], _ key: [UInt8]) -> String? {
        switch mistake(chain, key) {
        case nil: nil
        case .certificate(let text): "certificate: " + text
        case .key(let text): "key: " + text
        case .swapped: "swapped"
        case .mismatch: "mismatch"
        case .order(let number): "order \(number)"
        }
    }

    private func refusal(_ chain: String, _ key: [UInt8]) -> String? {
        refusal(Array(chain.utf8), key)
    }

    // MARK: What is read

    @Test func `text around the blocks, other blocks, and one file for both do no harm`() throws {
        let pem = try Identities.pem("a.test")
        let both = Array("# ours\n".utf8) + pem.key + Array("between\n".utf8) + pem.certificate
        #expect(refusal(both, both) == nil)
        #expect(refusal(pem.certificate + Array("\n\nthe end".utf8), pem.key) == nil)
        // Windows line ends.
        let windows = String(decoding: pem.certificate, as: UTF8.self)
            .replacing("\n", with: "\r\n")
        #expect(refusal(windows, pem.key) == nil)
    }

    @Test(arguments: [
        ["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], ["ed25519"],
    ])
    func `every usual kind of key is taken`(kind: [String]) throws {
        let pem = try Identities.pem("a.test", key: kind)
        let certificate = try TLSCertificate(chainPEM: pem.certificate, keyPEM: pem.key)
        let outcome = try TLSVisit.run(to: try Identities.context(certificate))
        #expect(outcome.heardHello)
        #expect(outcome.commonName == "a.test")
    }

    @Test(arguments: [["ec"], ["rsa"]])
    func `keys are taken in their traditional form`(kind: [String]) throws {
        let options = kind == ["ec"] ? ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["rsa:2048"]
        let pem = try Identities.pem("a.test", key: options)
        let folder = try TemporaryFolder()
        let file = try folder.write(pem.key, to: "key")
        let traditional = try ChildProcess.run(
            ["openssl", kind[0], "-in", file] + (kind == ["rsa"] ? ["-traditional"] : []))
        #expect(traditional.contains("BEGIN \(kind[0].uppercased()) PRIVATE KEY"))
        #expect(refusal(pem.certificate, Array(traditional.utf8)) == nil)
    }

    @Test func `the whole chain is sent, so that a client who knows the root trusts it`() throws {
        let chained = try Identities.chained.get()
        let certificate = try TLSCertificate(chainPEM: chained.chainPEM, keyPEM: chained.keyPEM)
        let folder = try TemporaryFolder()
        let root = try folder.write(chained.rootPEM, to: "root.pem")
        let outcome = try TLSVisit.run(
            to: try Identities.context(certificate),
            ["-CAfile", root, "-verify_return_error", "-verify_hostname", "chained.test"])
        #expect(outcome.output.contains("Verify return code: 0 (ok)"))
        #expect(outcome.heardHello)
    }

    // MARK: What is refused

    private static func unreadable(_ number: Int) -> String {
        "certificate: contains a certificate (number \(number)) that cannot be read: "
    }

    @Test func `a chain without a certificate is refused`() throws {
        let pem = try Identities.pem("a.test")
        #expect(refusal("", pem.key) == "certificate: is empty, but no certificate in PEM form")
        for text in ["\n", "no PEM", "-----END CERTIFICATE-----\n"] {
            #expect(
                refusal(text, pem.key)
                    == "certificate: contains something else, but no certificate in PEM form")
        }
        #expect(
            refusal(pem.key, pem.key)
                == "certificate: contains a private key instead of the certificate")
    }

    @Test func `a certificate that is broken is refused, wherever it stands in the chain`() throws {
        let chained = try Identities.chained.get()
        let text = String(decoding: chained.chainPEM, as: UTF8.self)
        let second = try #require(text.ranges(of: "-----BEGIN CERTIFICATE-----").last)
        func broken(behind index: String.Index) -> String {
            let cut = text.index(index, offsetBy: 80)
            return text[..<cut] + "!!!!" + text[text.index(cut, offsetBy: 4)...]
        }
        let inLeaf = try #require(refusal(broken(behind: text.startIndex), chained.keyPEM))
        #expect(inLeaf.hasPrefix(Self.unreadable(1)))
        let inNext = try #require(refusal(broken(behind: second.lowerBound), chained.keyPEM))
        #expect(inNext.hasPrefix(Self.unreadable(2)))
        // Cut off in the middle of the second one.
        let cut = String(text[..<text.index(second.upperBound, offsetBy: 200)])
        #expect(refusal(cut, chained.keyPEM)?.hasPrefix(Self.unreadable(2)) == true)
    }

    @Test func `a certificate that asks for a passphrase is refused without asking`() throws {
        let pem = try Identities.pem("a.test")
        let text = String(decoding: pem.certificate, as: UTF8.self).replacing(
            "-----BEGIN CERTIFICATE-----\n",
            with: """
                -----BEGIN CERTIFICATE-----
                Proc-Type: 4,ENCRYPTED
                DEK-Info: AES-128-CBC,00000000000000000000000000000000


                """)
        #expect(refusal(text, pem.key)?.hasPrefix(Self.unreadable(1)) == true)
    }

    @Test func `a key file without a key is refused`() throws {
        let pem = try Identities.pem("a.test")
        #expect(refusal(pem.certificate, []) == "key: is empty, but no private key in PEM form")
        #expect(
            refusal(pem.certificate, Array("no PEM".utf8))
                == "key: contains something else, but no private key in PEM form")
        #expect(
            refusal(pem.certificate, pem.certificate)
                == "key: contains a certificate instead of the private key")
        let broken = String(decoding: pem.key, as: UTF8.self).replacing("MI", with: "!!")
        #expect(
            refusal(pem.certificate, Array(broken.utf8))?
                .hasPrefix("key: contains a private key that cannot be read: ") == true)
    }

    @Test func `two files in the place of each other are told from two wrong ones`() throws {
        let (a, b) = (try Identities.pem("a.test"), try Identities.pem("b.test"))
        #expect(refusal(a.key, a.certificate) == "swapped")
        // They do not belong to each other, which is the next thing to be said.
        #expect(refusal(a.key, b.certificate) == "swapped")
        #expect(refusal(a.certificate + a.key, a.certificate)?.hasPrefix("key: ") == true)
    }

    @Test(arguments: [
        ("-----BEGIN CERTIFICATE REQUEST-----", "certificate: contains a certificate request"),
        ("-----BEGIN NEW CERTIFICATE REQUEST-----", "certificate: contains a certificate request"),
        ("-----BEGIN PUBLIC KEY-----", "certificate: contains a public key"),
        (
            "-----BEGIN DH PARAMETERS-----",
            "certificate: contains 'DH PARAMETERS', but no certificate"
        ),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "certificate: contains a private key"),
        ("0\u{82}..0\u{82}.......", "certificate: is a certificate in binary form"),
        ("0\u{82}..\u{02}\u{01}\u{03}......", "certificate: is a PKCS #12 file"),
        ("0\u{82}..\u{02}\u{01}\u{00}......", "certificate: is a private key instead"),
        ("0", "certificate: contains something else, but no certificate"),
    ])
    func `a file that is no certificate is called what it is`(
        text: String, message: String
    ) throws {
        let octets = text.unicodeScalars.map { UInt8($0.value) }
        let heard = try #require(refusal(octets, try Identities.pem("a.test").key))
        #expect(heard.hasPrefix(message), "\(heard)")
    }

    @Test(arguments: [
        ("-----BEGIN CERTIFICATE REQUEST-----", "key: contains a certificate request"),
        ("-----BEGIN PUBLIC KEY-----", "key: contains the public key instead of the private"),
        ("0\u{82}..0\u{82}.......", "key: is a certificate instead of the private key"),
        ("0\u{82}..\u{02}\u{01}\u{03}......", "key: is a PKCS #12 file"),
        ("0\u{82}..\u{02}\u{01}\u{01}......", "key: is a private key in binary form"),
    ])
    func `a file that is no key is called what it is`(text: String, message: String) throws {
        let octets = text.unicodeScalars.map { UInt8($0.value) }
        let heard = try #require(refusal(try Identities.pem("a.test").certificate, octets))
        #expect(heard.hasPrefix(message), "\(heard)")
    }

    @Test func `a certificate of today is valid`() throws {
        let certificate = try TLSCertificate(selfSignedFor: "localhost")
        #expect(certificate.validity.map(\.state) == [.valid])
        let chained = try Identities.chained.get()
        let chain = try TLSCertificate(chainPEM: chained.chainPEM, keyPEM: chained.keyPEM)
        #expect(chain.validity.map(\.number) == Array(1...chain.validity.count))
        #expect(chain.validity.count > 1)
    }

    @Test func `another certificate's key is refused, of the same kind or not`() throws {
        let pem = try Identities.pem("a.test")
        for kind in [["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["rsa:2048"]] {
            let other = try Identities.pem("b.test", key: kind)
            #expect(refusal(pem.certificate, other.key) == "mismatch")
        }
        // A chain in the wrong order: the key is the last one's.
        let chained = try Identities.chained.get()
        let blocks = String(decoding: chained.chainPEM, as: UTF8.self)
        let second = try #require(blocks.ranges(of: "-----BEGIN CERTIFICATE-----").last)
        let reversed = blocks[second.lowerBound...] + blocks[..<second.lowerBound]
        #expect(refusal(String(reversed), chained.keyPEM) == "order 2")
    }

    @Test(arguments: [true, false])
    func `an encrypted key is refused, without asking for a passphrase`(isModern: Bool) throws {
        let pem = try Identities.pem("a.test")
        let folder = try TemporaryFolder()
        let file = try folder.write(pem.key, to: "key")
        let encrypted = try ChildProcess.run(
            isModern
                ? ["openssl", "pkcs8", "-topk8", "-in", file, "-passout", "pass:secret"]
                : ["openssl", "ec", "-aes256", "-in", file, "-passout", "pass:secret"])
        #expect(encrypted.contains("ENCRYPTED"))
        #expect(
            refusal(pem.certificate, Array(encrypted.utf8))?
                .hasPrefix("key: contains an encrypted private key, but the gateway") == true)
    }

    @Test func `a key that is too weak for OpenSSL is refused by the context`() throws {
        let pem = try Identities.pem("a.test", key: ["rsa:1024"])
        let certificate = try TLSCertificate(chainPEM: pem.certificate, keyPEM: pem.key)
        #expect(throws: TLSError("certificate refused: ee key too small")) {
            try Identities.context(certificate)
        }
    }

    // MARK: Made up

    @Test func `the self-signed certificate is for this machine and a month`() throws {
        let folder = try TemporaryFolder()
        let visit = try TLSVisit.run(to: try Identities.context(), ["-showcerts"])
        let start = try #require(visit.output.ranges(of: "-----BEGIN CERTIFICATE-----").first)
        let end = try #require(visit.output.ranges(of: "-----END CERTIFICATE-----").first)
        let pem = String(visit.output[start.lowerBound..<end.upperBound]) + "\n"
        let file = try folder.write(Array(pem.utf8), to: "made.pem")
        let text = try ChildProcess.run(["openssl", "x509", "-in", file, "-noout", "-text"])
        #expect(text.contains("Version: 3 (0x2)"))
        #expect(text.contains("Issuer: CN = localhost"))
        #expect(text.contains("Subject: CN = localhost"))
        #expect(text.contains("NIST CURVE: P-256"))
        #expect(text.contains("ecdsa-with-SHA256"))
        #expect(
            text.contains("DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"))
        // Valid now, and for 30 days less the hour it began earlier.
        let verified = ["openssl", "verify", "-CAfile", file, file]
        #expect(try ChildProcess.run(verified).contains("OK"))
        let checkEnd = ["openssl", "x509", "-in", file, "-noout", "-checkend"]
        try ChildProcess.run(checkEnd + ["\(29 * 86_400)"])
        #expect(throws: ChildProcess.Failed.self) {
            try ChildProcess.run(checkEnd + ["\(30 * 86_400)"])
        }
    }

    @Test func `two self-signed certificates are never the same`() throws {
        let folder = try TemporaryFolder()
        let fingerprints = try (0..<2).map { _ in
            let visit = try TLSVisit.run(to: try Identities.context(), ["-showcerts"])
            let file = try folder.write(Array(visit.output.utf8), to: "output")
            return try ChildProcess.run(
                ["openssl", "x509", "-in", file, "-noout", "-serial", "-pubkey"])
        }
        #expect(Set(fingerprints).count == 2)
    }
}
