import Clock
import Identity
import Testing

@Suite struct KeySetScheduleTests {
    private static let lifetimes: ClosedRange<Duration> = .seconds(30) ... .seconds(86_400)
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private func schedule(usual: Duration = .seconds(600)) -> KeySetSchedule {
        KeySetSchedule(usualLifetime: usual, lifetimes: Self.lifetimes, now: Self.start)
    }

    private func seconds(_ seconds: Double) -> Instant { Self.start + .seconds(seconds) }

    @Test func `the first fetch is due at once, and one runs at a time`() {
        var schedule = schedule()
        #expect(schedule.due == Self.start)
        #expect(schedule.freshness(at: Self.start) == .empty)
        let first = schedule.timePassed(to: Self.start)
        #expect(first)
        #expect(schedule.state == .fetching)
        #expect(schedule.due == nil)
        let second = schedule.timePassed(to: seconds(100))
        #expect(!second)
    }

    @Test func `nothing begins before it is due`() {
        var schedule = schedule()
        let early = schedule.timePassed(to: seconds(-0.001))
        #expect(!early)
        #expect(schedule.state == .waiting(due: Self.start))
    }

    @Test(
        arguments: [
            // Lifetime, chance, due, fresh until; all in seconds after the begin of the fetch,
            // which took one.
            (nil, 0, 601, 601), (nil, 1, 541, 601), (100, 0, 101, 101), (100, 1, 91, 101),
            (100, 0.5, 96, 101), (30, 0, 31, 31), (30, 1, 30, 31), (0, 0, 31, 31), (0, 1, 30, 31),
            (-5, 1, 30, 31), (86_400, 0, 86_401, 86_401), (1e9, 0, 86_401, 86_401),
            (1e9, 1, 77_761, 86_401), (100, 7, 91, 101), (100, -7, 101, 101),
        ] as [(Double?, Double, Double, Double)])
    func `what was fetched is fetched again before it is too old`(
        lifetime: Double?, chance: Double, due: Double, end: Double
    ) {
        var schedule = schedule()
        _ = schedule.timePassed(to: Self.start)
        schedule.fetched(
            lifetime: lifetime.map { .seconds($0) }, at: seconds(1), chance: chance)
        #expect(schedule.due == seconds(due))
        #expect(schedule.freshness(at: seconds(end) + .nanoseconds(-1)) == .fresh)
        #expect(schedule.freshness(at: seconds(end)) == .stale)
    }

    @Test func `failures are repeated more and more slowly, and keys stay what they are`() {
        var schedule = schedule()
        _ = schedule.timePassed(to: Self.start)
        schedule.fetched(lifetime: .seconds(30), at: Self.start, chance: 0)
        var now = seconds(30)
        for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            let begun = schedule.timePassed(to: now)
            #expect(begun)
            schedule.failed(at: now, chance: 0)
            #expect(schedule.freshness(at: now) == .stale)
            #expect(schedule.due == now + .seconds(pause))
            now = now + .seconds(pause)
        }
        #expect(schedule.failureCount == 12)
        _ = schedule.timePassed(to: now)
        schedule.fetched(lifetime: nil, at: now, chance: 0)
        #expect(schedule.freshness(at: now) == .fresh)
        #expect(schedule.failureCount == 0)
        _ = schedule.timePassed(to: now + .seconds(600))
        schedule.failed(at: now + .seconds(600), chance: 1)
        #expect(schedule.due == now + .milliseconds(600_900))
    }

    @Test func `very many failures are still only five minutes apart`() {
        var schedule = schedule()
        var last = Self.start
        for _ in 0..<1000 {
            guard let due = schedule.due else { break }
            _ = schedule.timePassed(to: due)
            schedule.failed(at: due, chance: 0)
            last = due
        }
        #expect(schedule.failureCount == 1000)
        #expect(schedule.due == last + .seconds(300))
    }

    @Test(
        arguments: [
            // Asked so long after the begin of the last fetch; due so long after it.
            (1, 30), (29.9, 30), (30, 30), (31, 31), (500, 500), (600, 600), (700, 600),
        ] as [(Double, Double)])
    func `an unknown key brings the next fetch nearer, but no nearer than 30 s to the last`(
        asked: Double, due: Double
    ) {
        var schedule = schedule()
        _ = schedule.timePassed(to: Self.start)
        schedule.fetched(lifetime: nil, at: Self.start, chance: 0)
        let expectation = schedule.unknownKeyAsked(at: seconds(asked))
        #expect(expectation == .due(seconds(due)))
        #expect(schedule.due == seconds(due))
        let again = schedule.unknownKeyAsked(at: seconds(asked))
        #expect(again == expectation)
    }

    @Test func `a fetch that runs is the one that is asked for`() {
        var schedule = schedule()
        _ = schedule.timePassed(to: Self.start)
        let expectation = schedule.unknownKeyAsked(at: seconds(1))
        #expect(expectation == .running)
        schedule.fetched(lifetime: nil, at: seconds(2), chance: 0)
        #expect(schedule.due == seconds(602))
    }

    @Test func `an unknown key does not wait for the end of a long pause after failures`() {
        var schedule = schedule()
        for _ in 0..<12 {
            guard let due = schedule.due else { break }
            _ = schedule.timePassed(to: due)
            schedule.failed(at: due, chance: 0)
        }
        let begin = (schedule.due ?? .zero) + .seconds(-300)
        let soon = schedule.unknownKeyAsked(at: begin + .seconds(3))
        #expect(soon == .due(begin + .seconds(30)))
    }
}
