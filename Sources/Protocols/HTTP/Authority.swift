import Bytes

/// Host and port as `Host` and the target of a request carry them (RFC 9110 §7.2, RFC 3986 §3.2).
package enum Authority {
    /// True for `name`, `name:port`, `[IPv6]` and `[IPv6]:port`.
    ///
    /// Stricter than RFC 3986 on purpose: names hold letters, digits and `-._~` only. User
    /// information, escapes and sub-delimiters never occur in a name of the DNS, but would cross
    /// the grammar of `X-Forwarded-Host`, `Forwarded` and `Location`, where the host travels on.
    package static func isLegal(_ text: Span<UInt8>) -> Bool {
        guard !text.isEmpty else { return false }
        var index = 0
        if text[0] == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")), close >= 3 else {
                return false
            }
            for position in 1..<close where !isAddressOctet(text[position]) { return false }
            index = close + 1
        } else {
            while index < text.count, isNameOctet(text[index]) { index += 1 }
            guard index > 0 else { return false }
        }
        return index == text.count || isPort(text.extracting(index..<text.count))
    }

    /// The host of a legal authority as routes compare it: lower case, without port, without the
    /// brackets of an IPv6 address, without the dot at the end of an absolute name.
    package static func host(of authority: String) -> String {
        let octets = authority.utf8
        var start = octets.startIndex
        var end = octets.endIndex
        if octets.first == UInt8(ascii: "[") {
            start = octets.index(after: start)
            end = octets.firstIndex(of: UInt8(ascii: "]")) ?? end
        } else {
            end = octets.firstIndex(of: UInt8(ascii: ":")) ?? end
            if octets[start..<end].last == UInt8(ascii: ".") { end = octets.index(before: end) }
        }
        let host = octets[start..<end]
        guard host.contains(where: { ASCII.lowercased($0) != $0 }) else {
            return String(Substring(host))
        }
        return String(decoding: host.map(ASCII.lowercased), as: UTF8.self)
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
