import JWT
import Testing

@Suite("Signature algorithms")
struct SignatureAlgorithmTests {
    @Test("there are thirteen, each found by its name alone")
    func names() {
        #expect(SignatureAlgorithm.allCases.count == 13)
        for algorithm in SignatureAlgorithm.allCases {
            #expect(SignatureAlgorithm(spelled: algorithm.rawValue) == algorithm)
        }
    }

    @Test(
        "whatever is spelt otherwise does not exist",
        arguments: [
            "", "none", "None", "NONE", "nOnE", "hs256", "Hs256", "HS256 ", " HS256", "HS256\u{0}",
            "HS-256", "ES256K", "ES521", "eddsa", "EDDSA", "Ed25519", "Ed448", "RSA", "RS1", "dir",
            "A128KW", "RSA-OAEP", "ＨＳ256", "HS256\u{301}", "HS2\u{200B}56", "ΗS256",
        ])
    func unknown(name: String) {
        #expect(SignatureAlgorithm(spelled: name) == nil)
    }

    @Test("each is for one type of key, and those of curves for one curve")
    func keyTypes() {
        for algorithm in SignatureAlgorithm.allCases {
            let expected: JSONWebKey.KeyType =
                switch algorithm.rawValue.prefix(2) {
                case "HS": .octets
                case "RS", "PS": .rsa
                case "ES": .ellipticCurve
                case _: .octetKeyPair
                }
            #expect(algorithm.keyType == expected)
            #expect((algorithm.curve == nil) == (expected == .octets || expected == .rsa))
            if let curve = algorithm.curve { #expect(curve.keyType == expected) }
        }
        #expect(SignatureAlgorithm.es512.curve == .p521)
    }
}
