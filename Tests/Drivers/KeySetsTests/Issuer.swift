import Bytes
import Crypto
import JWT
import Peers

/// A key pair of P-256, made by OpenSSL's command line, that signs tokens.
struct Issuer {
    struct Unreadable: Error {}

    let keyID: String
    /// The public half as JSON.
    let publicKey: String
    private let privateKey: PrivateKey

    init(_ keyID: String) throws {
        self.keyID = keyID
        let folder = try TemporaryFolder()
        let path = folder.path("key.pem")
        try ChildProcess.run(
            ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt"]
                + ["ec_paramgen_curve:P-256", "-out", path])
        let pem = try folder.read("key.pem")
        privateKey = try PrivateKey(pem: pem.span)
        let text = try ChildProcess.run(["openssl", "pkey", "-in", path, "-pubout"])
        let encoded = text.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
        // A SubjectPublicKeyInfo ends with the coordinates.
        let octets = Array(encoded.utf8)
        guard let point = Base64.decode(octets.span)?.suffix(64) else { throw Unreadable() }
        let x = Self.encode(Array(point.prefix(32)))
        let y = Self.encode(Array(point.suffix(32)))
        publicKey =
            #"{"kty":"EC","crv":"P-256","use":"sig","kid":"\#(keyID)","x":"\#(x)","y":"\#(y)"}"#
    }

    func token(_ claims: String = #"{"sub":"4711"}"#) throws -> [UInt8] {
        let header = #"{"alg":"ES256","kid":"\#(keyID)"}"#
        let input = Self.encode(Array(header.utf8)) + "." + Self.encode(Array(claims.utf8))
        let signature = try privateKey.sign(input.utf8.span, .p256SHA256)
        return Array((input + "." + Self.encode(signature)).utf8)
    }

    private static func encode(_ octets: [UInt8]) -> String {
        String(decoding: Base64.encodeURL(octets.span), as: UTF8.self)
    }
}
