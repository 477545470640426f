import Bytes

/// Strings (RFC 8259 §7).
extension JSONReader {
    /// Reads from the opening to the closing quote.
    mutating func readString(_ input: Span<UInt8>) throws(JSONError) -> String {
        index += 1
        let start = index
        try skipPlain(input)
        if input[index] == UInt8(ascii: "\"") {
            defer { index += 1 }
            return input.extracting(start..<index).text
        }
        var octets = input.extracting(start..<index).array
        while input[index] != UInt8(ascii: "\"") {
            index += 1
            octets.append(contentsOf: try readEscape(input))
            let plain = index
            try skipPlain(input)
            octets.append(copying: input.extracting(plain..<index))
        }
        index += 1
        return String(decoding: octets, as: UTF8.self)
    }

    /// Moves to the next quote or backslash.
    private mutating func skipPlain(_ input: Span<UInt8>) throws(JSONError) {
        while true {
            switch try peek(input) {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): return
            case 0..<0x20: throw JSONError(.controlCharacter, at: index)
            default: index += 1
            }
        }
    }

    /// After a backslash: the UTF-8 of what the escape stands for.
    private mutating func readEscape(
        _ input: Span<UInt8>
    ) throws(JSONError) -> Unicode.UTF8.EncodedScalar {
        let octet = try peek(input)
        index += 1
        let scalar: Unicode.Scalar =
            switch octet {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Unicode.Scalar(octet)
            case UInt8(ascii: "b"): "\u{8}"
            case UInt8(ascii: "f"): "\u{C}"
            case UInt8(ascii: "n"): "\n"
            case UInt8(ascii: "r"): "\r"
            case UInt8(ascii: "t"): "\t"
            case UInt8(ascii: "u"): try readScalar(input)
            default: throw JSONError(.invalidEscape, at: index - 1)
            }
        return Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter
    }

    /// After `\u`: four digits, or two escapes that form a surrogate pair.
    private mutating func readScalar(
        _ input: Span<UInt8>
    ) throws(JSONError) -> Unicode.Scalar {
        let start = index - 2
        let first = try readCodeUnit(input)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < input.count, input[index] == UInt8(ascii: "\\"),
            input[index + 1] == UInt8(ascii: "u")
        else { throw JSONError(.loneSurrogate, at: start) }
        index += 2
        let second = try readCodeUnit(input)
        guard 0xDC00..<0xE000 ~= second,
            let scalar = Unicode.Scalar(
                0x10000 + UInt32(first - 0xD800) << 10 + UInt32(second - 0xDC00))
        else { throw JSONError(.loneSurrogate, at: start) }
        return scalar
    }

    private mutating func readCodeUnit(_ input: Span<UInt8>) throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = ASCII.hexValue(try peek(input)) else {
                throw JSONError(.invalidEscape, at: index)
            }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}
