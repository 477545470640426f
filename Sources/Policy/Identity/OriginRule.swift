import Bytes
package import Endings
package import HTTP
package import Settings

/// May a page of this origin do that here? Browsers attach cookies to any request, wherever the
/// page that makes it comes from (RFC 6265 §8.2), and to WebSocket handshakes without a same-origin
/// policy of their own (RFC 6455 §10.2).
///
/// To be asked for every WebSocket handshake, and for every request that a cookie lets in and that
/// takes a seat or changes something (`changesSomething`). A page that sends a token in a header or
/// in the query knows the token, and does not act with the cookie of another user.
package struct OriginRule: Sendable {
    private let allowsAny: Bool
    private let listed: Set<WebOrigin>

    /// - Parameter crossOrigin: pages that may make requests with cookies (`cors … credentials on`)
    ///   pass besides those of `origins`.
    package init(
        _ origins: RouteSettings.Origins, besides crossOrigin: RouteSettings.CrossOrigin? = nil
    ) {
        var texts: [String] = []
        switch origins {
        case .sameOrigin: allowsAny = false
        case .any: allowsAny = true
        case .listed(let origins): (allowsAny, texts) = (false, origins)
        }
        if let crossOrigin, crossOrigin.allowsCredentials,
            case .listed(let more) = crossOrigin.origins
        {
            texts += more
        }
        listed = Set(texts.compactMap { WebOrigin($0.utf8.span) })
    }

    /// Passes a request whose origin is listed, or has the host and port that were asked; and one
    /// without `Origin` that no browser says to come from elsewhere (`Sec-Fetch-Site`, W3C Fetch
    /// Metadata §2.4): browsers leave `Origin` out of some requests, other clients send neither.
    ///
    /// `authority` is the host that the request is for, nil when it names none; with `isTLS` its
    /// scheme is `https`. Without `isTLS` the scheme is not known: a proxy that the configuration
    /// does not name may speak TLS in front of the gateway, so that a page of either scheme passes.
    ///
    /// Throws for every other origin, and for more than one.
    package func check(
        _ fields: Fields, authority: Authority?, isTLS: Bool
    ) throws(Refusal) {
        if allowsAny || passes(fields, authority, isTLS) { return }
        throw Refusal(.policy, detail: "origin", message: "Origin not allowed")
    }

    /// False for methods that are defined to change nothing (RFC 9110 §9.2.1).
    package static func changesSomething(_ method: Method) -> Bool {
        switch method {
        case .get, .head, .options, .trace: false
        case .post, .put, .delete, .connect, .patch, .other: true
        }
    }

    private func passes(_ fields: Fields, _ authority: Authority?, _ isTLS: Bool) -> Bool {
        let site = Self.site(fields)
        guard fields.contains(.origin) else { return site != .elsewhere }
        guard let origin = WebOrigin(of: fields) else { return false }
        if listed.contains(origin) { return true }
        // A page that hides where its links lead to hides its own origin as well.
        if origin.host == nil { return site == .same }
        return authority.map { origin.isSame(as: $0, isTLS: isTLS) } ?? false
    }

    private enum Site {
        case unknown, same, elsewhere
    }

    private static func site(_ fields: Fields) -> Site {
        var site = Site.unknown
        for line in fields.lines where line.known == .other {
            let span = fields.bytes.span
            guard span.extracting(line.name).matchesIgnoringCase("sec-fetch-site") else { continue }
            let value = span.extracting(line.value)
            if value.matches("same-origin") {
                if site == .unknown { site = .same }
            } else if !value.matches("none") {
                site = .elsewhere
            }
        }
        return site
    }
}
