import Bytes
import HTTP

/// Where a page comes from, as browsers write it in `Origin`: `scheme://host[:port]` in lower case
/// (RFC 6454 §6.2), the scheme's own port left out; `null`; or `file://`.
struct WebOrigin: Sendable, Hashable {
    let scheme: String
    /// Nil for `null` and `file://`, which name no host.
    let host: String?
    /// Nil for the scheme's own.
    let port: UInt16?

    private static let opaque = "null"
    private static let file = "file"

    /// Nil for lists and for whatever else is no origin.
    init?(_ text: Span<UInt8>) {
        if text.matchesIgnoringCase(Self.opaque) {
            (scheme, host, port) = (Self.opaque, nil, nil)
            return
        }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            colon + 3 <= text.count, text.extracting(colon..<colon + 3).matches("://")
        else { return nil }
        for index in 0..<colon where !ASCII.isToken(text[index]) { return nil }
        scheme = text.extracting(0..<colon).text.lowercased()
        let rest = text.extracting(colon + 3..<text.count)
        if rest.isEmpty, scheme == Self.file {
            (host, port) = (nil, nil)
            return
        }
        // A serialised origin has no empty port.
        guard text[text.count - 1] != UInt8(ascii: ":"), let authority = Authority(rest) else {
            return nil
        }
        host = authority.host
        port = Self.impliedPort(scheme).map(authority.port(unless:)) ?? authority.port
    }

    /// The only `Origin` of a request; nil without one, for several, and for one that is malformed.
    init?(of fields: Fields) {
        guard fields.count(of: .origin) == 1, let range = fields.range(of: .origin) else {
            return nil
        }
        self.init(fields.bytes.span.extracting(range))
    }

    /// True for the page that a server at `authority` has itself: behind TLS only one that came
    /// over TLS, too, since a page without it is anybody's on the way. Where TLS may end in front
    /// of the gateway, unknown to it, both may be it.
    func isSame(as authority: Authority, isTLS: Bool) -> Bool {
        guard let implied = Self.impliedPort(scheme), !isTLS || scheme == "https" else {
            return false
        }
        return host == authority.host && port == authority.port(unless: implied)
    }

    /// The port that a scheme means when none is named; nil where none is known.
    private static func impliedPort(_ scheme: String) -> UInt16? {
        switch scheme {
        case "http": 80
        case "https": 443
        default: nil
        }
    }
}
