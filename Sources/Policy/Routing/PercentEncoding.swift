import Bytes

/// Percent-encoding (RFC 3986 §2.1) of paths and queries.
package enum PercentEncoding {
    /// `text` with its escapes decoded; what is no valid escape stays as it is. With `plusIsSpace`
    /// as forms have it (WHATWG URL §5.1). What is not UTF-8 becomes U+FFFD.
    package static func decode(_ text: Span<UInt8>, plusIsSpace: Bool = false) -> String {
        guard isEncoded(text, plusIsSpace: plusIsSpace) else { return text.text }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let octet = text[index]
            if octet == percent, let value = escape(in: text, at: index) {
                decoded.append(value)
                index += 3
            } else {
                decoded.append(plusIsSpace && octet == plus ? ASCII.space : octet)
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Decodes a segment of a path.
    static func decode(_ segment: Substring) -> String {
        segment.utf8.contains(percent) ? decode(segment.utf8.span) : String(segment)
    }

    /// True when decoding `text` may change it.
    static func isEncoded(_ text: Span<UInt8>, plusIsSpace: Bool) -> Bool {
        for index in text.indices
        where text[index] == percent || plusIsSpace && text[index] == plus {
            return true
        }
        return false
    }

    /// The octet that the escape at `index`, which holds `%`, stands for; nil when it is none.
    static func escape(in text: Span<UInt8>, at index: Int) -> UInt8? {
        guard index + 2 < text.count, let high = ASCII.hexValue(text[index + 1]),
            let low = ASCII.hexValue(text[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// `text` as part of a path: what may not stand there as it is, is escaped; valid escapes and
    /// slashes stay.
    static func encode(path: String) -> String {
        let text = path.utf8.span
        var encoded: [UInt8] = []
        for index in text.indices {
            let octet = text[index]
            let isKept =
                octet == UInt8(ascii: "/") || isPathOctet(octet)
                || octet == percent && escape(in: text, at: index) != nil
            if isKept { encoded.append(octet) } else { append(escaping: octet, to: &encoded) }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    static func append(escaping octet: UInt8, to text: inout [UInt8]) {
        text.append(percent)
        text.append(upperHexDigit(octet >> 4))
        text.append(upperHexDigit(octet & 15))
    }

    /// ALPHA DIGIT `-._~` (RFC 3986 §2.3): their escapes mean the same as they do.
    static func isUnreserved(_ octet: UInt8) -> Bool {
        ASCII.isAlpha(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: "-")
            || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "_")
            || octet == UInt8(ascii: "~")
    }

    /// `pchar` without escapes (RFC 3986 §3.3): what a segment may hold as it is.
    static func isPathOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"),
            UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: ":"),
            UInt8(ascii: "@"):
            true
        default: isUnreserved(octet)
        }
    }

    private static let percent = UInt8(ascii: "%")
    private static let plus = UInt8(ascii: "+")

    private static func upperHexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
