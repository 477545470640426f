/// Base64 as RFC 4648 has it: §4 (standard, padded) and §5 (url, here always without padding).
package enum Base64 {
    /// Octets to standard Base64 with padding (RFC 4648 §4).
    package static func encode(_ octets: Span<UInt8>) -> [UInt8] {
        encode(octets, alphabet: standardAlphabet, padded: true)
    }

    /// Octets to base64url without padding (RFC 4648 §5, RFC 7515 §2).
    package static func encodeURL(_ octets: Span<UInt8>) -> [UInt8] {
        encode(octets, alphabet: urlAlphabet, padded: false)
    }

    /// base64url without padding to octets.
    ///
    /// Strict: nil for a character outside the alphabet, padding, an impossible length, and bits
    /// set in the unused part of the last character (RFC 4648 §3.5), so that one value has exactly
    /// one spelling.
    package static func decodeURL(_ text: Span<UInt8>) -> [UInt8]? {
        decode(text, table: urlTable)
    }

    /// Standard Base64 with padding to octets; strict as `decodeURL`, and padding must be there.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var end = text.count
        if end > 0, text[end - 1] == padding { end -= 1 }
        if end > 0, end < text.count, text[end - 1] == padding { end -= 1 }
        return decode(text.extracting(0..<end), table: standardTable)
    }

    private static let padding = UInt8(ascii: "=")
    private static let shared = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let standardAlphabet = [UInt8]((shared + "+/").utf8)
    private static let urlAlphabet = [UInt8]((shared + "-_").utf8)
    private static let standardTable = table(of: standardAlphabet)
    private static let urlTable = table(of: urlAlphabet)
    private static let invalid: UInt8 = 0xFF

    private static func table(of alphabet: [UInt8]) -> [UInt8] {
        var table = [UInt8](repeating: invalid, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }

    private static func encode(
        _ octets: Span<UInt8>, alphabet: [UInt8], padded: Bool
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((octets.count + 2) / 3 * 4)
        var index = 0
        while index < octets.count {
            let left = octets.count - index
            let first = UInt32(octets[index])
            let second = left > 1 ? UInt32(octets[index + 1]) : 0
            let third = left > 2 ? UInt32(octets[index + 2]) : 0
            let group = first << 16 | second << 8 | third
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            if left > 1 { text.append(alphabet[Int(group >> 6 & 63)]) }
            if left > 2 { text.append(alphabet[Int(group & 63)]) }
            index += 3
        }
        if padded { while text.count % 4 != 0 { text.append(padding) } }
        return text
    }

    private static func decode(_ text: Span<UInt8>, table: [UInt8]) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count * 3 / 4)
        var accumulator: UInt32 = 0
        var bits = 0
        for index in text.indices {
            let value = table[Int(text[index])]
            guard value != invalid else { return nil }
            accumulator = accumulator << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                octets.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bits)))
                accumulator &= (1 << UInt32(bits)) - 1
            }
        }
        return accumulator == 0 ? octets : nil
    }
}
