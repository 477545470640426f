import Bytes
package import Crypto

/// What a client's cookie says of its server: a keyed code of the group's name and the server's
/// address (HMAC-SHA256, RFC 2104), of which nobody without the key can make one, or learn an
/// address from it.
package struct StickySeal: Sendable {
    /// How many octets of a code are told; what can be guessed in 2^120 attempts is not guessed.
    private static let length = 15

    private let key: HMACKey

    /// - Throws: for an empty secret, and one that the provider of cryptography does not take.
    package init(secret: Span<UInt8>) throws(CryptoError) {
        key = try HMACKey(.sha256, secret: secret)
    }

    /// The value of the cookie, of the letters of base64url; nil when there is no memory for it.
    func code(group: String, server: String) -> String? {
        let message = Array(group.utf8) + [0] + Array(server.utf8)
        guard let code = try? key.authenticationCode(for: message.span) else { return nil }
        return String(
            decoding: Base64.encodeURL(code.span.extracting(first: Self.length)), as: UTF8.self)
    }
}
