import Clock
import Testing

@Suite struct ProgressClockTests {
    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1_000_000_000))
    }

    /// Octets that move at instants, and when the other side is found too slow; it is asked
    /// whenever the clock wants to be.
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        var rate = 100
        var patience: Double = 10
        /// What can be saved up; nil for the patience.
        var most: Double?
        /// So many octets every so many seconds, until so many seconds have passed.
        let moves: [(octets: Int, every: Double, until: Double)]
        var looks = 1
        /// In seconds, give or take a tenth; nil for never within the moves.
        let tooSlowAfter: Double?
    }

    private static let cases = [
        Case(testDescription: "stands still", moves: [(0, 1, 60)], tooSlowAfter: 10),
        Case(testDescription: "one octet a second", moves: [(1, 1, 60)], tooSlowAfter: 10.1),
        Case(testDescription: "half the rate", moves: [(50, 1, 60)], tooSlowAfter: 20),
        Case(testDescription: "nine tenths of it", moves: [(90, 1, 300)], tooSlowAfter: 100),
        Case(testDescription: "the rate", moves: [(100, 1, 3600)], tooSlowAfter: nil),
        Case(testDescription: "the rate in bursts", moves: [(900, 9, 3600)], tooSlowAfter: nil),
        Case(
            testDescription: "a fast start buys no more than the patience once more",
            moves: [(1_000_000, 1, 1), (0, 1, 60)], tooSlowAfter: 20),
        Case(
            testDescription: "stalls and catches up",
            moves: [(100, 1, 5), (0, 9, 14), (1000, 1, 16), (0, 9, 25), (1000, 1, 27)],
            tooSlowAfter: nil),
        Case(
            testDescription: "a fast start is seen early where it is looked at often",
            moves: [(1_000_000, 0.1, 0.1), (0, 1, 60)], looks: 10, tooSlowAfter: 11),
        Case(
            testDescription: "who is looked at often and keeps the rate in bursts stays",
            moves: [(900, 9, 3600)], looks: 10, tooSlowAfter: nil),
        Case(
            testDescription: "time is saved up for a pause", most: 60,
            moves: [(5000, 5, 5), (0, 49, 54), (5000, 1, 55), (0, 49, 104)], looks: 10,
            tooSlowAfter: nil),
        Case(
            testDescription: "but only so much", most: 60,
            moves: [(1_000_000, 1, 1), (0, 1, 200)], looks: 10, tooSlowAfter: 62),
        Case(
            testDescription: "who never moves has saved nothing", most: 60,
            moves: [(0, 1, 200)], looks: 10, tooSlowAfter: 10),
        Case(
            testDescription: "who is slower than the rate saves nothing", most: 60,
            moves: [(50, 1, 200)], looks: 10, tooSlowAfter: 20),
        Case(
            testDescription: "what can be saved is no less than the patience", most: 1,
            moves: [(0, 9, 9), (1000, 0.5, 9.5), (0, 9, 18.5), (1000, 0.5, 19)], looks: 10,
            tooSlowAfter: nil),
        Case(
            testDescription: "no rate: one octet now and then is enough", rate: 0,
            moves: [(1, 9, 3600)], tooSlowAfter: nil),
        Case(
            testDescription: "no rate: standing still is not", rate: 0,
            moves: [(1, 9, 90), (0, 1, 120)], tooSlowAfter: 100),
    ]

    @Test(arguments: cases) func `is out of time`(example: Case) {
        var clock = ProgressClock(
            octetsPerSecond: example.rate, patience: .seconds(example.patience),
            most: example.most.map { .seconds($0) }, count: 0, looks: example.looks)
        var count: Int64 = 0
        var next = clock.resume(at: .zero)
        var now = 0.0
        for (octets, every, until) in example.moves {
            while now + every <= until {
                now += every
                while next < Self.at(now) {
                    switch clock.judge(count: count, at: next) {
                    case .inTime(let until): next = until
                    case .tooSlow:
                        let seconds = Double(next.nanoseconds) / 1_000_000_000
                        let expected = example.tooSlowAfter ?? -1
                        #expect(abs(seconds - expected) <= expected / 10, "after \(seconds) s")
                        return
                    }
                }
                count += Int64(octets)
            }
        }
        #expect(example.tooSlowAfter == nil)
    }

    @Test func `time in which it is not waited for does not count`() {
        var clock = ProgressClock(octetsPerSecond: 100, patience: .seconds(10), count: 7)
        #expect(!clock.isRunning)
        #expect(clock.resume(at: Self.at(0)) == Self.at(10))
        clock.pause(at: Self.at(4))
        #expect(!clock.isRunning)
        #expect(clock.resume(at: Self.at(1000)) == Self.at(1006))
        // To resume what runs changes nothing.
        #expect(clock.resume(at: Self.at(1001)) == Self.at(1006))
        #expect(clock.judge(count: 7, at: Self.at(1006)) == .tooSlow)
    }

    @Test func `a new turn is no new patience`() {
        var clock = ProgressClock(octetsPerSecond: 100, patience: .seconds(10), count: 0)
        for turn in 0..<9 {
            _ = clock.resume(at: Self.at(Double(turn) * 100))
            clock.pause(at: Self.at(Double(turn) * 100 + 1))
        }
        #expect(clock.resume(at: Self.at(900)) == Self.at(901))
    }

    @Test func `what is done gives the patience back, and leaves what was saved`() {
        var clock = ProgressClock(
            octetsPerSecond: 100, patience: .seconds(10), most: .seconds(60), count: 0)
        _ = clock.resume(at: Self.at(0))
        clock.restore(at: Self.at(9))
        #expect(!clock.isRunning)
        #expect(clock.resume(at: Self.at(20)) == Self.at(30))
        #expect(clock.judge(count: 4000, at: Self.at(25)) == .inTime(until: Self.at(35)))
        // 45 seconds are left, and are not made less.
        clock.restore(at: Self.at(26))
        _ = clock.resume(at: Self.at(100))
        #expect(clock.judge(count: 4000, at: Self.at(143)) != .tooSlow)
        #expect(clock.judge(count: 4000, at: Self.at(144)) == .tooSlow)
    }

    @Test func `octets that moved meanwhile count, also those of a pause`() {
        var clock = ProgressClock(octetsPerSecond: 100, patience: .seconds(10), count: 0)
        _ = clock.resume(at: Self.at(0))
        clock.pause(at: Self.at(9))
        #expect(clock.resume(at: Self.at(20)) == Self.at(21))
        #expect(clock.judge(count: 500, at: Self.at(21)) == .inTime(until: Self.at(26)))
    }

    @Test func `counts beyond reason give no more than the patience`() {
        var clock = ProgressClock(octetsPerSecond: 1, patience: .seconds(10), count: 0)
        _ = clock.resume(at: Self.at(0))
        #expect(clock.judge(count: .max, at: Self.at(8)) == .inTime(until: Self.at(18)))
        // A count that goes back is one that could not be told.
        #expect(clock.judge(count: -1, at: Self.at(9)) == .inTime(until: Self.at(18)))
    }
}
