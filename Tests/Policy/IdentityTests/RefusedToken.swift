import Bytes
import Identity
import JWT
import Randomness
import Testing

/// A token that somebody made to get in, or that is broken, and what it is refused for. Where a
/// case is about something else than the signature, the signature is true.
struct RefusedToken: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: TokenError
    var make: @Sendable () throws -> String

    var testDescription: String { name }

    init(
        _ name: String, _ expected: TokenError, _ make: @escaping @Sendable () throws -> String
    ) {
        self.name = name
        self.expected = expected
        self.make = make
    }

    /// With a true code of the issuer's secret.
    init(header: String, _ expected: TokenError) {
        self.init("header \(header)", expected) { try token(header, by: .secret) }
    }

    /// With a true signature of the issuer's P-256 key.
    init(payload: String, _ expected: TokenError) {
        self.init("payload \(payload)", expected) {
            try token(#"{"alg":"ES256","kid":"p256"}"#, payload, by: .p256)
        }
    }

    /// As above, good but for these claims.
    init(_ changes: KeyValuePairs<String, String?>, _ expected: TokenError) {
        self.init(payload: Issuer.claims(changes), expected)
    }

    /// A good token, written in another way.
    init(
        respelt name: String, _ expected: TokenError = .malformed,
        _ change: @escaping @Sendable (_ token: String, _ parts: [String]) -> String
    ) {
        self.init(name, expected) {
            let good = try token(#"{"alg":"EdDSA","kid":"ed25519"}"#, by: .ed25519)
            return change(good, good.split(separator: ".").map(String.init))
        }
    }

    static let all = algorithms + keys + headers + forms + signatures + claims
}

@Suite("Tokens that are refused, each for its reason")
struct RefusedTokenTests {
    private let authenticator: Authenticator

    init() throws { authenticator = try Issuer.authenticator() }

    @Test("every one", arguments: RefusedToken.all)
    func refused(attempt: RefusedToken) throws {
        #expect(failure(try attempt.make(), by: authenticator) == attempt.expected)
    }

    @Test("there are many, and no two are alike")
    func many() {
        #expect(RefusedToken.all.count > 150)
        #expect(Set(RefusedToken.all.map(\.name)).count == RefusedToken.all.count)
    }

    @Test("and what they were made from is believed, with every algorithm, with and without kid")
    func believed() throws {
        let signers: [(String, String, Signer)] = [
            ("HS256", "hmac", .secret), ("RS256", "rsa", .rsa), ("PS256", "rsa", .pss),
            ("ES256", "p256", .p256), ("ES512", "p521", .p521), ("EdDSA", "ed25519", .ed25519),
        ]
        for (algorithm, keyID, signer) in signers {
            for header in [
                "{\"alg\":\"\(algorithm)\"}", "{\"alg\":\"\(algorithm)\",\"kid\":\"\(keyID)\"}",
                "{\"typ\":\"JWT\",\"kid\":\"\(keyID)\",\"alg\":\"\(algorithm)\"}",
            ] {
                #expect(failure(try token(header, by: signer), by: authenticator) == nil)
            }
        }
        let harmless: KeyValuePairs<String, String?> = [
            "nbf": "0", "jti": "null", "exp": "1800000600.5", "x": "[1,{\"y\":null}]",
        ]
        let header = #"{"alg":"ES256","kid":"p256","x5t":"AA","cty":"JWT","zip":"DEF"}"#
        let other = try token(header, Issuer.claims(harmless), by: .p256)
        #expect(failure(other, by: authenticator) == nil)
    }

    @Test("nor is any random change of a true token believed, whatever its algorithm")
    func mutations() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        let signers: [(String, Signer)] = [
            ("RS256", .rsa), ("ES256", .p256), ("EdDSA", .ed25519), ("HS256", .secret),
        ]
        let tokens = try signers.map { algorithm, signer in
            Array(try token("{\"alg\":\"\(algorithm)\"}", by: signer).utf8)
        }
        for round in 0..<fuzzIterations {
            let good = tokens[round % tokens.count]
            var other = generator.mutated(good)
            // Every other time the header stays, so that the rest is looked at.
            if round / tokens.count % 2 == 0, let dot = good.firstIndex(of: UInt8(ascii: ".")) {
                other = good[...dot] + generator.mutated(Array(good[(dot + 1)...]))
            }
            if other == good { continue }
            let identity = try? authenticator.authenticate(other.span, now: now)
            #expect(identity == nil, "\(other.text(other.indices))")
        }
    }
}
