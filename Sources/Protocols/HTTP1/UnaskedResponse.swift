import Bytes

/// What comes on a connection to an upstream while no request is under way.
package enum UnaskedResponse {
    /// Octets that `isTimeout` has to see, if so many came.
    package static let prefixLength = 12

    /// True when it is a 408: with it some servers say that they close a connection on which no
    /// request has come for a while (RFC 9110 §15.5.9). Anything else is said by mistake.
    package static func isTimeout(_ octets: Span<UInt8>) -> Bool {
        guard octets.count >= prefixLength else { return false }
        return octets.extracting(0..<7).matches("HTTP/1.")
            && octets.extracting(8..<prefixLength).matches(" 408")
    }
}
