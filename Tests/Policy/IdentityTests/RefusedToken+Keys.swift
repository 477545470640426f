import Bytes
import Crypto
import Identity
import JWT
import PublishedKeys

/// Which algorithm, and which key.
extension RefusedToken {
    private static let unsigned = Signer.octets([])

    static let algorithms: [RefusedToken] =
        ["none", "None", "NONE", "nOnE", "none ", "null"].flatMap { name in
            [
                RefusedToken("alg \(name), no signature", .algorithm) {
                    try token("{\"alg\":\"\(name)\"}", by: unsigned)
                },
                RefusedToken("alg \(name), a true signature", .algorithm) {
                    try token("{\"alg\":\"\(name)\",\"kid\":\"rsa\"}", by: .rsa)
                },
            ]
        }
        + [
            "hs256", "HS256 ", " HS256", "HS256\\u0000", "HS\\u00322560", "HS384", "HS512", "rs256",
            "RS384", "RS512", "PS384", "PS512", "ES256K", "ES521", "eddsa", "Ed25519", "Ed448",
            "dir", "A128KW", "RSA-OAEP", "ECDH-ES", "HMACSHA256", "\\u212aS256", "https://x",
        ].map { RefusedToken(header: "{\"alg\":\"\($0)\"}", .algorithm) }
        + [
            RefusedToken("ES384 is not allowed although there is a key", .algorithm) {
                try token(#"{"alg":"ES384","kid":"p384"}"#, by: .p384)
            },
            RefusedToken("HS512 with the true secret", .algorithm) {
                try token(#"{"alg":"HS512"}"#, by: .code(Issuer.secret, .sha512))
            },
            RefusedToken("HS256 that is HMAC with SHA-512", .signature) {
                try token(#"{"alg":"HS256"}"#, by: .code(Issuer.secret, .sha512))
            },
            RefusedToken("RS256 that is PSS", .signature) {
                try token(#"{"alg":"RS256","kid":"rsa"}"#, by: .pss)
            },
            RefusedToken("PS256 that is PKCS #1", .signature) {
                try token(#"{"alg":"PS256","kid":"rsa"}"#, by: .rsa)
            },
            RefusedToken("RS256 with SHA-512", .signature) {
                try token(#"{"alg":"RS256"}"#, by: .key(.rsa, .rsaSHA512))
            },
            RefusedToken("ES256 on P-521", .signature) {
                try token(#"{"alg":"ES256"}"#, by: .p521)
            },
            RefusedToken("ES512 on P-256", .signature) {
                try token(#"{"alg":"ES512"}"#, by: .p256)
            },
            RefusedToken("EdDSA on P-256", .signature) {
                try token(#"{"alg":"EdDSA"}"#, by: .p256)
            },
            RefusedToken("ES256 with an Ed25519 signature", .signature) {
                try token(#"{"alg":"ES256"}"#, by: .ed25519)
            },
        ]

    /// What everybody may know of the RSA key, taken for a secret (RFC 8725 §2.1).
    private static let publicTexts: [(String, [UInt8])] = {
        let pem = SampleKey.rsaPublicPEM
        let base64 = pem.split(separator: "\n").dropFirst().dropLast().joined()
        return [
            ("PEM", Array(pem.utf8)), ("PEM with a line break", Array((pem + "\n").utf8)),
            ("PEM of other systems", Array(pem.replacing("\n", with: "\r\n").utf8)),
            ("Base64", Array(base64.utf8)), ("DER", Base64.decode(base64.utf8.span) ?? []),
        ]
    }()

    static let keys: [RefusedToken] =
        publicTexts.flatMap { name, octets in
            [
                RefusedToken("HS256 with the public key as \(name)", .signature) {
                    try token(#"{"alg":"HS256"}"#, by: .code(octets, .sha256))
                },
                RefusedToken("HS256 with the public key as \(name), and its kid", .algorithm) {
                    try token(#"{"alg":"HS256","kid":"rsa"}"#, by: .code(octets, .sha256))
                },
            ]
        }
        + [("none at all", []), ("a zero", [0]), ("a common one", Array("secret".utf8))].filter {
            !$0.1.isEmpty
        }.map { name, secret in
            RefusedToken("HS256 with a guessed secret: \(name)", .signature) {
                try token(#"{"alg":"HS256"}"#, by: .code(secret, .sha256))
            }
        }
        + [
            ("rsa", "ES256", Signer.p256), ("p256", "RS256", .rsa), ("hmac", "RS256", .rsa),
            ("ed25519", "ES256", .p256), ("p256", "HS256", .secret), ("p384", "ES256", .p256),
            ("p521", "EdDSA", .ed25519),
        ].map { keyID, algorithm, signer in
            RefusedToken("\(algorithm) with the kid \(keyID)", .algorithm) {
                try token("{\"alg\":\"\(algorithm)\",\"kid\":\"\(keyID)\"}", by: signer)
            }
        }
        + [
            "RSA", "rsa ", "rsa\\u0000", "rs\\u0430", "", "../../../../dev/null",
            "/proc/self/environ",
            "' UNION SELECT 'a secret' -- ", "| whoami", "https://evil.example/jwks.json", "0", "*",
            "rsa,p256", "\\ud83d\\ude00",
        ].map { keyID in
            RefusedToken("the unknown kid \(keyID)", .unknownKey) {
                try token("{\"alg\":\"RS256\",\"kid\":\"\(keyID)\"}", by: .rsa)
            }
        }
        + [
            RefusedToken("a kid of 4000 octets", .unknownKey) {
                let keyID = String(repeating: "k", count: 4000)
                return try token("{\"alg\":\"EdDSA\",\"kid\":\"\(keyID)\"}", by: .ed25519)
            }
        ]
        + strangers

    /// Keys that are not the issuer's, and that the header brings along or points to.
    private static let strangers: [RefusedToken] =
        [
            ("RS256", "rsa", Signer.key(.otherRSA, .rsaSHA256)),
            ("PS256", "rsa", .key(.otherRSA, .pssSHA256)),
            ("ES256", "p256", .key(.otherP256, .p256SHA256)),
            ("EdDSA", "ed25519", .key(.otherEd25519, .ed25519)),
        ].flatMap { algorithm, keyID, signer in
            [
                #""x":1"#, "\"kid\":\"\(keyID)\"", #""jku":"https://evil.example/jwks.json""#,
                #""x5u":"https://evil.example/cert.pem""#, #""x5c":["MIIB"]"#,
                "\"kid\":\"\(keyID)\",\"jku\":\"https://evil.example\"",
                #""jwk":{"kty":"oct","k":"AAAA"},"kid":"\#(keyID)""#,
                #""jwk":{\#(RFC8037.A2.members)}"#,
            ].map { members in
                RefusedToken("\(algorithm) by a stranger's key with \(members)", .signature) {
                    try token("{\"alg\":\"\(algorithm)\",\(members)}", by: signer)
                }
            }
        }
        + [
            RefusedToken("HS256 with an embedded secret", .signature) {
                let secret = Array("a secret that the stranger made up".utf8)
                let jwk = "{\"kty\":\"oct\",\"k\":\"\(segment(secret))\"}"
                return try token(
                    "{\"alg\":\"HS256\",\"jwk\":\(jwk)}", by: .code(secret, .sha256))
            }
        ]
}
