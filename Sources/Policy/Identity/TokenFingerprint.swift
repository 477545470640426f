import Bytes
import Crypto

/// What stands for a token in memory: the SHA-256 of the token together with what an authenticator
/// drew at random, so that no two authenticators, and no two sets of keys of one, have the same
/// fingerprint for the same token.
struct TokenFingerprint: Sendable, Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(of token: Span<UInt8>, salt: [UInt8]) throws(CryptoError) {
        var octets = salt
        octets.append(copying: token)
        let digest = try Digest.sha256(octets.span)
        words = (
            Self.word(digest, 0), Self.word(digest, 1), Self.word(digest, 2), Self.word(digest, 3)
        )
    }

    static func == (left: TokenFingerprint, right: TokenFingerprint) -> Bool {
        left.words == right.words
    }

    /// The digest is as good a hash as any part of it.
    func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    private static func word(_ digest: [UInt8], _ index: Int) -> UInt64 {
        digest[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
