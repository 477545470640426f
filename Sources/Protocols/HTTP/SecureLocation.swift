import Bytes

/// What an `https` URI says (RFC 9110 §4.2.2): whom to ask, and for what.
package struct SecureLocation: Sendable, Hashable {
    /// A name in lower case or a numeric address, an IPv6 one without its brackets.
    package let host: String
    package let port: UInt16
    /// Path and query, as a request has them.
    package let target: String

    package static let defaultPort: UInt16 = 443

    package init(host: String, port: UInt16 = defaultPort, target: String = "/") {
        self.host = host
        self.port = port
        self.target = target
    }

    /// The value of `Host` (RFC 9110 §7.2).
    package var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == Self.defaultPort ? name : "\(name):\(port)"
    }

    /// Where a redirect to `reference` leads (RFC 9110 §10.2.2, RFC 3986 §5.2); nil for anything
    /// that is not `https`, names a user, or is no reference at all. Dot segments are left to the
    /// server.
    package func following(_ reference: String) -> SecureLocation? {
        // The fragment is for the client that asked, not for the server.
        let text = Array(reference.utf8.prefix { $0 != UInt8(ascii: "#") })
        guard text.allSatisfy(ASCII.isVisible) else { return nil }
        let span = text.span
        if let scheme = Self.schemeLength(text) {
            guard span.extracting(0..<scheme).matchesIgnoringCase("https"),
                span.extracting(scheme..<text.count).starts(with: "://")
            else { return nil }
            return Self.absolute(text[(scheme + 3)...])
        }
        if span.starts(with: "//") { return Self.absolute(text[2...]) }
        let reference = String(decoding: text, as: UTF8.self)
        switch text.first {
        case nil: return self
        case UInt8(ascii: "/"): return SecureLocation(host: host, port: port, target: reference)
        case UInt8(ascii: "?"):
            return SecureLocation(host: host, port: port, target: path + reference)
        default:
            let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
            return SecureLocation(host: host, port: port, target: folder + reference)
        }
    }

    private var path: String { String(target.prefix { $0 != "?" }) }

    /// What comes before the first colon, if that is a scheme (RFC 3986 §3.1).
    private static func schemeLength(_ text: [UInt8]) -> Int? {
        let isScheme = { (octet: UInt8) in
            ASCII.isAlpha(octet) || ASCII.isDigit(octet) || "+-.".utf8.contains(octet)
        }
        let length = text.prefix(while: isScheme).count
        guard length > 0, ASCII.isAlpha(text[0]), length < text.count else { return nil }
        return text[length] == UInt8(ascii: ":") ? length : nil
    }

    /// Authority and target, the scheme and `//` taken off.
    private static func absolute(_ text: ArraySlice<UInt8>) -> SecureLocation? {
        let octets = Array(text.prefix { !Authority.isEnd($0) })
        guard let authority = Authority(octets.span), authority.port != 0 else { return nil }
        let rest = String(decoding: text.dropFirst(octets.count), as: UTF8.self)
        return SecureLocation(
            host: authority.host, port: authority.port ?? defaultPort,
            target: rest.hasPrefix("/") ? rest : "/" + rest)
    }
}
