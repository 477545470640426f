import Bytes
import Crypto
import Identity
import JWT

/// What is signed, and with which octets.
extension RefusedToken {
    private static let accounts: [(algorithm: String, keyID: String, signer: Signer)] = [
        ("HS256", "hmac", .secret), ("RS256", "rsa", .rsa), ("PS256", "rsa", .pss),
        ("ES256", "p256", .p256), ("ES512", "p521", .p521), ("EdDSA", "ed25519", .ed25519),
    ]

    private static let changes: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
        ("left out", { _ in [] }), ("cut by an octet", { Array($0.dropLast()) }),
        ("without its first octet", { Array($0.dropFirst()) }),
        ("with a zero behind", { $0 + [0] }),
        ("with a zero in front", { [0] + $0 }), ("twice", { $0 + $0 }),
        ("of zeros", { [UInt8](repeating: 0, count: $0.count) }),
        ("of ones", { [UInt8](repeating: 0xFF, count: $0.count) }),
        ("with its halves swapped", { Array($0[($0.count / 2)...]) + $0[..<($0.count / 2)] }),
        ("with its first bit changed", { [$0[0] ^ 0x80] + Array($0.dropFirst()) }),
        ("with its last bit changed", { Array($0.dropLast()) + [$0[$0.count - 1] ^ 1] }),
    ]

    static let signatures: [RefusedToken] =
        accounts.flatMap { algorithm, keyID, signer in
            changes.map { name, change in
                RefusedToken("\(algorithm), the signature \(name)", .signature) {
                    try token(
                        "{\"alg\":\"\(algorithm)\",\"kid\":\"\(keyID)\"}",
                        by: .changed(signer, change))
                }
            }
        }
        + accounts.flatMap { algorithm, _, signer in
            [
                RefusedToken("\(algorithm), the role changed afterwards", .signature) {
                    try spliced(algorithm, signer, payload: Issuer.claims(["role": "\"admin\""]))
                },
                RefusedToken("\(algorithm), a space added to the header", .signature) {
                    try spliced(algorithm, signer, header: "{\"alg\": \"\(algorithm)\"}")
                },
            ]
        }
        + [
            RefusedToken("ES256, r of zero", .signature) {
                try numbers { [UInt8](repeating: 0, count: 32) + $0[32...] }
            },
            RefusedToken("ES256, s of zero", .signature) {
                try numbers { Array($0[..<32]) + [UInt8](repeating: 0, count: 32) }
            },
            RefusedToken("ES256, both one", .signature) {
                let one = [UInt8](repeating: 0, count: 31) + [1]
                return try numbers { _ in one + one }
            },
            RefusedToken("ES256 in DER", .signature) {
                try numbers { raw in
                    // Both numbers with a zero in front, which DER allows only where needed.
                    [0x30, 70, 2, 33, 0] + raw[..<32] + [2, 33, 0] + raw[32...]
                }
            },
            RefusedToken("the signing input without its dot", .signature) {
                let (header, payload) = (segment(Array(#"{"alg":"EdDSA"}"#.utf8)), segment([]))
                let signature = try Signer.ed25519.sign(Array((header + payload).utf8))
                return "\(header).\(payload).\(segment(signature))"
            },
            RefusedToken("the payload signed before its encoding", .signature) {
                let (header, claims) = (#"{"alg":"EdDSA"}"#, Issuer.claims())
                let signature = try Signer.ed25519.sign(Array((header + "." + claims).utf8))
                return "\(segment(Array(header.utf8))).\(segment(Array(claims.utf8)))."
                    + segment(signature)
            },
        ]

    private static func numbers(
        _ change: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) throws -> String {
        try token(#"{"alg":"ES256","kid":"p256"}"#, by: .changed(.p256, change))
    }

    /// A true token of which one part was replaced afterwards.
    private static func spliced(
        _ algorithm: String, _ signer: Signer, header: String? = nil, payload: String? = nil
    ) throws -> String {
        let good = try token("{\"alg\":\"\(algorithm)\"}", by: signer)
        var parts = good.split(separator: ".").map(String.init)
        if let header { parts[0] = segment(Array(header.utf8)) }
        if let payload { parts[1] = segment(Array(payload.utf8)) }
        return parts.joined(separator: ".")
    }
}
