import Bytes

/// Names beyond `KnownField` that only a head may carry and that `Connection` cannot take away:
/// they say who someone is, or how a message is to be read and kept.
enum GuardedNames {
    /// Compared without case; a name that ends in `-` stands for all that begin with it.
    private static let names = [
        "age", "allow", "cache-control", "content-", "expires", "pragma", "range", "set-cookie",
        "vary", "www-authenticate", "x-auth-", "x-client-id", "x-forwarded-", "x-real-ip",
        "x-session-id",
    ]

    static func contains(_ name: Span<UInt8>) -> Bool {
        names.contains { guarded in
            let length = guarded.utf8.count
            guard name.count >= length else { return false }
            guard name.count == length || guarded.utf8.last == UInt8(ascii: "-") else {
                return false
            }
            return name.extracting(0..<length).matchesIgnoringCase(guarded)
        }
    }
}
