import Bytes
import Crypto
import Identity
import JSON
import JWT
import Randomness
import Settings
import Testing

/// Tokens somebody made to get in (RFC 8725 §2). Where a case is about something else than the
/// signature, the signature is true, so that nothing else can be what refuses it.
@Suite("Forged and malformed tokens")
struct TokenAttackTests {
    @Test(
        "an unsecured token is refused, however it spells that",
        arguments: ["none", "None", "NONE", "nOnE", "none ", "", "null"])
    func none(name: String) throws {
        let header = segment(Array("{\"alg\":\"\(name)\",\"typ\":\"JWT\"}".utf8))
        let payload = segment(Array(#"{"sub":"1","role":"admin"}"#.utf8))
        let expected: TokenError = name.isEmpty ? .malformed : .algorithm
        #expect(try failure("\(header).\(payload).") == expected)
        #expect(try failure("\(header).\(payload).AAAA") == expected)
        #expect(try failure(signed(header: "{\"alg\":\"\(name)\"}", "{}")) == expected)
        #expect(try failure("\(header).\(payload)") == .malformed)
    }

    @Test(
        "an algorithm that is not allowed is refused although the signature is true",
        arguments: [
            "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES512", "EdDSA",
            "hs256",
            "HS256 ", " HS256", "HS256\\u0000", "HMACSHA256", "dir", "A128KW", "SHA256",
            "HS25\\u0036x",
        ])
    func algorithm(name: String) throws {
        #expect(try failure(signed(header: "{\"alg\":\"\(name)\"}", "{}")) == .algorithm)
    }

    @Test("a public key used as a secret convinces nobody (RFC 8725 §2.1)")
    func keyConfusion() throws {
        let publicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
        #expect(try failure(signed("{}", secret: publicKey)) == .signature)
        #expect(
            try failure(signed(header: #"{"alg":"RS256"}"#, "{}", secret: publicKey)) == .algorithm)
    }

    @Test("keys that a header brings along are not used")
    func embeddedKeys() throws {
        let secret = "an attacker's own secret, long enough"
        let key = segment(Array(secret.utf8))
        for header in [
            "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"\(key)\"}}",
            #"{"alg":"HS256","jku":"https://evil.example/jwks.json","kid":"1"}"#,
            #"{"alg":"HS256","x5u":"https://evil.example/cert.pem"}"#,
            "{\"alg\":\"HS256\",\"x5c\":[\"\(key)\"]}",
            #"{"alg":"HS256","kid":"../../../../dev/null"}"#,
            #"{"alg":"HS256","kid":"' UNION SELECT 'x"}"#,
        ] {
            #expect(try failure(signed(header: header, "{}", secret: secret)) == .signature)
            #expect(try failure(signed(header: header, "{}")) == nil)
        }
    }

    @Test(
        "a truly signed header that is wrong or unknown is refused",
        arguments: [
            #"{"alg":"HS256","crit":["exp"]}"#, #"{"alg":"HS256","crit":[]}"#,
            #"{"alg":"HS256","b64":false}"#, #"{"alg":"HS256","alg":"HS256"}"#,
            #"{"alg":"none","alg":"HS256"}"#, #"{"alg":["HS256"]}"#, "[]", "\"HS256\"", "{}", "",
            #"{"alg":"HS256"} {}"#, #"{"alg":"HS256","typ":"logout+jwt"}"#, "{\"alg\":\"HS256\"",
            "\u{FEFF}{\"alg\":\"HS256\"}",
        ])
    func header(header: String) throws {
        #expect(try failure(signed(header: header, "{}")) == .malformed)
    }

    @Test(
        "a truly signed payload that is no claims set is refused",
        arguments: [
            "", "null", "[]", "7", "\"{}\"", "{", "{}{}", #"{"sub":"1","sub":"2"}"#,
            #"{"sub":"1","\u0073ub":"2"}"#, #"{"sub":"\ud800"}"#, "{'sub':'1'}", #"{"exp":1.}"#,
            #"{"exp":0x7fffffff}"#, "\u{FEFF}{}", "{\"sub\":\"\u{0}\"}",
        ])
    func payload(payload: String) throws {
        #expect(try failure(signed(payload)) == .malformed)
    }

    @Test("a truly signed payload that is not UTF-8 is refused")
    func notUTF8() throws {
        for octets in [[0xFF], [0xC0, 0xAE], [0xED, 0xA0, 0x80]] as [[UInt8]] {
            let payload = Array("{\"sub\":\"".utf8) + octets + Array("\"}".utf8)
            #expect(try failure(signed(payload)) == .malformed)
        }
    }

    @Test(
        "dates that are no numbers, and dates that have passed, are refused",
        arguments: [
            (#"{"exp":"9999999999"}"#, .claim), (#"{"exp":null}"#, .claim),
            (#"{"exp":true}"#, .claim), (#"{"exp":[9999999999]}"#, .claim),
            (#"{"exp":{}}"#, .claim), (#"{"nbf":"0"}"#, .claim), (#"{"iat":"0"}"#, .claim),
            (#"{"exp":0}"#, .expired), (#"{"exp":-1e400}"#, .expired), (#"{"exp":1e-9}"#, .expired),
            (#"{"exp":1799999970}"#, .expired), (#"{"exp":1799999970.0}"#, .expired),
            (#"{"nbf":1e300}"#, .notYetValid), (#"{"iat":99999999999999999999}"#, .notYetValid),
            (#"{"exp":1e400}"#, nil), (#"{"exp":99999999999999999999}"#, nil),
            (#"{"exp":1799999971}"#, nil), (#"{"nbf":1800000030}"#, nil),
        ] as [(String, TokenError?)])
    func dates(claims: String, expected: TokenError?) throws {
        #expect(try failure(signed(claims)) == expected)
    }

    @Test("a true token written in another way is refused")
    func respelt() throws {
        let token = try signed(#"{"sub":"1"}"#)
        let parts = token.split(separator: ".").map(String.init)
        let (header, payload, signature) = (parts[0], parts[1], parts[2])
        #expect(try failure(token) == nil)
        for text in [
            token + "=", token + "==", token + ".", "." + token, token + " ", " " + token,
            token + "\n", token + "\u{0}", "\(token).\(signature)", "\(header).\(payload)",
            "\(header)=.\(payload).\(signature)", "\(header).\(payload)..\(signature)",
            ".\(payload).\(signature)",
            "\(header).\(payload).\n\(signature)",
            "Bearer \(token)", "\"\(token)\"", "\(token),\(token)", "", "...",
        ] {
            #expect(try failure(text) == .malformed, "\(text.debugDescription)")
        }
    }

    @Test("changing the unused bits at the end of the signature does not make a second spelling")
    func trailingBits() throws {
        let token = try signed(#"{"sub":"1"}"#)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        let accepted = try alphabet.filter { last in
            try failure(token.dropLast() + String(last)) == nil
        }
        #expect(accepted == token.suffix(1))
    }

    @Test("an empty, a shortened and a borrowed signature are refused")
    func signature() throws {
        let token = try signed(#"{"sub":"1","role":"user"}"#)
        let parts = token.split(separator: ".").map(String.init)
        let admin = segment(Array(#"{"sub":"1","role":"admin"}"#.utf8))
        #expect(try failure("\(parts[0]).\(admin).\(parts[2])") == .signature)
        #expect(try failure("\(parts[0]).\(parts[1]).") == .signature)
        #expect(try failure("\(parts[0])..\(parts[2])") == .signature)
        #expect(try failure("\(parts[0]).\(parts[1]).AA") == .signature)
        #expect(try failure("\(parts[0]).\(parts[1]).\(parts[2].dropLast(3))") == .signature)
        #expect(try failure(signed("{}", secret: secretText + "x")) == .signature)
        #expect(try failure(token.replacing(".", with: "%2E")) == .malformed)
    }

    @Test("a token over 8 KiB is refused although it is true")
    func size() throws {
        func token(_ count: Int) throws -> String {
            try signed("{\"a\":\"" + String(repeating: "x", count: count) + "\"}")
        }
        #expect(try failure(token(6000)) == nil)
        #expect(try failure(token(6200)) == .malformed)
        #expect(try failure(String(repeating: "A", count: 1_000_000)) == .malformed)
    }

    @Test("nesting and numbers meant to exhaust the reader are refused or harmless")
    func exhaustion() throws {
        let deep = String(repeating: "[", count: 2900) + String(repeating: "]", count: 2900)
        #expect(try failure(signed("{\"a\":\(deep)}")) == .malformed)
        let long = String(repeating: "9", count: 5000)
        #expect(try failure(signed("{\"exp\":\(long)}")) == nil)
        #expect(try failure(signed("{\"exp\":0.\(long)}")) == .expired)
    }

    @Test("no random change of a true token is believed")
    func mutations() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let authenticator = try Authenticator(settings())
        let token = Array(try signed(#"{"sub":"1","role":["a","b"],"exp":1900000000}"#).utf8)
        var errors: Set<TokenError> = []
        for _ in 0..<fuzzIterations {
            let mutated = generator.mutated(token)
            if mutated == token { continue }
            do {
                _ = try authenticator.authenticate(mutated.span, now: now)
                Issue.record("believed: \(mutated.text(mutated.indices))")
            } catch {
                errors.insert(error)
            }
        }
        #expect(
            errors == [.malformed, .signature] || errors == [.malformed, .signature, .algorithm])
    }

    @Test("a truly signed payload of random octets never traps and never names a user")
    func randomPayloads() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let seed = Array(#"{"sub":"7","role":["a"],"exp":1900000000,"aud":["x"],"nbf":1.5e3}"#.utf8)
        var accepted = 0
        for _ in 0..<fuzzIterations {
            let token = try signed(generator.mutated(seed))
            guard let identity = try? authenticate(token) else { continue }
            accepted += 1
            #expect(identity.user?.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } ?? true)
        }
        #expect(accepted > fuzzIterations / 100)
    }
}
