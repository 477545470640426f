import Bytes

/// An IPv4 or IPv6 address as 16 octets, IPv4 mapped (RFC 4291 §2.5.5.2).
struct NumericAddress: Sendable, Hashable {
    var octets: [UInt8]
    var isIPv4: Bool

    /// `192.0.2.1` or `2001:db8::1`; nil for anything else, also for zone identifiers and numbers
    /// with leading zeros, which some programs read as octal.
    init?(_ text: String) {
        if let octets = Self.ipv4(text[...]) {
            self.octets = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + octets
            isIPv4 = true
        } else if let octets = Self.ipv6(text) {
            self.octets = octets
            isIPv4 = false
        } else {
            return nil
        }
    }

    /// 127.0.0.0/8, mapped or not, and ::1.
    var isLoopback: Bool {
        let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10] == 0xFF
        if isMapped && octets[11] == 0xFF { return octets[12] == 127 }
        return octets[..<15].allSatisfy { $0 == 0 } && octets[15] == 1
    }

    private static func ipv4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let octets = parts.compactMap { part -> UInt8? in
            guard part.utf8.allSatisfy(ASCII.isDigit), part.count == 1 || part.first != "0" else {
                return nil
            }
            return UInt8(part)
        }
        return octets.count == 4 ? octets : nil
    }

    /// RFC 4291 §2.2: eight groups, at most one run of zeros as `::`, perhaps IPv4 at the end.
    private static func ipv6(_ text: String) -> [UInt8]? {
        let halves = halves(of: text)
        guard let head = groups(halves.head, mayEndInIPv4: halves.tail == nil) else { return nil }
        guard let tailText = halves.tail else { return head.count == 16 ? head : nil }
        guard let tail = groups(tailText, mayEndInIPv4: true) else { return nil }
        let gap = 16 - head.count - tail.count
        guard gap >= 2 else { return nil }
        return head + [UInt8](repeating: 0, count: gap) + tail
    }

    /// What stands before and after the first `::`.
    private static func halves(of text: String) -> (head: Substring, tail: Substring?) {
        var previous: String.Index?
        for index in text.indices {
            if let before = previous, text[before] == ":", text[index] == ":" {
                return (text[..<before], text[text.index(after: index)...])
            }
            previous = index
        }
        return (text[...], nil)
    }

    private static func groups(_ text: Substring, mayEndInIPv4: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var octets: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, let four = ipv4(part) {
                octets += four
            } else {
                guard (1...4).contains(part.count),
                    part.utf8.allSatisfy({ ASCII.hexValue($0) != nil }),
                    let value = UInt16(part, radix: 16)
                else { return nil }
                octets += [UInt8(value >> 8), UInt8(value & 0xFF)]
            }
        }
        return octets.count <= 16 ? octets : nil
    }
}
