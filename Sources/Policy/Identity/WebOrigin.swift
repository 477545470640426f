import Bytes
import HTTP

/// Where a page comes from, as browsers write it in `Origin`: `scheme://host[:port]` in lower case
/// (RFC 6454 §6.2), the scheme's own port left out; `null`; or `file://`.
struct WebOrigin: Sendable, Hashable {
    let scheme: String
    /// Nil for `null` and `file://`, which name no host.
    let authority: OriginAuthority?

    private static let opaque = "null"
    private static let file = "file"

    /// Nil for lists and for whatever else is no origin.
    init?(_ text: Span<UInt8>) {
        if text.matchesIgnoringCase(Self.opaque) {
            (scheme, authority) = (Self.opaque, nil)
            return
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            colon + 3 <= text.count, text.extracting(colon..<colon + 3).matches("://")
        else { return nil }
        for index in 0..<colon where !ASCII.isToken(text[index]) { return nil }
        scheme = text.extracting(0..<colon).text.lowercased()
        let rest = text.extracting(colon + 3..<text.count)
        if rest.isEmpty, scheme == Self.file {
            authority = nil
            return
        }
        guard let authority = OriginAuthority(rest) else { return nil }
        self.authority =
            switch scheme {
            case "http": authority.without(port: 80)
            case "https": authority.without(port: 443)
            default: authority
            }
    }

    /// Of a request's only `Origin`; nil without one, for several, and for what is none.
    init?(of fields: Fields) {
        guard fields.count(of: .origin) == 1, let range = fields.range(of: .origin) else {
            return nil
        }
        self.init(fields.bytes.span.extracting(range))
    }

    /// True for the page that a server at `host` has itself: behind TLS only one that came over
    /// TLS, too, since a page without it is anybody's on the way. Where TLS may end in front of the
    /// gateway, both may be it.
    func isSame(asHost host: OriginAuthority, isTLS: Bool) -> Bool {
        guard scheme == "https" || (scheme == "http" && !isTLS) else { return false }
        return host.without(port: isTLS ? 443 : 80) == authority
    }
}

/// `host[:port]` (RFC 3986 §3.2), the host in lower case.
struct OriginAuthority: Sendable, Hashable {
    let host: String
    private(set) var port: UInt16?

    /// Nil for what is none, user information included.
    init?(_ text: Span<UInt8>) {
        for index in text.indices where !Self.isAllowed(text[index]) { return nil }
        var end = 0
        if text.starts(with: "[") {
            guard let bracket = text.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            end = bracket + 1
        } else {
            end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.count
        }
        guard end > 0 else { return nil }
        host = text.extracting(0..<end).text.lowercased()
        if end == text.count { return }
        let digits = text.extracting(end + 1..<text.count)
        for index in digits.indices where !ASCII.isDigit(digits[index]) { return nil }
        guard text[end] == UInt8(ascii: ":"), let port = UInt16(digits.text) else { return nil }
        self.port = port
    }

    /// The same without a port that goes without saying.
    func without(port implied: UInt16) -> OriginAuthority {
        var copy = self
        if port == implied { copy.port = nil }
        return copy
    }

    private static func isAllowed(_ octet: UInt8) -> Bool {
        guard ASCII.isVisible(octet) else { return false }
        switch octet {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "@"),
            UInt8(ascii: "\\"), UInt8(ascii: ","):
            return false
        default: return true
        }
    }
}
