import Bytes
import HTTP

/// Names beyond `KnownField` that only a head may carry and that `Connection` cannot take away:
/// they say who someone is, or how a message is to be read and kept. Compared as apps read them.
enum GuardedNames {
    /// A name that ends in `-` stands for all that begin with it.
    private static let names = [
        "age", "allow", "cache-control", "content-", "expires", "pragma", "proxy", "range",
        "set-cookie", "vary", "www-authenticate", "x-auth-", "x-client-id", "x-session-id",
    ]

    static func contains(_ name: Span<UInt8>) -> Bool {
        if KnownField(mistaking: name) != .other || ProxyClaims.contains(name) { return true }
        return names.contains { guarded in
            guarded.utf8.last == UInt8(ascii: "-")
                ? name.readsAs(prefix: guarded) : name.readsAs(guarded)
        }
    }
}
