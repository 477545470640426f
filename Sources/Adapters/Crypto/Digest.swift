import COpenSSL

/// Hashes of octets in memory.
package enum Digest {
    /// SHA-1, 20 octets: for `Sec-WebSocket-Accept` (RFC 6455 §4.2.2), which needs no more.
    package static func sha1(_ octets: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        // unsafe: a pointer to static storage.
        try unsafe digest(octets, EVP_sha1(), length: 20)
    }

    /// SHA-256, 32 octets.
    package static func sha256(_ octets: Span<UInt8>) throws(CryptoError) -> [UInt8] {
        // unsafe: a pointer to static storage.
        try unsafe digest(octets, EVP_sha256(), length: 32)
    }

    private static func digest(
        _ octets: Span<UInt8>, _ algorithm: OpaquePointer?, length: Int
    ) throws(CryptoError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: length)
        // unsafe: C reads `octets.count` octets and writes `length`, which is what the algorithm
        // yields; both buffers outlive the call.
        let succeeded = unsafe octets.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBufferPointer { result in
                unsafe EVP_Digest(
                    input.baseAddress, input.count, result.baseAddress, nil, algorithm, nil)
            }
        }
        guard succeeded == 1 else { throw .last("EVP_Digest") }
        return output
    }
}
