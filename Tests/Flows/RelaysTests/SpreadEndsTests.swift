import Clock
import Testing

@testable import Relays

/// Who ends when, and comes back when.
@Suite struct SpreadEndsTests {
    private struct One {
        var moment: Instant
        var back: Instant
    }

    /// All ends of these workers, looked for every so many milliseconds, as a loop does.
    private func ends(_ counts: [Int], over time: Duration, every step: Int64 = 100) -> [One] {
        var found: [One] = []
        for (index, count) in counts.enumerated() {
            let share = SpreadEnds.Share(index: index, count: counts.count)
            var ends = SpreadEnds(
                (0..<count).map { UInt64($0) }, of: share, from: .zero, over: time)
            var now = Instant.zero
            while ends.count > 0 {
                for due in ends.takeDue(at: now, most: .max) {
                    found.append(
                        One(
                            moment: now,
                            back: now + .milliseconds(Int64(due.returnMilliseconds))))
                }
                now = now + .milliseconds(step)
            }
        }
        return found
    }

    private func most(_ instants: [Instant], within window: Duration = .seconds(1)) -> Int {
        let sorted = instants.map(\.nanoseconds).sorted()
        var (first, most) = (0, 0)
        for (index, instant) in sorted.enumerated() {
            while instant - sorted[first] >= window.wholeMilliseconds * 1_000_000 { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    /// Sockets of each worker, and the seconds of a drain.
    @Test(
        arguments: [
            ([2000], 20), ([1000, 1000], 20), ([1400, 600], 20), ([500, 500, 500, 500], 20),
            ([2000, 0], 30), ([5000, 5000], 30), ([700, 700, 600], 10),
        ] as [([Int], Int)])
    func `of a crowd at most 15 % end in any second, or come back`(counts: [Int], seconds: Int) {
        let window = SpreadEnds.window(of: .seconds(seconds))
        let all = ends(counts, over: window)
        let total = counts.reduce(0, +)
        #expect(all.count == total)
        #expect(all.allSatisfy { $0.moment <= .zero + window + .milliseconds(100) })
        #expect(most(all.map(\.moment)) * 100 <= total * 15)
        #expect(most(all.map(\.back)) * 100 <= total * 15)
    }

    @Test func `every worker spreads its own over all of the time, and no two end at once`() {
        let all = ends([3, 3], over: .milliseconds(240), every: 1)
        #expect(
            all.map { $0.moment.nanoseconds / 1_000_000 } == [0, 80, 160, 40, 120, 200])
    }

    @Test func `a few end soon, whatever time there is`() {
        let all = ends([5, 5], over: .seconds(3600), every: 1)
        let last = all.map(\.moment).max()
        #expect(last == .zero + .milliseconds(450))
    }

    @Test(arguments: [0, 1, 7]) func `who has no time ends at once`(count: Int) {
        let all = ends([count], over: .zero)
        #expect(all.count == count && all.allSatisfy { $0.moment == .zero })
    }

    @Test func `those that end at once come back spread, the more the longer`() {
        for (count, seconds) in [(1000, 4.0), (20_000, 40.0)] {
            let all = ends([count / 2, count / 2], over: .zero)
            let backs = all.map(\.back)
            #expect(backs.allSatisfy { $0 >= .zero + SpreadEnds.firstReturn })
            #expect(most(backs) <= Int(1.1 * Double(count) / seconds))
        }
        let crowd = ends([1_000_000], over: .zero)
        let last = crowd.map(\.back).max() ?? .zero
        #expect(last <= .zero + SpreadEnds.firstReturn + SpreadEnds.longestReturns)
    }

    @Test func `neighbours do not come back together`() {
        let backs = ends([1000], over: .zero).map(\.back.nanoseconds)
        for (one, next) in zip(backs, backs.dropFirst()) {
            #expect(abs(one - next) > 1_000_000_000)
        }
    }

    @Test func `one is told once, in its order, and no more at a time than are asked for`() {
        var ends = SpreadEnds(
            [7, 5, 9], of: .init(index: 0, count: 1), from: .zero, over: .zero)
        let first = ends.takeDue(at: .zero, most: 2).map(\.client)
        #expect(first == [7, 5] && ends.count == 1 && ends.nextDue == .zero)
        let rest = ends.takeDue(at: .zero, most: 2).map(\.client)
        #expect(rest == [9] && ends.count == 0 && ends.nextDue == nil)
        let none = ends.takeDue(at: .never, most: .max)
        #expect(none.isEmpty)
    }

    @Test func `nobody ends before his time`() {
        var ends = SpreadEnds(
            [1, 2], of: .init(index: 1, count: 2), from: .zero, over: .milliseconds(100))
        #expect(ends.nextDue == .zero + .milliseconds(25))
        let early = ends.takeDue(at: .zero + .milliseconds(24), most: 9)
        #expect(early.isEmpty)
        let first = ends.takeDue(at: .zero + .milliseconds(25), most: 9).map(\.client)
        #expect(first == [1] && ends.nextDue == .zero + .milliseconds(75))
    }

    /// The time of a drain, and what of it ends are spread over.
    @Test(arguments: [(0, 0), (2000, 1500), (20_000, 15_000), (30_000, 25_000), (600_000, 595_000)])
    func `the last ones have time to close`(drain: Int64, window: Int64) {
        #expect(SpreadEnds.window(of: .milliseconds(drain)) == .milliseconds(window))
    }
}
