import Bytes

/// An IPv4 or IPv6 address as 16 octets, IPv4 mapped (RFC 4291 §2.5.5.2).
package struct NumericAddress: Sendable, Hashable {
    package let octets: [UInt8]
    package let isIPv4: Bool

    /// `192.0.2.1` or `2001:db8::1`; nil for anything else, also for zone identifiers and numbers
    /// with leading zeros, which some programs read as octal.
    package init?(_ text: Span<UInt8>) {
        var four: [UInt8] = Self.mapping
        if Self.appendIPv4(text, to: &four) {
            octets = four
            isIPv4 = true
        } else if let six = Self.ipv6(text) {
            octets = six
            isIPv4 = false
        } else {
            return nil
        }
    }

    package init?(_ text: String) { self.init(text.utf8.span) }

    /// The address that 4 or 16 octets in network order stand for; nil for any other number.
    package init?(networkOctets octets: [UInt8]) {
        switch octets.count {
        case 4: (self.octets, isIPv4) = (Self.mapping + octets, true)
        case 16: (self.octets, isIPv4) = (octets, false)
        default: return nil
        }
    }

    /// 127.0.0.0/8, mapped or not, and ::1.
    package var isLoopback: Bool {
        if octets.starts(with: Self.mapping) { return octets[12] == 127 }
        return octets[..<15].allSatisfy { $0 == 0 } && octets[15] == 1
    }

    /// The IPv4 address that an IPv4-mapped IPv6 address is; else the address itself.
    package var unmapped: NumericAddress {
        guard !isIPv4, octets.starts(with: Self.mapping) else { return self }
        return NumericAddress(octets: octets, isIPv4: true)
    }

    /// 0.0.0.0 and ::, which stand for no address.
    package static let unspecified4 = NumericAddress(octets: mapping + [0, 0, 0, 0], isIPv4: true)
    package static let unspecified6 = NumericAddress(
        octets: [UInt8](repeating: 0, count: 16), isIPv4: false)

    private init(octets: [UInt8], isIPv4: Bool) {
        self.octets = octets
        self.isIPv4 = isIPv4
    }

    /// The octets of the address itself: 4 or 16, in network order.
    package var networkOctets: ArraySlice<UInt8> { isIPv4 ? octets[12...] : octets[...] }

    /// `::ffff:0:0/96`, which IPv4 addresses are mapped to.
    private static let mapping: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
}

// MARK: Reading

extension NumericAddress {
    private static func appendIPv4(_ text: Span<UInt8>, to octets: inout [UInt8]) -> Bool {
        var index = 0
        for part in 0..<4 {
            if part > 0 {
                guard index < text.count, text[index] == UInt8(ascii: ".") else { return false }
                index += 1
            }
            let start = index
            var value = 0
            while index < text.count, index - start < 3, ASCII.isDigit(text[index]) {
                value = value * 10 + Int(text[index] &- 0x30)
                index += 1
            }
            guard index > start, index == start + 1 || text[start] != 0x30,
                let octet = UInt8(exactly: value)
            else { return false }
            octets.append(octet)
        }
        return index == text.count
    }

    /// RFC 4291 §2.2: eight groups, at most one run of zeros as `::`, perhaps IPv4 at the end.
    private static func ipv6(_ text: Span<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        /// How many octets come before the run of zeros.
        var gap: Int?
        var index = 0
        if text.starts(with: "::") { (gap, index) = (0, 2) }
        while index < text.count {
            let start = index
            guard let group = group(text, at: &index) else { return nil }
            if index < text.count, text[index] == UInt8(ascii: ".") {
                let rest = text.extracting(start..<text.count)
                guard octets.count <= 12, appendIPv4(rest, to: &octets) else { return nil }
                break
            }
            guard octets.count < 16 else { return nil }
            octets += [UInt8(group >> 8), UInt8(group & 0xFF)]
            if index == text.count { break }
            guard skipColon(text, at: &index), index < text.count else { return nil }
            if text[index] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = octets.count
                index += 1
            }
        }
        guard let gap else { return octets.count == 16 ? octets : nil }
        guard octets.count <= 14 else { return nil }
        return octets[..<gap] + [UInt8](repeating: 0, count: 16 - octets.count) + octets[gap...]
    }

    /// One to four hexadecimal digits.
    private static func group(_ text: Span<UInt8>, at index: inout Int) -> UInt16? {
        let start = index
        var value: UInt16 = 0
        while index < text.count, let digit = ASCII.hexValue(text[index]) {
            guard index - start < 4 else { return nil }
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return index > start ? value : nil
    }

    private static func skipColon(_ text: Span<UInt8>, at index: inout Int) -> Bool {
        guard text[index] == UInt8(ascii: ":") else { return false }
        index += 1
        return true
    }
}

// MARK: Writing

extension NumericAddress {
    /// The one way to write it (RFC 5952 §4, §5). An IPv4-mapped IPv6 address is written as the
    /// IPv4 address it is.
    package var text: String {
        if octets.starts(with: Self.mapping) {
            return octets[12...].map { String($0) }.joined(separator: ".")
        }
        return text6
    }

    /// The address as one of IPv6, an IPv4 address mapped: `::ffff:192.0.2.1`.
    package var text6: String {
        if octets.starts(with: Self.mapping) { return "::ffff:" + text }
        let groups = (0..<8).map { UInt16(octets[2 * $0]) << 8 | UInt16(octets[2 * $0 + 1]) }
        func written(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let zeros = Self.longestRun(of: groups) else { return written(0..<8) }
        return written(0..<zeros.lowerBound) + "::" + written(zeros.upperBound..<8)
    }

    /// The longest run of two or more zeros, the first of equal ones (RFC 5952 §4.2).
    private static func longestRun(of groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for index in groups.indices {
            if groups[index] != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<index + 1
            }
        }
        return longest.count > 1 ? longest : nil
    }
}
