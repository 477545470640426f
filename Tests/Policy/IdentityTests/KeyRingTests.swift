import Bytes
import Crypto
import Identity
import JSON
import JWT
import Testing

private let secret = [UInt8](repeating: 7, count: 64)

private func named(
    _ keyID: String?, _ algorithms: [SignatureAlgorithm] = [.hs256]
) throws -> VerificationKey {
    try VerificationKey(keyID: keyID, secret: secret.span, algorithms: algorithms)
}

/// What the ring answers: the names of the keys, or the error.
private func answer(
    _ ring: KeyRing, _ keyID: String?, _ algorithm: SignatureAlgorithm = .hs256
) -> Result<[String?], TokenError> {
    Result { () throws(TokenError) in
        try ring.candidates(keyID: keyID, algorithm: algorithm).map(\.keyID)
    }
}

@Suite("Which keys are tried")
struct KeyRingTests {
    @Test("a kid that is known chooses its keys and no other")
    func known() throws {
        let ring = KeyRing([try named("a"), try named("b"), try named("a"), try named(nil)])
        #expect(answer(ring, "a") == .success(["a", "a"]))
        #expect(answer(ring, "b") == .success(["b"]))
        #expect(answer(ring, "b", .hs512) == .failure(.algorithm))
        #expect(answer(ring, "b", .rs256) == .failure(.algorithm))
    }

    @Test("another kid chooses the keys without one, or none")
    func unknown() throws {
        let ring = KeyRing([try named("a"), try named(nil)])
        #expect(answer(ring, "c") == .success([nil]))
        #expect(answer(ring, "c", .hs384) == .failure(.unknownKey))
        #expect(answer(KeyRing([try named("a")]), "c") == .failure(.unknownKey))
        #expect(answer(KeyRing([]), "c") == .failure(.unknownKey))
    }

    @Test("without a kid all keys for the algorithm are tried, in their order")
    func none() throws {
        let ring = KeyRing([
            try named("a", [.hs512]), try named("b"), try named(nil),
            try named("c", [.hs256, .hs512]),
        ])
        #expect(answer(ring, nil) == .success(["b", nil, "c"]))
        #expect(answer(ring, nil, .hs512) == .success(["a", "c"]))
        #expect(answer(ring, nil, .edDSA) == .failure(.unknownKey))
        #expect(answer(KeyRing([]), nil) == .failure(.unknownKey))
    }

    @Test("a kid is compared octet by octet")
    func spelling() throws {
        // The first is e with an accent in one code point, the second in two.
        let ring = KeyRing([try named("caf\u{E9}"), try named("K")])
        #expect(answer(ring, "caf\u{E9}") == .success(["caf\u{E9}"]))
        for keyID in ["cafe\u{301}", "\u{212A}", "k", "K ", "K\u{0}", ""] {
            #expect(answer(ring, keyID) == .failure(.unknownKey))
        }
        #expect(answer(KeyRing([try named("")]), "") == .success([""]))
    }

    @Test("a forged token costs a bounded number of signatures, with and without kid")
    func bound() throws {
        let count = KeyRing.attemptLimit + 5
        let ring = KeyRing(try (0..<count).map { _ in try named("a") })
        #expect(try answer(ring, "a").get().count == KeyRing.attemptLimit)
        #expect(try answer(ring, nil).get().count == KeyRing.attemptLimit)
    }

    @Test("of several keys with the same kid any may have signed")
    func sameName() throws {
        let other = [UInt8](repeating: 8, count: 64)
        let ring = KeyRing([
            try VerificationKey(keyID: "a", secret: other.span, algorithms: [.hs256]),
            try named("a"),
        ])
        let authenticator = try Authenticator(settings(), algorithms: [.hs256], keys: ring)
        let header = #"{"alg":"HS256","kid":"a"}"#
        for signer in [Signer.code(secret, .sha256), .code(other, .sha256)] {
            #expect(failure(try token(header, "{}", by: signer), by: authenticator) == nil)
        }
        let third = Signer.code([UInt8](repeating: 9, count: 64), .sha256)
        #expect(failure(try token(header, "{}", by: third), by: authenticator) == .signature)
    }
}

@Suite("Keys and the algorithms they are used with")
struct VerificationKeyTests {
    private static let all = SignatureAlgorithm.allCases

