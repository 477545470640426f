import Clock
import Randomness
import Testing

@Suite struct TimerWheelTests {
    /// The tokens that come out at `milliseconds`, in the order they come.
    private func advance(_ wheel: inout TimerWheel, to milliseconds: Int64) -> [UInt64] {
        var tokens: [UInt64] = []
        wheel.advance(to: .milliseconds(milliseconds), into: &tokens)
        return tokens
    }

    @Test(
        arguments: [
            // What is due, and the first moment at which it comes out.
            (1, 100), (99, 100), (100, 100), (101, 200), (150, 200), (51_100, 51_100),
            // The wheel holds 51.2 s; what is beyond goes round more than once.
            (51_199, 51_200), (51_200, 51_200), (51_201, 51_300), (51_299, 51_300),
            (102_400, 102_400), (102_401, 102_500), (3_600_000, 3_600_000),
            // What was due already comes out at the next tick.
            (0, 100), (-5_000, 100),
        ] as [(Int64, Int64)])
    func `a token comes out at the first tick at or after its time`(due: Int64, out: Int64) {
        var wheel = TimerWheel(now: .zero)
        wheel.schedule(7, at: .milliseconds(due))
        #expect(advance(&wheel, to: out - 1) == [])
        #expect(wheel.count == 1)
        #expect(advance(&wheel, to: out) == [7])
        #expect(wheel.count == 0)
        #expect(advance(&wheel, to: out + 200_000) == [])
    }

    @Test(arguments: [1, 7, 99, 100, 333, 51_200, 51_300, 1_000_000] as [Int64])
    func `however time passes, a token comes out once and never early`(step: Int64) {
        for due in stride(from: Int64(50), to: 250_000, by: 12_345) {
            var wheel = TimerWheel(now: .zero)
            wheel.schedule(1, at: .milliseconds(due))
            var found: [Int64] = []
            for now in stride(from: step, through: 300_000 + step, by: Int(step)) {
                if !advance(&wheel, to: now).isEmpty { found.append(now) }
            }
            let tick = (due + 99) / 100 * 100
            #expect(found == [(tick + step - 1) / step * step])
        }
    }

    @Test func `a long pause gives everything up that came due in it, and nothing else`() {
        var wheel = TimerWheel(now: .zero)
        for token in 0..<2_000 {
            wheel.schedule(UInt64(token), at: .milliseconds(Int64(token) * 1_000))
        }
        let first = advance(&wheel, to: 1_000_000)
        #expect(first.sorted() == (0...1_000).map { UInt64($0) })
        #expect(advance(&wheel, to: 1_000_999) == [])
        #expect(advance(&wheel, to: 5_000_000).sorted() == (1_001..<2_000).map { UInt64($0) })
        #expect(wheel.count == 0)
    }

    @Test func `tokens of one tick come out in the order they were scheduled`() {
        var wheel = TimerWheel(now: .zero)
        for token in 0..<100 { wheel.schedule(UInt64(token), at: .milliseconds(250)) }
        #expect(advance(&wheel, to: 300) == (0..<100).map { UInt64($0) })
    }

    @Test func `a token may be scheduled again, also twice, and when it comes out`() {
        var wheel = TimerWheel(now: .zero)
        wheel.schedule(1, at: .milliseconds(200))
        wheel.schedule(1, at: .milliseconds(400))
        #expect(wheel.count == 2)
        #expect(advance(&wheel, to: 200) == [1])
        wheel.schedule(1, at: .milliseconds(300))
        #expect(advance(&wheel, to: 300) == [1])
        #expect(advance(&wheel, to: 400) == [1])
        #expect(wheel.count == 0)
    }

    @Test func `time that stands still or goes back gives nothing up`() {
        var wheel = TimerWheel(now: .milliseconds(1_000))
        wheel.schedule(1, at: .milliseconds(1_100))
        #expect(advance(&wheel, to: 1_000) == [])
        #expect(advance(&wheel, to: 0) == [])
        #expect(advance(&wheel, to: 1_100) == [1])
    }

    @Test(
        arguments: [
            (0, 100), (1, 99), (99, 1), (100, 0), (250, 0),
        ] as [(Int64, Int32)])
    func `the next tick is at most 100 ms away`(now: Int64, wait: Int32) {
        var wheel = TimerWheel(now: .zero)
        #expect(wheel.millisecondsToNextTick(from: .milliseconds(now)) == nil)
        wheel.schedule(1, at: .milliseconds(60_000))
        #expect(wheel.millisecondsToNextTick(from: .milliseconds(now)) == wait)
    }

    @Test func `waiting for the next tick reaches it, never stops short of it`() {
        var wheel = TimerWheel(now: .zero)
        wheel.schedule(1, at: .milliseconds(100))
        // Half a millisecond before the tick, a wait of 0 would spin.
        #expect(wheel.millisecondsToNextTick(from: Instant(nanoseconds: 99_500_000)) == 1)
    }

    @Test func `the ends of the clock are points in time like others`() {
        var wheel = TimerWheel(now: Instant(nanoseconds: -250_000_000))
        wheel.schedule(1, at: Instant(nanoseconds: .max))
        wheel.schedule(2, at: Instant(nanoseconds: .min))
        wheel.schedule(3, at: Instant(nanoseconds: -110_000_000))
        #expect(advance(&wheel, to: -201) == [])
        #expect(advance(&wheel, to: -200) == [2])
        #expect(advance(&wheel, to: -100) == [3])
        #expect(advance(&wheel, to: 100_000_000) == [])
        // What is due at the clock's very end has no tick left and never comes out.
        var tokens: [UInt64] = []
        wheel.advance(to: Instant(nanoseconds: .max), into: &tokens)
        #expect(tokens == [])
        #expect(wheel.count == 1)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `it agrees with a plain list`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var now = Int64.random(in: 0...1_000_000, using: &random)
        var wheel = TimerWheel(now: .milliseconds(now))
        var list: [UInt64: Int64] = [:]
        for round in 0..<3_000 {
            if Bool.random(using: &random) {
                let reach: Int64 = [50, 1_000, 60_000, 500_000][Int(random.next() % 4)]
                let due = now + Int64.random(in: -1_000...reach, using: &random)
                wheel.schedule(UInt64(round), at: .milliseconds(due))
                // Not before the next tick.
                list[UInt64(round)] = max(due, (now / 100 + 1) * 100)
            } else {
                let pause: Int64 = [10, 150, 3_000, 100_000][Int(random.next() % 4)]
                now += Int64.random(in: 0...pause, using: &random)
                let out = Set(advance(&wheel, to: now))
                // Only whole ticks have passed.
                #expect(out == Set(list.filter { $0.value <= now / 100 * 100 }.keys))
                list = list.filter { !out.contains($0.key) }
            }
            #expect(wheel.count == list.count)
        }
    }
}

extension Instant {
    fileprivate static func milliseconds(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: milliseconds * 1_000_000)
    }
}
