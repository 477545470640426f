import Bytes
import JSON
import JWT
import PublishedKeys
import Randomness
import Testing

@Suite("Tokens in compact serialization")
struct CompactTokenTests {
    @Test("the example of RFC 7515 A.1 is taken apart")
    func example() throws {
        let compact = try CompactToken(RFC7515.A1.token.utf8.span)
        #expect(compact.algorithm == "HS256")
        #expect(compact.keyID == nil)
        #expect(compact.signature.count == 32)
        #expect(compact.signature.starts(with: [116, 24, 223, 180, 151, 153, 224, 37, 79, 250]))
        let input = RFC7515.A1.token.split(separator: ".")[..<2].joined(separator: ".")
        #expect(Array(RFC7515.A1.token.utf8).text(compact.signingInput) == input)
        #expect(compact.encodedClaims == RFC7515.A1.token.split(separator: ".")[1])
        let claims = try compact.decodeClaims()
        #expect(claims.members.map(\.name) == ["iss", "exp", "http://example.com/is_root"])
        #expect(claims["iss"] == .string("joe"))
        #expect(claims["exp"]?.number?.int64 == 1_300_819_380)
        #expect(claims["http://example.com/is_root"] == .bool(true))
    }

    @Test(
        "headers that change nothing are accepted",
        arguments: [
            #"{"alg":"HS256"}"#, #"{"alg":"HS256","typ":"JWT"}"#, #"{"typ":"jwt","alg":"HS256"}"#,
            #"{"alg":"HS256","typ":"at+jwt"}"#, #"{"alg":"HS256","typ":"application/at+JWT"}"#,
            #"{"alg":"HS256","typ":"JOSE"}"#, #"{"alg":"HS256","kid":"k1","cty":"x"}"#,
            #"{"alg":"HS256","jku":"https://evil.example/keys","x5u":"https://evil.example"}"#,
            #"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"x5c":["AA"]}"#,
            " {\"alg\" :\r\n\"HS256\"}\t",
        ])
    func acceptedHeader(header: String) throws {
        #expect(failure(token(header: header)) == nil)
        #expect(try CompactToken(token(header: header).utf8.span).algorithm == "HS256")
    }

    @Test("the key identifier is a text, or the token is refused")
    func keyID() throws {
        let texts = [
            #"{"alg":"x","kid":"k1"}"#: "k1", #"{"alg":"x"}"#: nil, #"{"alg":"x","kid":""}"#: "",
            #"{"alg":"x","kid":"\u006b\u0000"}"#: "k\u{0}",
        ]
        for (header, expected) in texts {
            #expect(try CompactToken(token(header: header).utf8.span).keyID == expected)
        }
        for kid in ["7", "null", "true", "[\"k1\"]", "{}"] {
            #expect(failure(token(header: "{\"alg\":\"x\",\"kid\":\(kid)}")) == .malformed)
        }
    }

    @Test(
        "an algorithm is reported as written, also one that does not exist here",
        arguments: ["none", "None", "NONE", "nOnE", "HS256 ", "hs256", "RS256", "\u{212A}"])
    func algorithm(name: String) throws {
        let unsigned = token(header: "{\"alg\":\"\(name)\"}", signature: [])
        let compact = try CompactToken(unsigned.utf8.span)
        #expect(compact.algorithm.utf8.elementsEqual(name.utf8))
        #expect(compact.signature.isEmpty)
    }

    @Test(
        "headers that are wrong or must be understood are refused",
        arguments: [
            "", "{", "null", "[]", "\"HS256\"", "7", "{}", #"{"typ":"JWT"}"#,
            #"{"alg":null}"#, #"{"alg":256}"#, #"{"alg":["HS256"]}"#, #"{"alg":""}"#,
            #"{"ALG":"HS256"}"#, #"{"alg":"HS256","alg":"HS256"}"#,
            #"{"alg":"HS256","\u0061lg":"none"}"#, #"{"alg":"HS256"}x"#,
            #"{"alg":"HS256","typ":7}"#, #"{"alg":"HS256","typ":null}"#,
            #"{"alg":"HS256","typ":"logout+jwt"}"#, #"{"alg":"HS256","typ":"dpop+jwt"}"#,
            #"{"alg":"HS256","crit":["exp"],"exp":1}"#, #"{"alg":"HS256","crit":[]}"#,
            #"{"alg":"HS256","crit":null}"#, #"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
            #"{"alg":"HS256","b64":true}"#, #"{"alg":"HS256","x":"\ud800"}"#,
            "\u{FEFF}{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\u{0}\"}", #"{alg:"HS256"}"#,
        ])
    func refusedHeader(header: String) {
        #expect(failure(token(header: header)) == .malformed)
    }

    @Test(
        "payloads that are no claims set are refused",
        arguments: [
            "", "{", "null", "[]", "\"{}\"", "7", "true", "{}{}", #"{"sub":"a","sub":"b"}"#,
            #"{"sub":"a","s\u0075b":"b"}"#, #"{"a":{"b":1,"b":2}}"#, #"{"a":"\udc00"}"#,
            #"{"exp":01}"#, #"{"exp":NaN}"#, "{'a':1}", "\u{FEFF}{}", "{\"a\":\"\n\"}", "{} x",
            String(repeating: "[", count: 4000),
        ])
    func refusedPayload(payload: String) throws {
        _ = try CompactToken(token(payload: payload).utf8.span)
        #expect(failure(token(payload: payload)) == .malformed)
    }

