import Bytes
package import Endings
package import HTTP
package import Settings

/// May a page of this origin open a socket here? Browsers attach cookies to any handshake and
/// apply no same-origin policy of their own (cross-site WebSocket hijacking, RFC 6455 §10.2). To
/// be asked for WebSocket handshakes only.
package struct OriginRule: Sendable {
    private let allowsAny: Bool
    private let listed: [Origin]

    package init(_ origins: RouteSettings.Origins) {
        switch origins {
        case .sameOrigin: (allowsAny, listed) = (false, [])
        case .any: (allowsAny, listed) = (true, [])
        case .listed(let texts):
            allowsAny = false
            listed = texts.compactMap { Origin($0.utf8.span) }
        }
    }

    /// Passes a request without `Origin` (it comes from no browser), one whose origin is listed,
    /// and one whose origin is the one that was asked: scheme, host, and the port that either
    /// names or means. `authority` is the request's `Host`, as the client sees it; with `isTLS` its
    /// scheme is `https`. Without, it is not known: somebody in front of us may speak TLS of whom
    /// we were not told, so that a page of either scheme passes.
    ///
    /// Throws for every other origin, for `null` and for more than one.
    package func check(
        _ fields: Fields, authority: String?, isTLS: Bool
    ) throws(Refusal) {
        guard !allowsAny, let range = fields.range(of: .origin) else { return }
        if fields.count(of: .origin) == 1, let origin = Origin(fields.bytes.span.extracting(range))
        {
            if listed.contains(origin) { return }
            if let authority, let host = Authority(authority.utf8.span),
                let port = origin.impliedPort, !isTLS || origin.scheme == "https",
                host.without(port: port) == origin.authority
            {
                return
            }
        }
        throw Refusal(.policy, detail: "origin", message: "Origin not allowed")
    }
}

/// `scheme://host[:port]` (RFC 6454 §7.1) in lower case; the scheme's own port is left out.
private struct Origin: Sendable, Hashable {
    let scheme: String
    let authority: Authority

    /// Nil for `null`, for lists and for whatever else is no origin.
    init?(_ text: Span<UInt8>) {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            colon + 3 <= text.count, text.extracting(colon..<colon + 3).matches("://")
        else { return nil }
        for index in 0..<colon where !ASCII.isToken(text[index]) { return nil }
        guard let authority = Authority(text.extracting(colon + 3..<text.count)) else { return nil }
        scheme = text.extracting(0..<colon).text.lowercased()
        self.authority = Self.impliedPort(scheme).map(authority.without) ?? authority
    }

    /// The port it means when it names none; nil where the scheme has none that we know.
    var impliedPort: UInt16? { Self.impliedPort(scheme) }

    private static func impliedPort(_ scheme: String) -> UInt16? {
        switch scheme {
        case "http": 80
        case "https": 443
        default: nil
        }
    }
}

/// `host[:port]` (RFC 3986 §3.2), the host in lower case.
private struct Authority: Sendable, Hashable {
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
    func without(port implied: UInt16) -> Authority {
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
