import Clock
import Randomness
import Testing

@testable import WebSocket

@Suite("Control frame rate")
struct ControlRateTests {
    static let start = Instant(nanoseconds: 1_234_567_890_123)

    private func allowed(_ rate: inout ControlRate, at now: Instant, tries: Int) -> Int {
        (0..<tries).count { _ in rate.allows(at: now) }
    }

    @Test("so many at once and no more", arguments: [1, 2, 3, 7, 100, 999, 4096, 65537])
    func burst(perSecond: Int) {
        var rate = ControlRate(perSecond: perSecond)
        #expect(allowed(&rate, at: Self.start, tries: perSecond + 10) == perSecond)
        // A second later the bucket is full again, however long ago it was emptied.
        #expect(
            allowed(&rate, at: Self.start + .seconds(1), tries: perSecond + 10) == perSecond)
        #expect(
            allowed(&rate, at: Self.start + .seconds(500), tries: perSecond + 10) == perSecond)
    }

    @Test("an empty bucket fills drop by drop", arguments: [1, 2, 3, 7, 100, 999])
    func refill(perSecond: Int) {
        var rate = ControlRate(perSecond: perSecond)
        #expect(allowed(&rate, at: Self.start, tries: perSecond) == perSecond)
        for drop in 1...perSecond {
            // Rounded up: the first nanosecond at which the next token is whole.
            let due = (drop * 1_000_000_000 + perSecond - 1) / perSecond
            #expect(allowed(&rate, at: Self.start + .nanoseconds(due - 1), tries: 1) == 0)
            #expect(allowed(&rate, at: Self.start + .nanoseconds(due), tries: 1) == 1)
        }
    }

    @Test("frames that are refused cost nothing")
    func refused() {
        var rate = ControlRate(perSecond: 2)
        #expect(allowed(&rate, at: Self.start, tries: 1000) == 2)
        #expect(allowed(&rate, at: Self.start + .milliseconds(500), tries: 1000) == 1)
        #expect(allowed(&rate, at: Self.start + .milliseconds(1500), tries: 1000) == 2)
    }

    @Test("a steady sender at the rate is never refused", arguments: [1, 3, 7, 100])
    func steady(perSecond: Int) {
        var rate = ControlRate(perSecond: perSecond)
        for number in 0..<(perSecond * 20) {
            let now =
                Self.start + .nanoseconds((number * 1_000_000_000 + perSecond - 1) / perSecond)
            #expect(allowed(&rate, at: now, tries: 1) == 1)
        }
    }

    @Test("it counts as a bucket of fractions does")
    func reference() {
        for seed in 1...200 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let perSecond = Int.random(in: 1...50, using: &generator)
            var rate = ControlRate(perSecond: perSecond)
            var now = Self.start
            // In parts of a token: 10^9 of them are one, `perSecond` come in a nanosecond.
            let full = perSecond * 1_000_000_000
            var credit = full
            for _ in 0..<300 {
                let step =
                    generator.chance(50) ? 0 : Int.random(in: 0...90_000_000, using: &generator)
                now = now + .nanoseconds(step)
                credit = min(full, credit + step * perSecond)
                let isAllowed = credit >= 1_000_000_000
                if isAllowed { credit -= 1_000_000_000 }
                let count = allowed(&rate, at: now, tries: 1)
                #expect(count == (isAllowed ? 1 : 0), "seed \(seed)")
            }
        }
    }

    @Test("the ends of the clock and absurd rates are no trouble")
    func extremes() {
        for nanoseconds in [Int64.min, -1, 0, Int64.max - 2_000_000_000] {
            var rate = ControlRate(perSecond: 3)
            #expect(allowed(&rate, at: Instant(nanoseconds: nanoseconds), tries: 4) == 3)
        }
        // Where the clock ends no second is left to count in: refused, not trapped.
        var late = ControlRate(perSecond: 3)
        #expect(allowed(&late, at: Instant(nanoseconds: .max), tries: 4) <= 3)
        var fast = ControlRate(perSecond: .max)
        #expect(allowed(&fast, at: .zero, tries: 10_000) == 10_000)
    }

    @Test("it is a tiny value")
    func size() {
        #expect(MemoryLayout<ControlRate>.size <= 16)
    }
}
