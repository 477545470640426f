import Bytes
import Clock

/// `date-time` of RFC 3339 §5.6.
enum DateTimeText {
    /// The date that `text` stands for, to the nanosecond; nil when it is none. A leap second
    /// counts as the second after it.
    static func parse(_ text: String) -> WallTime? {
        var digits = Digits(Array(text.utf8))
        guard let year = digits.number(4), digits.take("-"), let month = digits.number(2),
            digits.take("-"), let day = digits.number(2), digits.take("Tt"),
            let hour = digits.number(2), digits.take(":"), let minute = digits.number(2),
            digits.take(":"), let second = digits.number(2), let fraction = digits.fraction(),
            let offset = digits.offset(), digits.isAtEnd
        else { return nil }
        guard (1...12).contains(month), day >= 1, day <= days(of: month, year), hour <= 23,
            minute <= 59, second <= 60
        else { return nil }
        let date = day + daysBefore(month, year)
        let seconds = ((date * 24 + hour) * 60 + minute - offset) * 60 + second
        return WallTime(seconds: Int64(seconds), nanoseconds: Int32(fraction))
    }

    private static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func days(of month: Int, _ year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        case _: 31
        }
    }

    /// Days from 1970-01-01 to the day before the first of `month`.
    private static func daysBefore(_ month: Int, _ year: Int) -> Int {
        let past = year - 1
        // The days of whole years by the Gregorian calendar since the year 1; 719 162 of them are
        // before 1970.
        let years =
            past * 365 + past.flooredQuotient(4) - past.flooredQuotient(100)
            + past.flooredQuotient(400)
        return years - 719_162 + (1..<month).reduce(0) { $0 + days(of: $1, year) } - 1
    }
}

extension Int {
    fileprivate func flooredQuotient(_ divisor: Int) -> Int {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// The parts of a date, from left to right.
private struct Digits {
    private let octets: [UInt8]
    private var index = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    var isAtEnd: Bool { index == octets.count }

    /// Takes one of the characters of `choice`.
    mutating func take(_ choice: String) -> Bool {
        guard index < octets.count, choice.utf8.contains(octets[index]) else { return false }
        index += 1
        return true
    }

    /// Exactly `count` digits.
    mutating func number(_ count: Int) -> Int? {
        guard index + count <= octets.count else { return nil }
        var number = 0
        for octet in octets[index..<index + count] {
            guard ASCII.isDigit(octet) else { return nil }
            number = number * 10 + Int(octet - 0x30)
        }
        index += count
        return number
    }

    /// `.` and digits, in nanoseconds: what is finer is cut off. 0 without.
    mutating func fraction() -> Int? {
        guard take(".") else { return 0 }
        let digits = octets[index...].prefix(while: ASCII.isDigit)
        if digits.isEmpty { return nil }
        index += digits.count
        let padded =
            Array(digits.prefix(9)) + Array(repeating: 0x30, count: max(0, 9 - digits.count))
        return padded.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// Minutes east of UTC.
    mutating func offset() -> Int? {
        if take("Zz") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(2), take(":"), let minutes = number(2),
            hours <= 23, minutes <= 59
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }
}
