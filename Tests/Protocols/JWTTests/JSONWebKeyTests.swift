import Bytes
import JSON
import JWT
import PublishedKeys
import Testing

private let curveKey = RFC7517.A1.members
private let numberKey =
    #""kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78L","e":"AQAB""#
private let secretKey = #""kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T""#
private let edwardsKey = RFC8037.A2.members

private func key(_ members: String) throws -> JSONWebKey {
    try JSONWebKey(object("{" + members + "}"))
}

/// The error of reading a key, or nil.
private func refusal(_ members: String) throws -> JSONWebKeyError? {
    let object = try object("{" + members + "}")
    do {
        _ = try JSONWebKey(object)
        return nil
    } catch {
        return error
    }
}

private func coordinate(_ octets: Int) -> String {
    base64URL([UInt8](repeating: 5, count: octets))
}

@Suite("JSON Web Keys")
struct JSONWebKeyTests {
    @Test("keys of every type are read")
    func types() throws {
        let rsa = try key(numberKey)
        guard case .rsa(let modulus, let exponent) = rsa.material else {
            Issue.record("\(rsa.material)")
            return
        }
        #expect(modulus.count == 36 && modulus.starts(with: [0xD2, 0xFC, 0x7B]))
        #expect(exponent == [1, 0, 1])
        let curve = try key(curveKey)
        guard case .ellipticCurve(.p256, let x, let y) = curve.material else {
            Issue.record("\(curve.material)")
            return
        }
        #expect(x.count == 32 && x.starts(with: [0x30, 0xA0]))
        #expect(y.count == 32 && y.starts(with: [0xE0, 0x4B]))
        guard case .ed25519(let point) = try key(edwardsKey).material else {
            Issue.record("no point")
            return
        }
        #expect(point.count == 32 && point.starts(with: [0xD7, 0x5A]))
        guard case .secret(let secret) = try key(secretKey).material else {
            Issue.record("no secret")
            return
        }
        #expect(secret.octets.count == 33)
    }

    @Test("curves are told apart, each with coordinates of its own length")
    func curves() throws {
        for (name, length) in [("P-256", 32), ("P-384", 48), ("P-521", 66)] {
            for other in [0, 31, 32, 33, 47, 48, 49, 65, 66, 67] {
                let members =
                    "\"kty\":\"EC\",\"crv\":\"\(name)\",\"x\":\"\(coordinate(other))\","
                    + "\"y\":\"\(coordinate(length))\""
                #expect(try refusal(members) == (other == length ? nil : .member("x")))
            }
        }
    }

