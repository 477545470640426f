/// A date on the wall clock: seconds and nanoseconds since 1970-01-01T00:00:00Z.
package struct WallTime: Sendable, Hashable, Comparable {
    package var seconds: Int64
    package var nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// `2026-11-21T02:00:00Z`, with milliseconds (`…00.000Z`) if `milliseconds` is set (RFC 3339).
    package func rfc3339(milliseconds: Bool = false) -> String {
        let day = seconds.flooredQuotient(by: 86_400)
        let second = seconds - day * 86_400
        let date = Self.civil(fromDays: day)
        var text = Self.pad(date.year, 4) + "-" + Self.pad(date.month, 2) + "-"
        text += Self.pad(date.day, 2) + "T" + Self.pad(second / 3600, 2) + ":"
        text += Self.pad(second / 60 % 60, 2) + ":" + Self.pad(second % 60, 2)
        if milliseconds { text += "." + Self.pad(Int64(nanoseconds) / 1_000_000, 3) }
        return text + "Z"
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Days since 1970-01-01 to year, month and day of the proleptic Gregorian calendar, by eras of
    /// 400 years that begin in March.
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
