import Bytes
import Testing

@Suite struct Base64Tests {
    /// RFC 4648 §10.
    static let vectors = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ]

    private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: vectors)
    func `the vectors of RFC 4648 go both ways`(plain: String, encoded: String) {
        let url = encoded.filter { $0 != "=" }
        #expect(Base64.encode(octets(plain).span) == octets(encoded))
        #expect(Base64.encodeURL(octets(plain).span) == octets(url))
        #expect(Base64.decode(octets(encoded).span) == octets(plain))
        #expect(Base64.decodeURL(octets(url).span) == octets(plain))
    }

    @Test func `the two alphabets differ in their last two characters`() {
        let high: [UInt8] = [0xFB, 0xEF, 0xFF]
        #expect(Base64.encode(high.span) == octets("++//"))
        #expect(Base64.encodeURL(high.span) == octets("--__"))
        #expect(Base64.decode(octets("++//").span) == high)
        #expect(Base64.decodeURL(octets("--__").span) == high)
    }

    @Test func `every octet survives at every place of a group`() {
        for octet in UInt8.min...UInt8.max {
            for place in 0..<4 {
                var plain: [UInt8] = [0x00, 0xA5, 0xFF, 0x5A]
                plain[place] = octet
                for length in 0...4 {
                    let part = Array(plain.prefix(length))
                    #expect(Base64.decode(Base64.encode(part.span).span) == part)
                    #expect(Base64.decodeURL(Base64.encodeURL(part.span).span) == part)
                }
            }
        }
    }

    @Test(arguments: [
        "A", "AAAAA", "Zg==", "Zm8=", "Zm9v=", "=", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9+", "Zm9/",
        "Zm9v\u{0}", "Zm9é", "Zh", "Zn", "Zm9", "Zm-_Zm9-_Z",
    ])
    func `base64url that is not the one spelling is refused`(text: String) {
        #expect(Base64.decodeURL(octets(text).span) == nil)
    }

    @Test(arguments: [
        "A", "AA", "AAA", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zm8", "Zm8==", "Zg==Zg==",
        "Z=g=", "=Zg=", "Zm9v====", "Zm9-", "Zm9_", "Zm9v\r\n", "Zh==", "Zm9=", "Zg=\u{0}",
    ])
    func `standard Base64 that is not the one spelling is refused`(text: String) {
        #expect(Base64.decode(octets(text).span) == nil)
    }

    @Test func `of all spellings of one octet exactly one is read`() {
        let alphabet = octets("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var spellings: [UInt8: Int] = [:]
        for first in alphabet {
            for second in alphabet {
                guard let plain = Base64.decodeURL([first, second].span) else { continue }
                #expect(plain.count == 1)
                spellings[plain[0], default: 0] += 1
            }
        }
        #expect(spellings.count == 256)
        #expect(spellings.values.allSatisfy { $0 == 1 })
    }
}
