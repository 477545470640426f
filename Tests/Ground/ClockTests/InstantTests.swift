import Clock
import Testing

@Suite struct InstantTests {
    @Test func `instants and durations add up`() {
        let start = Instant(nanoseconds: 5)
        let later = start + .milliseconds(2)
        #expect(later == Instant(nanoseconds: 2_000_005))
        #expect(later - start == .milliseconds(2))
        #expect(start - later == .milliseconds(-2))
        #expect(start < later)
        #expect(!(later < start))
        #expect(Instant.zero < start)
        #expect(start + .milliseconds(-2) < Instant.zero)
    }

    @Test(
        arguments: [
            (.zero, 0), (.nanoseconds(1), 1), (.milliseconds(1), 1_000_000),
            (.seconds(3), 3_000_000_000), (.milliseconds(-1), -1_000_000),
            (.seconds(-3), -3_000_000_000),
            (Duration(secondsComponent: 1, attosecondsComponent: 999_999_999), 1_000_000_000),
            (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
            (.seconds(9_223_372_036), 9_223_372_036_000_000_000),
            (.seconds(9_223_372_037), .max), (.seconds(-9_223_372_037), .min),
        ] as [(Duration, Int64)])
    func `durations have whole nanoseconds, and saturate`(duration: Duration, nanoseconds: Int64) {
        #expect(duration.wholeNanoseconds == nanoseconds)
    }

    @Test func `the last second before saturation does not wrap`() {
        let longest = Duration(
            secondsComponent: 9_223_372_036, attosecondsComponent: 999_999_999_999_999_999)
        #expect(longest.wholeNanoseconds == .max)
        let lowest = Duration(
            secondsComponent: -9_223_372_036, attosecondsComponent: -999_999_999_999_999_999)
        #expect(lowest.wholeNanoseconds == .min)
    }

    @Test(
        arguments: [
            (.zero, 0), (.nanoseconds(999_999), 0), (.milliseconds(1), 1), (.seconds(2), 2000),
            (.nanoseconds(1_999_999), 1),
        ] as [(Duration, Int64)])
    func `durations have whole milliseconds`(duration: Duration, milliseconds: Int64) {
        #expect(duration.wholeMilliseconds == milliseconds)
    }
}
