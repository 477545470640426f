import Clock
import Settings
import Synchronization
import Testing
import Upstreams

@Suite struct RoundRobinTests {
    @Test(
        arguments: [
            ([1], "aaaa"),
            ([1, 1], "abab"),
            ([1, 1, 1], "abcabc"),
            ([5, 1, 1], "aabacaaaabacaa"),
            ([3, 2, 1], "abacbaabacba"),
            ([2, 4], "babbab"),
            ([1000, 1000], "abab"),
        ] as [([Int], String)])
    func `turns are smooth and by weight`(weights: [Int], turns: String) {
        let group = group(weights)
        let letters = Array("abcdefgh")
        let seen = turns.map { _ in group.turn().map { letters[$0] } ?? "-" }
        #expect(String(seen) == turns)
    }

    @Test(arguments: [[1, 1], [1, 2, 3], [7, 5, 3, 2], [1000, 1], [999, 1000, 998]])
    func `one round gives everyone exactly its weight`(weights: [Int]) {
        let group = group(weights)
        let sum = weights.reduce(0, +)
        #expect(group.shares(of: sum) == weights)
        #expect(group.shares(of: 3 * sum) == weights.map { 3 * $0 })
    }

    @Test func `weights beyond the longest plan keep their proportions`() {
        let weights = (0..<40).map { $0 == 0 ? 1 : 990 + $0 % 10 }
        let sum = weights.reduce(0, +)
        let shares = group(weights).shares(of: sum)
        #expect(shares.reduce(0, +) == sum)
        #expect((1...5).contains(shares[0]))
        for (share, weight) in zip(shares, weights).dropFirst() {
            #expect(abs(share - weight) * 50 < weight)
        }
    }

    @Test(
        arguments: [
            ([1, 1, 1], 2, [3, 3, 0]),
            ([1, 1, 1], 0, [0, 3, 3]),
            ([2, 1, 1], 0, [0, 4, 4]),
            ([4, 2, 1], 2, [14, 7, 0]),
            ([5, 3, 2], 1, [50, 0, 20]),
        ] as [([Int], Int, [Int])])
    func `the turns of a skipped server go to the others by their weights`(
        weights: [Int], skipped: Int, shares: [Int]
    ) {
        let group = group(weights)
        group.reportFailure(skipped, now: .zero)
        let rounds = shares.reduce(0, +)
        // A common multiple of the plan's length and of the weights that are left.
        let left = weights.reduce(0, +) * (weights.reduce(0, +) - weights[skipped])
        let seen = group.shares(of: left * rounds)
        let expected = shares.map { $0 * left }
        #expect(seen == expected)
    }

    @Test func `turns are exact over all workers`() async {
        let group = group([5, 2, 1])
        await withTaskGroup { tasks in
            for _ in 0..<8 {
                tasks.addTask { _ = group.shares(of: 1000) }
            }
        }
        #expect(group.servers.map(\.state.totals.chosen) == [5000, 2000, 1000])
        #expect(group.servers.map(\.state.active) == [0, 0, 0])
    }

    @Test func `a retry takes no turn of the plan and never the server that failed`() {
        let group = group([1, 1, 1])
        #expect(group.turn() == 0)
        for _ in 0..<10 {
            let second = group.turn(tried: [0])
            #expect(second == 1 || second == 2)
        }
        #expect(group.turn() == 1)
        #expect(group.turn(tried: [0, 1]) == 2)
        #expect(group.turn(tried: [0, 1, 2]) == nil)
    }

    @Test func `a group without servers has none to choose`() {
        #expect(group([]).turn() == nil)
    }
}
