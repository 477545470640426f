import Bytes
import Crypto
import Testing

private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    constantTimeEquals(left.span, right.span)
}

@Suite("Digests and comparison")
struct DigestTests {
    @Test("SHA-1 answers the handshake of RFC 6455 §1.3")
    func accept() throws {
        let text = "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let digest = try Digest.sha1(text.utf8.span)
        let encoded = Base64.encode(digest.span)
        #expect(encoded.text(0..<encoded.count) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(
        "SHA-256 gives the known digests",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ])
    func sha256(text: String, expected: String) throws {
        #expect(hexadecimal(try Digest.sha256(text.utf8.span)) == expected)
    }

    @Test("octets are equal when all of them are")
    func comparison() {
        let octets = [UInt8](0..<64)
        #expect(areEqual(octets, Array(octets)))
        #expect(areEqual([], []))
        for index in octets.indices {
            var other = octets
            other[index] ^= 0x80
            #expect(!areEqual(octets, other))
            #expect(!areEqual(octets, Array(octets[..<index])))
            #expect(!areEqual(Array(octets[..<index]), octets))
        }
    }
}
