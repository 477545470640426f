import Bytes

/// The challenges of RFC 6750 §3.
enum BearerChallenge {
    /// What the gateway protects, for all of its challenges.
    static let realm = "gateway"

    /// For a request that brought no token (§3.1).
    static func missing(realm: String) -> String { "Bearer realm=\"" + quotable(realm) + "\"" }

    static func invalidToken(realm: String, _ description: String) -> String {
        missing(realm: realm) + ", error=\"invalid_token\", error_description=\"\(description)\""
    }

    /// `text` without what a quoted string cannot hold as it is (RFC 9110 §5.6.4).
    private static func quotable(_ text: String) -> String {
        let octets = text.utf8.filter { octet in
            (ASCII.isVisible(octet) || octet == ASCII.space)
                && octet != UInt8(ascii: "\"") && octet != UInt8(ascii: "\\")
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
