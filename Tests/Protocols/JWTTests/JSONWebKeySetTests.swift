import Bytes
import JSON
import JWT
import PublishedKeys
import Randomness
import Testing

private let octetsOfSecret = #"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}"#

private func keySet(_ text: String) -> Result<JSONWebKeySet, JSONWebKeyError> {
    Result { () throws(JSONWebKeyError) in try JSONWebKeySet(text.utf8.span) }
}

private func refusal(_ text: String) -> JSONWebKeyError? {
    if case .failure(let error) = keySet(text) { error } else { nil }
}

private func numbered(_ id: String) -> String {
    #"{"kty":"oct","kid":"\#(id)","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}"#
}

@Suite("Sets of JSON Web Keys")
struct JSONWebKeySetTests {
    @Test("keys keep their order, also when several have the same kid")
    func order() throws {
        let ids = ["b", "a", "b", "c"]
        let set = try keySet("{\"keys\":[\(ids.map(numbered).joined(separator: ","))]}").get()
        #expect(set.keys.map(\.keyID) == ids)
        #expect(set.skipped == [])
    }

    @Test("keys that cannot be used are skipped, with the reason")
    func skipped() throws {
        let elements = [
            numbered("1"), #"{"kty":"AKP"}"#, "7", numbered("2"), #"{"kty":"RSA"}"#, "{}",
            #"{"kty":"oct","k":"AAAA","use":"enc"}"#, "null", "[]",
            #"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#, #"{"kty":"oct","k":"AAAA","alg":"dir"}"#,
            numbered("3"),
        ]
        let set = try keySet("{\"keys\":[\(elements.joined(separator: ","))],\"x\":1}").get()
        #expect(set.keys.map(\.keyID) == ["1", "2", "3"])
        #expect(set.skipped.map(\.index) == [1, 2, 4, 5, 6, 7, 8, 9, 10])
        #expect(
            set.skipped.map(\.reason) == [
                .keyType, .member("keys"), .member("n"), .member("kty"), .use, .member("keys"),
                .member("keys"), .curve, .algorithm,
            ])
    }

    @Test("a set may be empty, or hold a single key without an array around it")
    func single() throws {
        #expect(try keySet(#"{"keys":[]}"#).get().keys == [])
        #expect(try keySet(octetsOfSecret).get().keys.count == 1)
        #expect(refusal(#"{"kty":"oct"}"#) == .member("k"))
        #expect(refusal(#"{"kty":"RSA","use":"enc"}"#) == .use)
    }

    @Test(
        "what is no set is refused",
        arguments: [
            ("", .notJSON), ("{", .notJSON), ("[]", .notJSON), ("null", .notJSON),
            ("{}x", .notJSON),
            ("\"keys\"", .notJSON), ("{}", .noKeys), (#"{"Keys":[]}"#, .noKeys),
            (#"{"keys":{}}"#, .member("keys")), (#"{"keys":null}"#, .member("keys")),
            (#"{"keys":"[]"}"#, .member("keys")), (#"{"keys":[],"keys":[]}"#, .notJSON),
            (#"{"keys":[{"kty":"oct","k":"AAAA","k":"AAAA"}]}"#, .notJSON),
            (#"{"keys":[{"kty":"oct","k":"AAAA","\u006b":"AAAA"}]}"#, .notJSON),
            ("\u{FEFF}{\"keys\":[]}", .notJSON), (#"{"keys":[,]}"#, .notJSON),
            ("<html><body>Login</body></html>", .notJSON),
            (#"{"keys":"# + String(repeating: "[", count: 40), .notJSON),
        ] as [(String, JSONWebKeyError)])
    func refused(text: String, expected: JSONWebKeyError) {
        #expect(refusal(text) == expected)
    }

    @Test("a hundred keys are read and one more is too many")
    func keyLimit() throws {
        func text(_ count: Int) -> String {
            let keys = (0..<count).map { numbered(String($0)) }.joined(separator: ",")
            return "{\"keys\":[\(keys)]}"
        }
        #expect(try keySet(text(JSONWebKeySet.keyLimit)).get().keys.count == 100)
        #expect(refusal(text(JSONWebKeySet.keyLimit + 1)) == .tooManyKeys)
        let others = String(repeating: "0,", count: 100) + "0"
        #expect(refusal("{\"keys\":[\(others)]}") == .tooManyKeys)
    }

    @Test("the limit of octets is exact")
    func octetLimit() {
        let text = #"{"keys":[]}"#
        let space = JSONWebKeySet.octetLimit - text.utf8.count
        #expect(refusal(text + String(repeating: " ", count: space)) == nil)
        #expect(refusal(text + String(repeating: " ", count: space + 1)) == .tooLarge)
    }

    @Test("every error has words of its own")
    func words() {
        let errors: [JSONWebKeyError] = [
            .tooLarge, .notJSON, .noKeys, .tooManyKeys, .member("n"), .keyType, .curve, .use,
            .algorithm,
        ]
        #expect(Set(errors.map(\.description)).count == errors.count)
    }

    private static let seeds = [
        "{\"keys\":[\(numbered("1")),\(octetsOfSecret)]}",
        #"{"keys":[{"use":"sig","kid":"1","alg":"ES256","key_ops":["verify"],"#
            + RFC7517.A1.members + "}]}",
        #"{"d":"AA",\#(RFC8037.A2.members)}"#,
        #"{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQ","e":"AQAB","kid":"2010"}]}"#,
    ]

    @Test("random changes never trap, and never make a key of a wrong form")
    func mutations() {
        var generator = SeededGenerator(seed: fuzzSeed)
        var accepted = 0
        for round in 0..<fuzzIterations {
            let text = generator.mutated(Array(Self.seeds[round % Self.seeds.count].utf8))
            guard let set = try? JSONWebKeySet(text.span) else { continue }
            accepted += set.keys.isEmpty ? 0 : 1
            #expect(set.keys.count <= JSONWebKeySet.keyLimit)
            for key in set.keys { #expect(Self.isWellFormed(key)) }
        }
        #expect(accepted > fuzzIterations / 100 && accepted < fuzzIterations)
    }

    private static func isWellFormed(_ key: JSONWebKey) -> Bool {
        switch key.material {
        case .rsa(let modulus, let exponent): !modulus.isEmpty && !exponent.isEmpty
        case .ellipticCurve(let curve, let x, let y):
            curve != .ed25519 && x.count == curve.coordinateLength && y.count == x.count
        case .ed25519(let point): point.count == 32
        case .secret(let secret): !secret.octets.isEmpty
        }
    }
}
