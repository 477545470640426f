import Clock
import Testing

@testable import Proxy

/// The end of a worker, as a dialogue in time.
@Suite struct DrainScheduleTests {
    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// Told to stop at the first second, with five seconds for whoever is there.
    private func stopping() -> DrainSchedule {
        var schedule = DrainSchedule()
        let end = schedule.begin(at: Self.at(1), timeout: .seconds(5))
        #expect(end == Self.at(6))
        return schedule
    }

    @Test func `it serves until it is told to stop`() {
        var schedule = DrainSchedule()
        #expect(!schedule.isRunning)
        let step = schedule.judge(isEmpty: true, at: Self.at(1000))
        #expect(step == .wait)
        _ = schedule.begin(at: Self.at(1000), timeout: .seconds(5))
        #expect(schedule.isRunning)
    }

    @Test func `to be told twice changes nothing`() {
        var schedule = stopping()
        let again = schedule.begin(at: Self.at(3), timeout: .seconds(50))
        #expect(again == nil)
        let step = schedule.judge(isEmpty: false, at: Self.at(6))
        #expect(step == .sayLast(until: Self.at(7)))
    }

    /// What is answered at these moments, to whether anybody is left.
    @Test(
        arguments: [
            [(1, true, .stop)],
            [(1, false, .wait), (5.9, false, .wait), (5.9, true, .stop)],
            [(6, true, .stop)],
            [
                (6, false, .sayLast(until: Self.at(7))), (6, false, .wait), (6.5, true, .stop),
            ],
            [
                (9, false, .sayLast(until: Self.at(10))), (9.9, false, .wait), (10, false, .stop),
            ],
        ] as [[(Double, Bool, DrainSchedule.Step)]])
    func `it stops when nobody is left, and answers who is left when the time is over`(
        dialogue: [(Double, Bool, DrainSchedule.Step)]
    ) {
        var schedule = stopping()
        for (seconds, isEmpty, expected) in dialogue {
            let step = schedule.judge(isEmpty: isEmpty, at: Self.at(seconds))
            #expect(step == expected, "at \(seconds) s")
        }
    }

    @Test func `without any time the last words are said at once`() {
        var schedule = DrainSchedule()
        _ = schedule.begin(at: Self.at(1), timeout: .zero)
        let step = schedule.judge(isEmpty: false, at: Self.at(1))
        #expect(step == .sayLast(until: Self.at(2)))
    }

    @Test func `only some are read ahead from, and only while it stops`() {
        var serving = DrainSchedule()
        let tooEarly = serving.takeLookAhead()
        #expect(!tooEarly)
        var schedule = stopping()
        let taken = (0..<20).count { _ in schedule.takeLookAhead() }
        #expect(taken == 8)
    }
}
