import Bytes

/// What `Accept` says of media types (RFC 9110 §12.5.1): which of two a client would rather have.
package struct MediaPreference: Sendable {
    /// How well a range names a type.
    private enum Precision: Int, Comparable {
        case everything, kind, exact

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// Lower case, without parameters; the quality in thousandths.
    private var ranges: [(name: String, quality: Int)] = []

    /// Further ranges are not looked at.
    private static let most = 32

    package init(_ fields: Fields) {
        var elements = ListElements(of: .accept, in: fields)
        while let element = elements.next(), ranges.count < Self.most {
            let parts = fields.bytes.text(element).lowercased().split(separator: ";")
            guard let name = parts.first else { continue }
            var quality = 1000
            for part in parts.dropFirst() {
                let parameter = part.filter { $0 != " " && $0 != "\t" }
                if parameter.hasPrefix("q=") { quality = Self.thousandths(parameter.dropFirst(2)) }
            }
            ranges.append((name.filter { $0 != " " && $0 != "\t" }, quality))
        }
    }

    /// True when the client named `type` itself, and would take none of `others` as gladly: of
    /// equal qualities, a type that is named goes before one that only a wildcard stands for.
    package func prefers(_ type: String, to others: [String]) -> Bool {
        guard let wanted = rank(of: type), wanted.precision == .exact, wanted.quality > 0 else {
            return false
        }
        return others.allSatisfy { other in
            guard let rank = rank(of: other) else { return true }
            return (rank.quality, rank.precision.rawValue)
                < (wanted.quality, wanted.precision.rawValue)
        }
    }

    /// The most precise range counts; nil when none is about it.
    private func rank(of type: String) -> (quality: Int, precision: Precision)? {
        var rank: (quality: Int, precision: Precision)?
        for range in ranges {
            guard let precision = Self.precision(of: range.name, for: type) else { continue }
            if let best = rank, best.precision >= precision { continue }
            rank = (range.quality, precision)
        }
        return rank
    }

    private static func precision(of range: String, for type: String) -> Precision? {
        if range == type { return .exact }
        if range == "*/*" { return .everything }
        return range.hasSuffix("/*") && type.hasPrefix(range.dropLast()) ? .kind : nil
    }

    /// `qvalue` (§12.4.2); 0 for what is none.
    private static func thousandths(_ text: Substring) -> Int {
        let octets = Array(text.utf8)
        guard let first = octets.first, first == 0x30 || first == 0x31 else { return 0 }
        guard octets.count > 1 else { return Int(first - 0x30) * 1000 }
        guard octets[1] == UInt8(ascii: "."), octets.count <= 5 else { return 0 }
        var value = Int(first - 0x30) * 1000
        for (octet, place) in zip(octets.dropFirst(2), [100, 10, 1]) {
            guard ASCII.isDigit(octet) else { return 0 }
            value += Int(octet - 0x30) * place
        }
        return min(value, 1000)
    }
}
