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
    /// names or means. `authority` is whom the request is for, nil when it does not say; with
    /// `isTLS` its scheme is `https`. Without, it is not known: somebody in front of us may speak
    /// TLS of whom we were not told, so that a page of either scheme passes.
    ///
    /// Throws for every other origin, for `null` and for more than one.
    package func check(
        _ fields: Fields, authority: Authority?, isTLS: Bool
    ) throws(Refusal) {
        guard !allowsAny, let range = fields.range(of: .origin) else { return }
        if fields.count(of: .origin) == 1, let origin = Origin(fields.bytes.span.extracting(range))
        {
            if listed.contains(origin) { return }
            if let authority, let port = origin.impliedPort, origin.host == authority.host,
                !isTLS || origin.scheme == "https", origin.port == authority.port(unless: port)
            {
                return
            }
        }
        throw Refusal(.policy, detail: "origin", message: "Origin not allowed")
    }
}

/// `scheme://host[:port]` (RFC 6454 §7.1).
private struct Origin: Sendable, Hashable {
    /// In lower case.
    let scheme: String
    let host: String
    /// Nil for the scheme's own.
    let port: UInt16?

    /// Nil for `null`, for lists and for whatever else is no origin.
    init?(_ text: Span<UInt8>) {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            colon + 3 <= text.count, text.extracting(colon..<colon + 3).matches("://")
        else { return nil }
        for index in 0..<colon where !ASCII.isToken(text[index]) { return nil }
        // A serialised origin has no empty port.
        guard text[text.count - 1] != UInt8(ascii: ":"),
            let authority = Authority(text.extracting(colon + 3..<text.count))
        else { return nil }
        scheme = text.extracting(0..<colon).text.lowercased()
        host = authority.host
        port = Self.impliedPort(scheme).map(authority.port(unless:)) ?? authority.port
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
