import Bytes

/// Whether a text looks like a token, where nobody verifies it.
enum TokenForm {
    /// The shortest header there is, `{"alg":""}`, has as many.
    private static let shortestHeader = 14

    /// True for three parts of base64url with dots between them (RFC 7515 §3.1).
    static func fits(_ text: Span<UInt8>) -> Bool {
        var dots = 0
        var headerSize = 0
        for index in text.indices {
            let octet = text[index]
            if octet == UInt8(ascii: ".") {
                dots += 1
            } else if !mayHold(octet) {
                return false
            } else if dots == 0 {
                headerSize += 1
            }
        }
        return dots == 2 && headerSize >= shortestHeader
    }

    /// True for an octet that a token may hold: of base64url, or the dot between the parts.
    static func mayHold(_ octet: UInt8) -> Bool {
        ASCII.isAlpha(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: "-")
            || octet == UInt8(ascii: "_") || octet == UInt8(ascii: ".")
    }

    private static let scheme = "bearer"
    /// Octets of the scheme `Bearer`.
    static let schemeSize = scheme.utf8.count

    /// True for a value of `Authorization` with the scheme `Bearer` (RFC 6750 §2.1).
    static func isBearer(_ value: Span<UInt8>) -> Bool {
        value.count > schemeSize && value[schemeSize] == ASCII.space
            && value.extracting(0..<schemeSize).matchesIgnoringCase(scheme)
    }
}
