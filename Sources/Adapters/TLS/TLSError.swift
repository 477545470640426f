internal import COpenSSL

/// Why a certificate, a key or a context could not be made.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence for an operator; names files, never their contents.
    package var message: String

    package var description: String { message }

    package init(_ message: String) { self.message = message }
}

/// Why a live TLS session failed.
package enum TLSFailure: Error, Sendable, Equatable {
    /// The first octets were a plain HTTP request.
    case plainHTTP
    /// No protocol version, cipher or application protocol in common, or a broken record.
    case protocolError
    /// The server's certificate proves nothing; on the client side only.
    case certificate(CertificateFault)
}

/// Why the certificate of a server was not accepted (RFC 5280 §6, RFC 9525).
package enum CertificateFault: Error, Sendable, Hashable, CustomStringConvertible {
    case expired
    case notYetValid
    /// The certificate is for other names or addresses.
    case wrongHost
    /// None of the authorities that are believed has signed it.
    case unknownAuthority
    /// Any other, by its number (X509_STORE_CTX_get_error(3)).
    case other(Int)

    package var description: String {
        switch self {
        case .expired: "the certificate has expired"
        case .notYetValid: "the certificate is not valid yet"
        case .wrongHost: "the certificate is for another host"
        case .unknownAuthority: "the certificate is signed by an unknown authority"
        case .other(let code): "the certificate was refused (\(Self.words(for: code)))"
        }
    }
}

/// OpenSSL's error queue, one a thread. A session's read that only needs more octets is told from a
/// failure by the queue being empty (SSL_get_error(3)), so nobody may leave anything in it.
enum OpenSSLErrors {
    /// Empties the queue and answers its first entry's reason code, 0 for none.
    static func takeReason() -> Int32 {
        let code = ERR_get_error()
        ERR_clear_error()
        return code == 0 ? 0 : ERR_GET_REASON(code)
    }

    /// Empties the queue and answers its first entry in words.
    static func takeText() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        // The reason string is a static table entry of the library, or null.
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
            return "unknown error"
        }
        // The table entry is null-terminated text.
        return unsafe String(cString: reason)
    }

    /// For before a session's call: what others of the thread may have left counts for nothing.
    @inline(__always)
    static func clear() {
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }
}
