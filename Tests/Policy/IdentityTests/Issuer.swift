import Bytes
import Clock
import Crypto
import Identity
import JSON
import JWT
import Settings

/// Who makes the tokens of these tests, and the rule that believes them: a key of every kind, each
/// with a name.
enum Issuer {
    static let secret = Array("a secret of the issuer, 37 octets long".utf8)

    /// ES384 is not among them, although there is a key for it.
    static let algorithms: [SignatureAlgorithm] = [
        .hs256, .rs256, .ps256, .es256, .es512, .edDSA,
    ]

    static func ring() throws -> KeyRing {
        KeyRing([
            try VerificationKey(keyID: "hmac", secret: secret.span, algorithms: algorithms),
            try VerificationKey(
                keyID: "rsa", SampleKey.rsa.publicKey(), algorithms: algorithms),
            try VerificationKey(
                keyID: "p256", SampleKey.p256.publicKey(), algorithms: algorithms),
            try VerificationKey(keyID: "p384", SampleKey.p384.publicKey(), algorithms: [.es384]),
            try VerificationKey(
                keyID: "p521", SampleKey.p521.publicKey(), algorithms: algorithms),
            try VerificationKey(
                keyID: "ed25519", SampleKey.ed25519.publicKey(), algorithms: algorithms),
        ])
    }

    static func authenticator(_ ring: KeyRing? = nil) throws -> Authenticator {
        let settings = settings {
            $0.issuer = "https://auth.example.kr"
            $0.audiences = ["hospital"]
        }
        return try Authenticator(
            settings, algorithms: algorithms, keys: ring ?? Self.ring(), maxAge: .seconds(3600),
            requiredClaims: ["sub", "exp"])
    }

    /// Claims that pass all rules, but for what `changes` says: members to set, or with nil to
    /// leave out.
    static func claims(_ changes: KeyValuePairs<String, String?> = [:]) -> String {
        var members: [(name: String, value: String?)] = [
            ("iss", "\"https://auth.example.kr\""), ("aud", "[\"board\",\"hospital\"]"),
            ("sub", "\"7\""), ("role", "\"nurse\""), ("iat", "1799999990"), ("exp", "1800000600"),
        ]
        for (name, value) in changes {
            members.removeAll { $0.name == name }
            members.append((name, value))
        }
        let texts = members.compactMap { member in
            member.value.map { "\"\(member.name)\":\($0)" }
        }
        return "{" + texts.joined(separator: ",") + "}"
    }
}

/// What makes a signature: a true one, or one somebody made up.
enum Signer: Sendable {
    case code([UInt8], HMACKey.Algorithm)
    case key(SampleKey, SignatureScheme)
    case octets([UInt8])
    /// What another signer makes, changed.
    indirect case changed(Signer, @Sendable ([UInt8]) -> [UInt8])

    static let secret = Signer.code(Issuer.secret, .sha256)
    static let rsa = Signer.key(.rsa, .rsaSHA256)
    static let pss = Signer.key(.rsa, .pssSHA256)
    static let p256 = Signer.key(.p256, .p256SHA256)
    static let p384 = Signer.key(.p384, .p384SHA384)
    static let p521 = Signer.key(.p521, .p521SHA512)
    static let ed25519 = Signer.key(.ed25519, .ed25519)

    func sign(_ input: [UInt8]) throws -> [UInt8] {
        switch self {
        case .code(let secret, let hash):
            return try HMACKey(hash, secret: secret.span).authenticationCode(for: input.span)
        case .key(let key, let scheme): return try key.privateKey().sign(input.span, scheme)
        case .octets(let octets): return octets
        case .changed(let signer, let change): return change(try signer.sign(input))
        }
    }
}

/// A token with any header and payload, signed as said.
func token(
    _ header: String, _ payload: String = Issuer.claims(), by signer: Signer
) throws -> String {
    try token(Array(header.utf8), Array(payload.utf8), by: signer)
}

func token(_ header: [UInt8], _ payload: [UInt8], by signer: Signer) throws -> String {
    let input = segment(header) + "." + segment(payload)
    return try input + "." + segment(signer.sign(Array(input.utf8)))
}

/// The error of `authenticator` about `token`, or nil.
func failure(_ token: String, by authenticator: Authenticator) -> TokenError? {
    do {
        _ = try authenticator.authenticate(token.utf8.span, now: now)
        return nil
    } catch {
        return error
    }
}
