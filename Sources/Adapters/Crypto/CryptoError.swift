import COpenSSL

/// An operation OpenSSL refused or could not finish. Nothing of keys or data is in it.
package struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The OpenSSL function.
    package let operation: String
    /// OpenSSL's own words, for the log.
    package let reason: String

    package var description: String { "\(operation): \(reason)" }

    package init(_ operation: String, reason: String) {
        self.operation = operation
        self.reason = reason
    }

    /// Takes the reason from this thread's error queue and leaves the queue empty: what stays in it
    /// would be mistaken for an error of the next TLS operation.
    static func last(_ operation: String) -> CryptoError {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        // unsafe: a C string of static storage, or NULL for codes without text.
        guard code != 0, let words = unsafe ERR_reason_error_string(code) else {
            return CryptoError(operation, reason: "no reason given")
        }
        // unsafe: copied at once from the static C string above.
        return CryptoError(operation, reason: unsafe String(cString: words))
    }
}
