package import JSON

/// Seconds since 1970-01-01T00:00:00Z, possibly with a fraction (RFC 7519 §2). Dates outside the
/// years -6000 to 9999 are taken as the end of that range they lie beyond, so that sums of dates
/// and leeways cannot overflow and every date can be written down.
package struct NumericDate: Sendable, Hashable, Comparable {
    package let seconds: Int64
    /// 0 to 999 999 999, counted forwards also before 1970.
    package let nanoseconds: Int32

    /// 9999-12-31T23:59:59Z, and as far in the other direction.
    private static let farthest: Int64 = 253_402_300_799

    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        let isInRange = -Self.farthest...Self.farthest ~= seconds
        self.seconds = min(max(seconds, -Self.farthest), Self.farthest)
        self.nanoseconds = isInRange ? nanoseconds : 0
    }

    /// The date a claim holds: any JSON number, nil for every other kind of value.
    package init?(_ value: JSONValue) {
        guard let number = value.number else { return nil }
        if let seconds = number.int64 {
            self.init(seconds: seconds)
            return
        }
        let exact = number.double
        guard abs(exact) <= Double(Self.farthest) else {
            self.init(seconds: exact < 0 ? -Self.farthest : Self.farthest)
            return
        }
        let truncated = Int64(exact)
        let whole = Double(truncated) > exact ? truncated - 1 : truncated
        let fraction = (exact - Double(whole)) * 1_000_000_000
        self.init(seconds: whole, nanoseconds: Int32(min(fraction, 999_999_999)))
    }

    package static func < (left: NumericDate, right: NumericDate) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    package func advanced(bySeconds count: Int64) -> NumericDate {
        let step = min(max(count, -Self.farthest), Self.farthest)
        return NumericDate(seconds: seconds + step, nanoseconds: nanoseconds)
    }
}
