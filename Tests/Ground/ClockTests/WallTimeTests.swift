import Clock
import Testing

@Suite struct WallTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:01Z"),
            (59, "1970-01-01T00:00:59Z"),
            (60, "1970-01-01T00:01:00Z"),
            (3_599, "1970-01-01T00:59:59Z"),
            (3_600, "1970-01-01T01:00:00Z"),
            (86_399, "1970-01-01T23:59:59Z"),
            (86_400, "1970-01-02T00:00:00Z"),
            (1_000_000_000, "2001-09-09T01:46:40Z"),
            (1_234_567_890, "2009-02-13T23:31:30Z"),
            (2_147_483_647, "2038-01-19T03:14:07Z"),
            (2_147_483_648, "2038-01-19T03:14:08Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            // Leap years: every fourth, not the hundredth, but the four hundredth.
            (68_169_600, "1972-02-29T00:00:00Z"),
            (68_256_000, "1972-03-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_740_787_199, "2025-02-28T23:59:59Z"),
            (1_740_787_200, "2025-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            // Before 1970.
            (-1, "1969-12-31T23:59:59Z"),
            (-86_400, "1969-12-31T00:00:00Z"),
            (-86_401, "1969-12-30T23:59:59Z"),
            (-2_203_891_201, "1900-02-28T23:59:59Z"),
            (-2_203_891_200, "1900-03-01T00:00:00Z"),
            (-11_676_096_000, "1600-01-01T00:00:00Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ] as [(Int64, String)])
    func `seconds are written as RFC 3339 has it`(seconds: Int64, text: String) {
        #expect(WallTime(seconds: seconds).rfc3339() == text)
    }

    @Test func `every day of 800 years follows the one before`() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day) = (1600, 1, 1)
        var seconds: Int64 = -11_676_096_000
        while year < 2400 {
            let date = WallTime(seconds: seconds).rfc3339().prefix(10)
            let expected = [pad(year, 4), pad(month, 2), pad(day, 2)].joined(separator: "-")
            guard date == expected else {
                Issue.record("\(date) instead of \(expected)")
                return
            }
            seconds += 86_400
            day += 1
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            if day > lengths[month - 1] + (isLeap && month == 2 ? 1 : 0) {
                (month, day) = (month + 1, 1)
            }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(seconds == 13_569_465_600)
    }

    private func pad(_ number: Int, _ width: Int) -> String {
        String(repeating: "0", count: width - String(number).count) + String(number)
    }

    @Test(
        arguments: [
            (0, "00.000Z"), (999_999, "00.000Z"), (1_000_000, "00.001Z"), (50_000_000, "00.050Z"),
            (999_999_999, "00.999Z"),
        ] as [(Int32, String)])
    func `milliseconds are cut, not rounded`(nanoseconds: Int32, ending: String) {
        let time = WallTime(seconds: 0, nanoseconds: nanoseconds)
        #expect(time.rfc3339(milliseconds: true) == "1970-01-01T00:00:" + ending)
        #expect(time.rfc3339() == "1970-01-01T00:00:00Z")
    }

    @Test func `before 1970 the nanoseconds still count forwards`() {
        let time = WallTime(seconds: -1, nanoseconds: 250_000_000)
        #expect(time.rfc3339(milliseconds: true) == "1969-12-31T23:59:59.250Z")
        #expect(time < WallTime(seconds: 0))
        #expect(WallTime(seconds: -1) < time)
    }
}