    @Test("kid and alg are taken as they are")
    func members() throws {
        let named = try key(#""kid":"a b","alg":"RS512","# + numberKey)
        #expect(named.keyID == "a b" && named.algorithm == .rs512)
        #expect(!named.holdsPrivateMembers)
        let bare = try key(numberKey)
        #expect(bare.keyID == nil && bare.algorithm == nil)
        #expect(try key(#""kid":"","# + numberKey).keyID == "")
    }

    @Test(
        "what is not known, and certificates and addresses of keys, is ignored",
        arguments: [
            #""x5c":["AA"],"x5t":7,"x5u":"https://evil.example""#, #""jku":"https://evil.example""#,
            #""ext":true,"iat":1,"nbf":null,"exp":0"#, #""use":"sig""#, #""key_ops":["verify"]"#,
            #""use":"sig","key_ops":["sign","verify"]"#, #""USE":"enc""#,
        ])
    func ignored(members: String) throws {
        for base in [numberKey, curveKey, edwardsKey, secretKey] {
            #expect(try refusal(base + "," + members) == nil)
        }
    }

    @Test(
        "keys that are not for verifying these signatures are told from malformed ones",
        arguments: [
            (#""use":"enc""#, .use), (#""use":"SIG""#, .use), (#""use":"""#, .use),
            (#""use":null"#, .member("use")), (#""use":["sig"]"#, .member("use")),
            (#""key_ops":["sign"]"#, .use), (#""key_ops":[]"#, .use),
            (#""key_ops":["encrypt","wrapKey"]"#, .use), (#""key_ops":["Verify"]"#, .use),
            (#""key_ops":"verify""#, .member("key_ops")), (#""key_ops":null"#, .member("key_ops")),
            (#""key_ops":["verify",1]"#, .member("key_ops")),
            (#""key_ops":["verify","verify"]"#, .member("key_ops")),
            (#""alg":"none""#, .algorithm), (#""alg":"RSA-OAEP""#, .algorithm),
            (#""alg":"ES256K""#, .algorithm), (#""alg":"""#, .algorithm),
            (#""alg":null"#, .member("alg")), (#""alg":["RS256"]"#, .member("alg")),
            (#""kid":7"#, .member("kid")), (#""kid":null"#, .member("kid")),
        ] as [(String, JSONWebKeyError)])
    func refused(members: String, expected: JSONWebKeyError) throws {
        for base in [numberKey, curveKey, edwardsKey, secretKey] {
            #expect(try refusal(base + "," + members) == expected)
            #expect(try refusal(members + "," + base) == expected)
        }
    }

    @Test("an algorithm is for the type and the curve of the key, or the key is refused")
    func algorithms() throws {
        let fitting: [(String, [SignatureAlgorithm])] = [
            (numberKey, [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]), (curveKey, [.es256]),
            (secretKey, [.hs256, .hs384, .hs512]), (edwardsKey, [.edDSA]),
        ]
        for (base, algorithms) in fitting {
            for algorithm in SignatureAlgorithm.allCases {
                let error = try refusal(base + ",\"alg\":\"\(algorithm.rawValue)\"")
                #expect(error == (algorithms.contains(algorithm) ? nil : .algorithm))
            }
        }
    }

    @Test(
        "types and curves that no algorithm here uses are said to be that",
        arguments: [
            ("", .member("kty")), (#""kty":7"#, .member("kty")), (#""kty":null"#, .member("kty")),
            (#""kty":"rsa""#, .keyType), (#""kty":"DSA""#, .keyType), (#""kty":"""#, .keyType),
            // The sign for kelvins is no K, however alike they look.
            (edwardsKey.replacing("OKP", with: "O\u{212A}P"), .keyType),
            (#""kty":"AKP","alg":"ML-DSA-44""#, .keyType),
            (curveKey.replacing("P-256", with: "secp256k1"), .curve),
            (curveKey.replacing("P-256", with: "p-256"), .curve),
            (curveKey.replacing("P-256", with: "Ed25519"), .curve),
            (edwardsKey.replacing("Ed25519", with: "X25519"), .curve),
            (edwardsKey.replacing("Ed25519", with: "Ed448"), .curve),
            (edwardsKey.replacing("Ed25519", with: "P-256"), .curve),
            (curveKey.replacing(#""crv":"P-256","#, with: ""), .member("crv")),
            (curveKey.replacing(#""P-256""#, with: "256"), .member("crv")),
        ] as [(String, JSONWebKeyError)])
    func unsupported(members: String, expected: JSONWebKeyError) throws {
        #expect(try refusal(members) == expected)
    }

    @Test(
        "numbers are there, and in strict base64url",
        arguments: [
            (numberKey, "n"), (numberKey, "e"), (curveKey, "x"), (curveKey, "y"), (edwardsKey, "x"),
            (secretKey, "k"),
        ])
    func numbers(base: String, name: String) throws {
        let good = try #require(try object("{" + base + "}")[name]?.string)
        for value in [
            "null", "7", "[]", "\"\"", "\"=\"", "\"\(good)=\"", "\" \(good)\"", "\"\(good)\\n\"",
            "\"A\"", "\"\(good.dropLast())+\"", "\"\(good)!\"", "[\"\(good)\"]",
        ] {
            let members = base.replacing("\"\(name)\":\"\(good)\"", with: "\"\(name)\":\(value)")
            #expect(members != base)
            #expect(try refusal(members) == .member(name), "\(members)")
        }
        let without = base.replacing(",\"\(name)\":\"\(good)\"", with: "")
        #expect(try refusal(without) == .member(name))
        // Bits behind the last octet.
        if good.utf8.count % 4 == 3 {
            let spelt = base.replacing("\(good)\"", with: "\(good.dropLast())_\"")
            #expect(try refusal(spelt) == .member(name))
        }
    }

    @Test("a private half is ignored, but not unnoticed")
    func privateMembers() throws {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            let leaked = try key(numberKey + ",\"\(name)\":\"AQAB\"")
            #expect(leaked.holdsPrivateMembers)
            #expect(leaked.material == (try key(numberKey).material))
        }
        #expect(try key(edwardsKey + #","d":"nWGxne_9""#).holdsPrivateMembers)
        #expect(try key(curveKey + #","d":null"#).holdsPrivateMembers)
        #expect(try !key(secretKey).holdsPrivateMembers)
    }

    @Test("a secret shows itself nowhere")
    func secrecy() throws {
        let secret = try key(secretKey)
        var text = "\(secret) \(secret.material)"
        dump(secret, to: &text)
        debugPrint(secret, to: &text)
        #expect(text.contains("(secret)"))
        guard case .secret(let shared) = secret.material else { return }
        #expect(!text.contains("\(shared.octets[0]), \(shared.octets[1])"))
        #expect(!text.contains("- \(shared.octets[1])\n"))
    }
}
