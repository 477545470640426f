import Clock
import Settings
import Testing
import Upstreams

@Suite struct LeastConnectionsTests {
    @Test(
        arguments: [
            ([1, 1], 10, [5, 5]),
            ([1, 1, 1], 9, [3, 3, 3]),
            ([1, 2], 9, [3, 6]),
            ([1, 2, 3], 12, [2, 4, 6]),
            ([10, 1], 11, [10, 1]),
        ] as [([Int], Int, [Int])])
    func `exchanges that stay are spread by weight`(
        weights: [Int], count: Int, shares: [Int]
    ) {
        let group = group(weights, balance: .leastConnections)
        hold(count, of: group) {
            #expect(group.servers.map(\.state.active) == shares)
        }
        #expect(group.servers.allSatisfy { $0.state.active == 0 })
    }

    @Test func `ties are taken in turns, by weight`() {
        let equal = group([1, 1, 1], balance: .leastConnections)
        #expect(equal.shares(of: 30) == [10, 10, 10])
        let weighted = group([2, 1], balance: .leastConnections)
        #expect(weighted.shares(of: 30) == [20, 10])
    }

    @Test func `who has fewer for its weight comes first`() {
        let group = group([1, 1], balance: .leastConnections)
        hold(1, of: group) {
            let busy = group.servers[0].state.active
            #expect(busy + group.servers[1].state.active == 1)
            for _ in 0..<4 { #expect(group.turn() == busy) }
        }
        #expect(group.shares(of: 4) == [2, 2])
    }

    @Test func `a skipped server is left out however idle it is`() {
        let group = group([1, 1], balance: .leastConnections)
        group.reportFailure(0, now: .zero)
        hold(5, of: group) {
            #expect(group.servers.map(\.state.active) == [0, 5])
        }
    }

    /// Calls `body` while `count` exchanges are held.
    private func hold(_ count: Int, of group: BackendGroup, _ body: () -> Void) {
        guard count > 0 else { return body() }
        let lease = group.choose(now: .zero)
        hold(count - 1, of: group, body)
        if let lease { lease.close() }
    }
}
