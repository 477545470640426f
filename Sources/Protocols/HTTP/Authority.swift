import Bytes

/// Host and port as `Host` and the target of a request carry them (RFC 9110 §7.2, RFC 3986 §3.2):
/// made once when the request comes, and asked by routes, origins, redirects, logs and upstreams.
package struct Authority: Sendable, Hashable {
    /// The host as routes compare it: lower case, without the brackets of an IPv6 address, without
    /// the dot at the end of an absolute name.
    package let host: String
    /// Nil when none is named; an empty one (RFC 3986 §3.2.3) counts as none.
    package let port: UInt16?
    /// As the client wrote it.
    package let text: String

    /// Nil for what is no authority, or one that `isLegal(_:)` refuses.
    package init?(_ text: Span<UInt8>) {
        guard let end = Self.hostEnd(text) else { return nil }
        let written = text.text
        self.text = written
        port = Self.port(text.extracting(end..<text.count))
        var name = 0..<end
        if text[0] == UInt8(ascii: "[") {
            name = 1..<end - 1
        } else if text[end - 1] == UInt8(ascii: ".") {
            name = 0..<end - 1
        }
        host = Self.lowercased(text, name, written)
    }

    package init?(_ text: String) { self.init(text.utf8.span) }

    /// The host as a URI has it: an IPv6 address in brackets.
    package var uriHost: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

    /// The port, nil when it is the one that goes without saying.
    package func port(unless implied: UInt16) -> UInt16? { port == implied ? nil : port }

    /// True for `name`, `name:port`, `[IPv6]` and `[IPv6]:port`.
    ///
    /// Stricter than RFC 3986 on purpose: names hold letters, digits and `-._~` only. User
    /// information, escapes and sub-delimiters never occur in a name of the DNS, but would cross
    /// the grammar of `X-Forwarded-Host`, `Forwarded` and `Location`, where the host travels on.
    package static func isLegal(_ text: Span<UInt8>) -> Bool { hostEnd(text) != nil }

    /// Where the host of a legal authority ends; nil for one that is not.
    private static func hostEnd(_ text: Span<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        var index = 0
        if text[0] == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")), close >= 3 else {
                return nil
            }
            for position in 1..<close where !isAddressOctet(text[position]) { return nil }
            index = close + 1
        } else {
            while index < text.count, isNameOctet(text[index]) { index += 1 }
            // A dot alone is no name.
            guard index > 1 || index == 1 && text[0] != UInt8(ascii: ".") else { return nil }
        }
        return index == text.count || isPort(text.extracting(index..<text.count)) ? index : nil
    }

    private static func lowercased(
        _ text: Span<UInt8>, _ range: Range<Int>, _ written: String
    ) -> String {
        let name = text.extracting(range)
        if !name.hasUppercase { return name.count == text.count ? written : name.text }
        return String(decoding: name.array.map(ASCII.lowercased), as: UTF8.self)
    }

    /// The number behind the colon of a legal port.
    private static func port(_ text: Span<UInt8>) -> UInt16? {
        guard text.count > 1 else { return nil }
        var port: UInt16 = 0
        for index in 1..<text.count { port = port * 10 + UInt16(text[index] - 0x30) }
        return port
    }

    /// `:` and at most five digits; a port may be empty (RFC 3986 §3.2.3).
    private static func isPort(_ text: Span<UInt8>) -> Bool {
        guard text[0] == UInt8(ascii: ":"), text.count <= 6 else { return false }
        var port = 0
        for index in 1..<text.count {
            guard ASCII.isDigit(text[index]) else { return false }
            port = port * 10 + Int(text[index] - 0x30)
        }
        return port <= 65_535
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        ASCII.isAlpha(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: "-")
            || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "_")
            || octet == UInt8(ascii: "~")
    }

    private static func isAddressOctet(_ octet: UInt8) -> Bool {
        ASCII.hexValue(octet) != nil || octet == UInt8(ascii: ":") || octet == UInt8(ascii: ".")
    }
}

extension Authority {
    /// Where the authority of an absolute `http:` or `https:` URI begins, or nil when `text` is
    /// none (RFC 9110 §4.2). It ends before the first octet for which `isEnd` holds.
    package static func start(ofAbsolute text: Span<UInt8>) -> Int? {
        for scheme in ["http://", "https://"] where text.count > scheme.utf8.count {
            let length = scheme.utf8.count
            if text.extracting(0..<length).matchesIgnoringCase(scheme) { return length }
        }
        return nil
    }

    /// True for what ends an authority: `/`, `?` and `#` (RFC 3986 §3.2).
    package static func isEnd(_ octet: UInt8) -> Bool {
        octet == UInt8(ascii: "/") || octet == UInt8(ascii: "?") || octet == UInt8(ascii: "#")
    }
}
