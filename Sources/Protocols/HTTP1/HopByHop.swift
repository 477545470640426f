import Bytes
package import HTTP

/// Which field lines of one message end at this hop (RFC 9110 §7.6.1). Made once a message, asked
/// once a line.
///
/// Dropped are `Connection` and what it names, `Keep-Alive`, `Proxy-Connection`, `TE`,
/// `Transfer-Encoding` and `Upgrade`, and the proxy's own `Proxy-Authenticate` and
/// `Proxy-Authorization`. `Trailer` stays: trailers travel on (RFC 9110 §6.6.2).
///
/// `Connection` cannot take end-to-end fields away: what it names is ignored when the gateway acts
/// upon that field or vouches for it (`Host`, `Content-Length`, `Cookie`, `X-Forwarded-…`,
/// `X-Auth-…`). No honest sender names those, and dropping them is a known attack.
package struct HopByHop: Sendable {
    /// Names that `Connection` lists and that must be looked for.
    private var nominated: [Range<Int>] = []

    /// More names than this no honest sender lists; further ones are not looked for.
    private static let maximumNominatedCount = 32

    package init(_ fields: Fields) {
        guard fields.contains(.connection) else { return }
        let span = fields.bytes.span
        var elements = ListElements(of: .connection, in: fields)
        while let element = elements.next(), nominated.count < Self.maximumNominatedCount {
            let name = span.extracting(element)
            if KnownField(name: name) == .other, !name.matchesIgnoringCase("close"),
                !GuardedNames.contains(name)
            {
                nominated.append(element)
            }
        }
    }

    /// True when `line`, one of the `fields` this was made of, must not travel on.
    package func isDropped(_ line: Fields.Line, of fields: Fields) -> Bool {
        switch line.known {
        case .connection, .keepAlive, .proxyAuthenticate, .proxyAuthorization, .proxyConnection,
            .te, .transferEncoding, .upgrade:
            return true
        case .other:
            if nominated.isEmpty { return false }
            let span = fields.bytes.span
            for name in nominated
            where span.extracting(name).matchesIgnoringCase(span.extracting(line.name)) {
                return true
            }
            return false
        default: return false
        }
    }
}
