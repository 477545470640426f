import COpenSSL

/// A secret made ready for message authentication codes (HMAC, RFC 2104) with one hash: a key and
/// its algorithm are one thing, so a code made with another hash is never valid here.
///
/// May be used by any number of threads at once.
package struct HMACKey: Sendable {
    package enum Algorithm: Sendable, Hashable, CaseIterable {
        case sha256, sha384, sha512

        /// Octets of a code.
        package var length: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }

        fileprivate var name: String {
            switch self {
            case .sha256: "SHA256"
            case .sha384: "SHA384"
            case .sha512: "SHA512"
            }
        }
    }

    package let algorithm: Algorithm
    private let context: KeyedContext

    /// Fails for an empty secret, and for one the provider refuses (FIPS has a shortest length).
    package init(_ algorithm: Algorithm, secret: Span<UInt8>) throws(CryptoError) {
        guard !secret.isEmpty else { throw CryptoError("HMACKey", reason: "the secret is empty") }
        self.algorithm = algorithm
        context = try KeyedContext(digestName: algorithm.name, secret: secret)
    }

    package func authenticationCode(for message: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        try context.authenticationCode(for: message, length: algorithm.length)
    }

    /// True when `code` is the code of `message`, whole; compared in constant time.
    package func isValid(
        _ code: Span<UInt8>, for message: Span<UInt8>
    ) throws(CryptoError) -> Bool {
        let expected = try authenticationCode(for: message)
        return constantTimeEquals(code, expected.span)
    }
}

/// An `EVP_MAC_CTX` that was given its key and is never changed afterwards: every code is computed
/// in a duplicate, which saves the key schedule and needs no lock.
@safe private final class KeyedContext: Sendable {
    // unsafe: shared by threads, but only ever read after `init` (EVP_MAC_CTX_dup takes it const).
    nonisolated(unsafe) private let context: OpaquePointer

    private init() throws(CryptoError) {
        // unsafe: a reference of our own, given back below.
        guard let algorithm = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else {
            throw .last("EVP_MAC_fetch")
        }
        // unsafe: given back once; the context takes a reference of its own.
        defer { unsafe EVP_MAC_free(algorithm) }
        // unsafe: this object is the one owner of the context; `deinit` gives it back.
        guard let context = unsafe EVP_MAC_CTX_new(algorithm) else {
            throw .last("EVP_MAC_CTX_new")
        }
        // unsafe: the context just made.
        unsafe self.context = context
    }

    convenience init(digestName: String, secret: Span<UInt8>) throws(CryptoError) {
        try self.init()
        guard setKey(digestName: digestName, secret: secret) else { throw .last("EVP_MAC_init") }
    }

    deinit {
        // unsafe: the one owner gives it back.
        unsafe EVP_MAC_CTX_free(context)
    }

    private func setKey(digestName: String, secret: Span<UInt8>) -> Bool {
        // unsafe: C copies name and key before it returns; `count` octets of the key are read.
        unsafe secret.withUnsafeBufferPointer { key in
            unsafe shim_hmac_init(context, digestName, key.baseAddress, key.count) == 1
        }
    }

    func authenticationCode(
        for message: Span<UInt8>, length: Int
    ) throws(CryptoError) -> [UInt8] {
        // unsafe: a copy of our own, freed once below.
        guard let copy = unsafe EVP_MAC_CTX_dup(context) else { throw .last("EVP_MAC_CTX_dup") }
        // unsafe: the copy made above.
        defer { unsafe EVP_MAC_CTX_free(copy) }
        // unsafe: C reads `count` octets of a buffer that outlives the call.
        let updated = unsafe message.withUnsafeBufferPointer { buffer in
            unsafe EVP_MAC_update(copy, buffer.baseAddress, buffer.count)
        }
        guard updated == 1 else { throw .last("EVP_MAC_update") }
        var code = [UInt8](repeating: 0, count: length)
        var written = 0
        // unsafe: C writes at most `count` octets and says how many.
        let finished = unsafe code.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_MAC_final(copy, buffer.baseAddress, &written, buffer.count)
        }
        guard finished == 1, written == length else { throw .last("EVP_MAC_final") }
        return code
    }
}
