import Clock
import Identity
import Settings
import Testing

/// So many milliseconds after `now`.
private func at(_ milliseconds: Int64) -> WallTime { now.advanced(by: .milliseconds(milliseconds)) }

private func schedule(
    _ expires: Int64?, _ onExpiry: TokenSettings.OnExpiry = .close,
    notice: Duration? = .seconds(60),
    from start: WallTime = now
) -> ExpirySchedule {
    ExpirySchedule(
        expires: expires.map { at($0 * 1000) }, onExpiry: onExpiry, notice: notice, now: start)
}

/// Everything that comes due when the schedule is asked at each of its own times: seconds after
/// `now`, and what.
private func course(_ schedule: ExpirySchedule) -> [String] {
    var schedule = schedule
    var course: [String] = []
    while let next = schedule.next, course.count < 5 {
        guard let action = schedule.takeDue(at: next) else { return course + ["nothing due"] }
        course.append("\(next.seconds - now.seconds) \(action)")
    }
    return course
}

@Suite("The end of a token during a connection")
struct ExpiryScheduleTests {
    @Test("the notice comes before the end, the end once, and nothing after it")
    func courses() {
        let notify = { (at: Int, left: Int) in "\(at) notify(expiresInSeconds: \(left))" }
        let table: [(ExpirySchedule, [String])] = [
            (schedule(3600), [notify(3540, 60), "3600 end"]),
            (schedule(61), [notify(1, 60), "61 end"]),
            (schedule(60), [notify(0, 60), "60 end"]),
            (schedule(10), [notify(0, 10), "10 end"]),
            (schedule(10, notice: nil), ["10 end"]),
            (schedule(3600, notice: .seconds(120)), [notify(3480, 120), "3600 end"]),
            (schedule(3600, .grace(.seconds(30))), [notify(3540, 60), "3630 end"]),
            (schedule(10, .grace(.seconds(30)), notice: nil), ["40 end"]),
            (schedule(3600, .ignore), []), (schedule(nil), []),
            (schedule(nil, .grace(.seconds(1))), []),
        ]
        for (schedule, expected) in table { #expect(course(schedule) == expected) }
    }

    @Test("nothing is due before its time, and each thing once")
    func once() {
        var schedule = schedule(100)
        #expect(schedule.next == at(40_000))
        #expect(schedule.delay(from: now) == .seconds(40))
        #expect(schedule.takeDue(at: at(39_999)) == nil)
        #expect(schedule.takeDue(at: at(40_000)) == .notify(expiresInSeconds: 60))
        #expect(schedule.takeDue(at: at(40_000)) == nil)
        #expect(schedule.next == at(100_000))
        #expect(schedule.takeDue(at: at(99_999)) == nil)
        #expect(schedule.takeDue(at: at(100_000)) == .end)
        #expect(schedule.takeDue(at: at(200_000)) == nil)
        #expect(schedule.next == nil && schedule.delay(from: now) == nil)
    }

    @Test("who asks late gets what is left, and the end alone when it has come")
    func late() {
        var late = schedule(100)
        #expect(late.delay(from: at(90_000)) == .zero)
        #expect(late.takeDue(at: at(90_500)) == .notify(expiresInSeconds: 9))
        var tooLate = schedule(100)
        #expect(tooLate.takeDue(at: at(100_000)) == .end)
        #expect(tooLate.next == nil)
        var inGrace = schedule(100, .grace(.seconds(30)))
        #expect(inGrace.takeDue(at: at(110_000)) == .notify(expiresInSeconds: 0))
        #expect(inGrace.takeDue(at: at(129_999)) == nil)
        #expect(inGrace.takeDue(at: at(130_000)) == .end)
    }

    @Test("a refresh starts anew")
    func refresh() {
        var schedule = schedule(100)
        #expect(schedule.takeDue(at: at(40_000)) == .notify(expiresInSeconds: 60))
        let again = ExpirySchedule(
            expires: at(300_000), onExpiry: .close, notice: .seconds(60), now: at(50_000))
        #expect(course(again) == ["240 notify(expiresInSeconds: 60)", "300 end"])
        let short = ExpirySchedule(
            expires: at(80_000), onExpiry: .close, notice: .seconds(60), now: at(50_000))
        #expect(course(short) == ["50 notify(expiresInSeconds: 30)", "80 end"])
    }

    @Test("dates at the ends of the clock do no harm")
    func extremes() {
        let end = WallTime(seconds: .max)
        var schedule = ExpirySchedule(
            expires: end, onExpiry: .grace(.seconds(86_400)), notice: .seconds(86_400), now: now)
        #expect(schedule.takeDue(at: now) == nil)
        #expect(schedule.next == WallTime(seconds: .max - 86_400))
        var past = ExpirySchedule(
            expires: WallTime(seconds: .min), onExpiry: .close, notice: .seconds(1), now: now)
        #expect(past.takeDue(at: now) == .end)
    }
}

@Suite("Sums of dates and durations")
struct WallTimeArithmeticTests {
    @Test("nanoseconds carry over, and the ends of the clock hold")
    func sums() {
        let table: [(WallTime, Duration, WallTime)] = [
            (WallTime(seconds: 5), .seconds(3), WallTime(seconds: 8)),
            (WallTime(seconds: 5), .seconds(-8), WallTime(seconds: -3)),
            (
                WallTime(seconds: 5, nanoseconds: 600_000_000), .milliseconds(500),
                WallTime(seconds: 6, nanoseconds: 100_000_000)
            ),
            (
                WallTime(seconds: 5, nanoseconds: 100_000_000), .milliseconds(-500),
                WallTime(seconds: 4, nanoseconds: 600_000_000)
            ),
            (WallTime(seconds: .max), .seconds(1), WallTime(seconds: .max)),
            (WallTime(seconds: .min), .seconds(-1), WallTime(seconds: .min)),
            (
                WallTime(seconds: .max, nanoseconds: 900_000_000), .milliseconds(200),
                WallTime(seconds: .max)
            ),
            (WallTime(seconds: .min), .milliseconds(-200), WallTime(seconds: .min)),
        ]
        for (date, duration, expected) in table {
            #expect(date.advanced(by: duration) == expected)
        }
    }

    @Test("the difference is what was added")
    func differences() {
        let date = WallTime(seconds: 100, nanoseconds: 900_000_000)
        for milliseconds in [-100_901, -901, -1, 0, 1, 100, 99_999] {
            let duration = Duration.milliseconds(milliseconds)
            #expect(date.advanced(by: duration).duration(since: date) == duration)
        }
    }
}