    @Test("a payload that is not UTF-8 is refused")
    func payloadNotUTF8() {
        let payload = Array("{\"a\":\"".utf8) + [0xC0, 0x80] + Array("\"}".utf8)
        #expect(failure("eyJhbGciOiJIUzI1NiJ9." + base64URL(payload) + ".AAAA") == .malformed)
    }

    @Test(
        "what is not three strict base64url segments is refused",
        arguments: [
            "", ".", "..", "...", "a", "a.b", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.e30",
            ".e30.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA",
            "eyJhbGciOiJIUzI1NiJ9..e30.AAAA", ".eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
            "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA.AAAA",
            "eyJhbGciOiJIUzI1NiJ9.e30.AAA=", "eyJhbGciOiJIUzI1NiJ9.e30=.AAAA",
            "eyJhbGciOiJIUzI1NiJ9.e30.A", "eyJhbGciOiJIUzI1NiJ9.e30.AAAAA",
            "eyJhbGciOiJIUzI1NiJ9.e31.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.AB",
            "eyJhbGciOiJIUzI1NiJ9.e30.AA+A", "eyJhbGciOiJIUzI1NiJ9.e30.AA/A",
            " eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA ",
            "eyJhbGciOiJIUzI1NiJ9.e30.AAAA\n", "eyJhbGciOiJIUzI1NiJ9 .e30.AAAA",
            "eyJhbGciOiJIUzI1NiJ9.e3\r\n0.AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.AA\u{0}A",
            "eyJhbGciOiJIUzI1NiJ9.e30.ÄAAA", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA,",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA", #"{"alg":"HS256"}.{}.AAAA"#,
            "eyJhbGciOiJIUzI1NiJ9%2Ee30%2EAAAA",
        ])
    func refusedStructure(text: String) {
        #expect(failure("eyJhbGciOiJIUzI1NiJ9.e30.AAAA") == nil)
        #expect(failure(text) == .malformed)
    }

    @Test("every prefix and every octet too many is refused or changes the signature")
    func cuts() throws {
        let octets = Array(RFC7515.A1.token.utf8)
        let whole = try CompactToken(octets.span)
        for end in octets.indices {
            let prefix = Array(octets[..<end])
            guard let compact = try? CompactToken(prefix.span) else { continue }
            #expect(compact.signature.count < whole.signature.count)
            #expect(compact.signingInput == whole.signingInput)
        }
        for octet in UInt8.min...UInt8.max {
            guard let compact = try? CompactToken((octets + [octet]).span) else { continue }
            #expect(compact.signature.count == whole.signature.count + 1)
            #expect(ASCII.isAlpha(octet) || ASCII.isDigit(octet) || "-_".utf8.contains(octet))
        }
    }

    @Test("the size limit is exact")
    func size() {
        func padded(to count: Int) -> String {
            let head = "eyJhbGciOiJIUzI1NiJ9.e30."
            return head + String(repeating: "A", count: count - head.utf8.count)
        }
        #expect(CompactToken.octetLimit == 8192)
        #expect(failure(padded(to: 8192 - 1)) == nil)
        #expect(failure(padded(to: 8192)) == nil)
        #expect(failure(padded(to: 8192 + 1)) == .malformed)
        #expect(failure(padded(to: 8192 + 3)) == .malformed)
    }

    @Test("what is encoded is the compact form of its parts, and read as them")
    func encode() throws {
        let claims = try object(#"{"sub":"7","role":["admin"],"name":"접속"}"#)
        let octets = CompactToken.encode(header: try object(#"{"alg":"HS256"}"#), claims: claims) {
            input in [UInt8(input.count & 0xFF), 0xFF]
        }
        let compact = try CompactToken(octets.span)
        #expect(compact.algorithm == "HS256")
        #expect(compact.signature == [UInt8(compact.signingInput.count & 0xFF), 0xFF])
        #expect(try compact.decodeClaims() == claims)
        #expect(octets.text(0..<octets.count).hasPrefix("eyJhbGciOiJIUzI1NiJ9."))
    }

    @Test("an error of signing is the error of encoding")
    func signingFails() {
        #expect(throws: TokenError.unverifiable) {
            try CompactToken.encode(header: JSONObject(), claims: JSONObject()) {
                _ throws(TokenError) in throw .unverifiable
            }
        }
    }

    @Test("random changes never trap, and never change what is signed without showing")
    func mutations() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let octets = Array(RFC7515.A1.token.utf8)
        let whole = try CompactToken(octets.span)
        var accepted = 0
        for _ in 0..<fuzzIterations {
            let mutated = generator.mutated(octets)
            guard let compact = try? CompactToken(mutated.span) else { continue }
            accepted += 1
            let isSame = mutated == octets
            let isSameInput =
                mutated.text(compact.signingInput) == octets.text(whole.signingInput)
            #expect(isSame == (isSameInput && compact.signature == whole.signature))
            _ = try? compact.decodeClaims()
        }
        #expect(accepted > fuzzIterations / 100 && accepted < fuzzIterations - 10)
    }
}