    @Test("of the algorithms allowed a key takes those of its kind")
    func kinds() throws {
        let table: [(SampleKey, [SignatureAlgorithm])] = [
            (.rsa, [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]), (.p256, [.es256]),
            (.p384, [.es384]), (.p521, [.es512]), (.ed25519, [.edDSA]),
        ]
        for (sample, algorithms) in table {
            let key = try VerificationKey(sample.publicKey(), algorithms: Self.all)
            #expect(key.algorithms == algorithms)
            #expect(key.keyID == nil && key.weakness == nil)
            let rest = Self.all.filter { !algorithms.contains($0) }
            #expect(throws: UnusableKey.self) {
                try VerificationKey(sample.publicKey(), algorithms: rest)
            }
        }
        let shared = try VerificationKey(secret: secret.span, algorithms: Self.all)
        #expect(shared.algorithms == [.hs256, .hs384, .hs512])
        #expect(throws: UnusableKey.noAlgorithm(kind: "a secret")) {
            try VerificationKey(secret: secret.span, algorithms: [.rs256])
        }
    }

    @Test("a signature of an algorithm the key is not used with is not valid")
    func bound() throws {
        let key = try VerificationKey(SampleKey.rsa.publicKey(), algorithms: [.rs256])
        let input = Array("input".utf8)
        let signature = try Signer.rsa.sign(input)
        #expect(try key.isValid(signature.span, for: input.span, by: .rs256))
        for algorithm in Self.all where algorithm != .rs256 {
            #expect(try !key.isValid(signature.span, for: input.span, by: algorithm))
        }
    }

    @Test("a key of a set is used with its own algorithm, if that is allowed")
    func ownAlgorithm() throws {
        func key(_ members: String) throws -> JSONWebKey {
            try JSONWebKey(
                object(#"{"kty":"oct","kid":"x","k":"\#(segment(secret))"\#(members)}"#))
        }
        let bare = try VerificationKey(key(""), algorithms: [.hs512, .rs256, .hs256])
        #expect(bare.algorithms == [.hs512, .hs256] && bare.keyID == "x")
        let bound = try VerificationKey(key(#","alg":"HS384""#), algorithms: Self.all)
        #expect(bound.algorithms == [.hs384])
        #expect(throws: UnusableKey.self) {
            try VerificationKey(key(#","alg":"HS384""#), algorithms: [.hs256])
        }
    }

    @Test("numbers that are no key make the key unusable, and the others of the set stay")
    func unusable() throws {
        let point = segment([UInt8](repeating: 5, count: 32))
        let small = segment([1] + [UInt8](repeating: 0, count: 31))
        let set = """
            {"keys":[
                {"kty":"EC","kid":"off","crv":"P-256","x":"\(point)","y":"\(point)"},
                {"kty":"OKP","kid":"small","crv":"Ed25519","x":"\(small)"},
                {"kty":"RSA","kid":"short","n":"\(point)","e":"AQAB"},
                {"kty":"oct","kid":"good","k":"\(point)"},
                {"kty":"oct","kid":"other","k":"\(point)","alg":"HS512"}
            ]}
            """
        let (usable, unusable) = KeyRing.keys(
            of: try JSONWebKeySet(set.utf8.span), algorithms: [.hs256, .es256, .edDSA, .rs256])
        #expect(usable.map(\.keyID) == ["good"])
        #expect(unusable.map(\.keyID) == ["off", "small", "short", "other"])
        #expect(
            unusable.map(\.reason) == [
                .key(.invalid(.p256)), .key(.invalid(.ed25519)), .key(.modulusSize(251)),
                .noAlgorithm(kind: "a secret"),
            ])
    }

    @Test("a secret is weak when it is shorter than a hash it is used with")
    func weakSecrets() throws {
        let table: [(Int, [SignatureAlgorithm], WeakKey?)] = [
            (32, [.hs256], nil), (64, Self.all, nil), (47, [.hs256], nil),
            (31, [.hs256], .secret(keyID: "k", octets: 31, algorithm: .hs256, needed: 32)),
            (47, [.hs384], .secret(keyID: "k", octets: 47, algorithm: .hs384, needed: 48)),
            (63, Self.all, .secret(keyID: "k", octets: 63, algorithm: .hs512, needed: 64)),
            (
                1, [.rs256, .hs512, .hs256],
                .secret(keyID: "k", octets: 1, algorithm: .hs512, needed: 64)
            ),
        ]
        for (count, algorithms, expected) in table {
            let secret = [UInt8](repeating: 0xA5, count: count)
            let key = try VerificationKey(
                keyID: "k", secret: secret.span, algorithms: algorithms)
            #expect(key.weakness == expected)
            let description = key.weakness?.description ?? ""
            #expect(!description.contains("165") && !description.lowercased().contains("a5"))
        }
        let empty: [UInt8] = []
        #expect(throws: UnusableKey.self) {
            try VerificationKey(secret: empty.span, algorithms: [.hs256])
        }
    }

    @Test("an RSA key is weak under 2048 bits, and works all the same")
    func weakModulus() throws {
        let key = try VerificationKey(SampleKey.weakRSA.publicKey(), algorithms: Self.all)
        #expect(key.weakness == .modulus(keyID: nil, bits: 1024))
        let strong = try VerificationKey(SampleKey.rsa.publicKey(), algorithms: Self.all)
        #expect(strong.weakness == nil)
        let authenticator = try Authenticator(
            settings(), algorithms: [.rs256], keys: KeyRing([key]))
        let token = try token(#"{"alg":"RS256"}"#, "{}", by: .key(.weakRSA, .rsaSHA256))
        #expect(failure(token, by: authenticator) == nil)
        #expect(
            WeakKey.modulus(keyID: "old", bits: 1024).description
                == "the RSA key 'old' has 1024 bits; 2048 are needed")
    }
}
