import COpenSSL

/// Octets nobody can guess, from OpenSSL's generator (seeded by the kernel).
package enum Random {
    /// Overwrites all of `octets`.
    package static func fill(_ octets: inout [UInt8]) throws(CryptoError) {
        if octets.isEmpty { return }
        // unsafe: C writes `count` octets into a buffer of that size that outlives the call.
        let succeeded = unsafe octets.withUnsafeMutableBufferPointer { buffer in
            unsafe RAND_bytes_ex(nil, buffer.baseAddress, buffer.count, 0)
        }
        guard succeeded == 1 else { throw .last("RAND_bytes_ex") }
    }

    package static func octets(_ count: Int) throws(CryptoError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        try fill(&octets)
        return octets
    }
}
