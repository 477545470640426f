import Bytes

extension ValueKind where Value == Int {
    /// A whole number in `range`.
    static func integer(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind { word, reading in
            guard !word.text.isEmpty, word.text.utf8.allSatisfy(ASCII.isDigit) else {
                reading.error(
                    "expected a number from \(range.lowerBound) to \(range.upperBound),"
                        + " not \(word.shown)", at: word)
                return nil
            }
            // Too many digits for an Int are out of any range.
            guard let value = Int(word.text), range.contains(value) else {
                let bounds = "\(range.lowerBound) to \(range.upperBound)"
                reading.error("\(word.shown) is out of range (\(bounds))", at: word)
                return nil
            }
            return value
        }
    }

    /// A number of octets: `256`, `16k`, `1m`, `1g`, counted in 1024.
    static func size(_ range: ClosedRange<Int>) -> ValueKind {
        ValueKind { word, reading in
            guard let value = Quantity.size.value(of: word, &reading) else { return nil }
            if range.contains(value) { return value }
            reading.error(
                Quantity.size.outOfRange(word, range.lowerBound, range.upperBound), at: word)
            return nil
        }
    }

    /// A number of octets, or `keyword` for 0.
    static func size(_ range: ClosedRange<Int>, orNone keyword: String) -> ValueKind {
        let kind = size(range).optional(keyword)
        return ValueKind { word, reading in kind.read(word, &reading).map { $0 ?? 0 } }
    }
}

extension ValueKind where Value == Int? {
    /// A whole number, or `keyword` for nil.
    static func integer(_ range: ClosedRange<Int>, or keyword: String) -> ValueKind {
        ValueKind<Int>.integer(range).optional(keyword)
    }

    /// A number of octets, or `keyword` for nil.
    static func size(_ range: ClosedRange<Int>, or keyword: String) -> ValueKind {
        ValueKind<Int>.size(range).optional(keyword)
    }
}

extension ValueKind where Value == Duration {
    /// A time: `250ms`, `30s`, `5m`, `2h`, `7d`.
    static func duration(_ range: ClosedRange<Duration>) -> ValueKind {
        ValueKind { word, reading in
            guard let value = Quantity.duration.value(of: word, &reading) else { return nil }
            let (least, most) = (range.lowerBound.milliseconds, range.upperBound.milliseconds)
            if least <= value, value <= most { return .milliseconds(value) }
            reading.error(Quantity.duration.outOfRange(word, least, most), at: word)
            return nil
        }
    }
}

extension ValueKind where Value == Duration? {
    /// A time, or `keyword` for nil.
    static func duration(
        _ range: ClosedRange<Duration>, or keyword: String
    ) -> ValueKind {
        ValueKind<Duration>.duration(range).optional(keyword)
    }
}

/// Numbers with a unit glued on.
struct Quantity: Sendable {
    let title: String
    let example: String
    /// From the smallest to the largest, in terms of the smallest.
    let units: [(name: String, factor: Int)]
    /// What people write instead.
    let aliases: [String: String]
    /// The unit to suggest for a bare number; nil when a bare number is fine.
    let missing: String?

    static let duration = Quantity(
        title: "duration", example: "a number and ms, s, m, h or d, such as 30s",
        units: [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)],
        aliases: [
            "msec": "ms", "msecs": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
            "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m",
            "minute": "m", "minutes": "m", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
            "day": "d", "days": "d",
        ],
        missing: "s")

    static let size = Quantity(
        title: "size", example: "a number of octets, or one with k, m or g, such as 16k",
        units: [("", 1), ("k", 1024), ("m", 1024 * 1024), ("g", 1024 * 1024 * 1024)],
        aliases: [
            "b": "", "byte": "", "bytes": "", "kb": "k", "kib": "k", "mb": "m", "mib": "m",
            "gb": "g", "gib": "g",
        ],
        missing: nil)

    /// The value in the smallest unit; nil after saying what is wrong.
    func value(of word: Word, _ reading: inout Reading) -> Int? {
        let digits = word.text.prefix { $0.isASCII && $0.isNumber }
        let unit = String(word.text.dropFirst(digits.count))
        guard !digits.isEmpty else {
            reading.error("\(word.shown) is not a \(title) (expected \(example))", at: word)
            return nil
        }
        guard let factor = units.first(where: { $0.name == unit })?.factor else {
            reading.error(unknownUnit(word, digits: String(digits), unit: unit), at: word)
            return nil
        }
        let (value, overflow) = (Int(digits) ?? .max).multipliedReportingOverflow(by: factor)
        return overflow ? .max : value
    }

    private func unknownUnit(_ word: Word, digits: String, unit: String) -> String {
        let folded = unit.lowercased()
        let known = units.contains { $0.name == folded } ? folded : aliases[folded]
        if let meant = unit.isEmpty ? missing : known {
            return "\(word.shown) is not a \(title) (did you mean '\(digits)\(meant)'?)"
        }
        return "\(word.shown) is not a \(title) (expected \(example))"
    }

    func outOfRange(_ word: Word, _ least: Int, _ most: Int) -> String {
        "\(word.shown) is out of range (\(written(least)) to \(written(most)))"
    }

    /// The value in the largest unit that divides it.
    func written(_ value: Int) -> String {
        let unit = units.last { value >= $0.factor && value % $0.factor == 0 } ?? units[0]
        return "\(value / unit.factor)\(unit.name)"
    }
}

extension Duration {
    var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }

    static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
    static func hours(_ count: Int) -> Duration { .seconds(count * 3600) }
    static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}
