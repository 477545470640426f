import Clock
import Settings
import Testing

@testable import Upstreams

@Suite struct RetryBudgetTests {
    private func budget(_ percent: Int, floor: Int) -> GroupBounds.RetryBudget {
        var budget = GroupBounds.RetryBudget()
        budget.percent = percent
        budget.floor = floor
        return budget
    }

    /// How many retries are allowed of those that `asked` requests at once want.
    private func allowed(
        _ window: inout RetryWindow, _ budget: GroupBounds.RetryBudget, asked: Int, at now: Instant,
        requests: Int
    ) -> Int {
        (0..<asked).count { _ in window.take(budget, at: now, requests: requests) }
    }

    @Test(
        arguments: [
            (20, 0, 1000, 200), (20, 10, 1000, 200), (20, 10, 20, 10), (0, 3, 1000, 3),
            (100, 0, 50, 50), (0, 0, 1000, 0),
        ] as [(percent: Int, floor: Int, requests: Int, allowed: Int)])
    func `a share of the requests, and never fewer than the floor`(
        percent: Int, floor: Int, requests: Int, expected: Int
    ) {
        var window = RetryWindow()
        window.look(at: .seconds(100), requests: 0)
        let allowed = allowed(
            &window, budget(percent, floor: floor), asked: 2000, at: .seconds(100),
            requests: requests)
        #expect(allowed == expected)
    }

    @Test func `what was more than ten seconds ago counts no more`() {
        var window = RetryWindow()
        let budget = budget(20, floor: 0)
        window.look(at: .seconds(100), requests: 0)
        #expect(allowed(&window, budget, asked: 99, at: .seconds(100), requests: 100) == 20)
        #expect(allowed(&window, budget, asked: 99, at: .seconds(105), requests: 100) == 0)
        #expect(allowed(&window, budget, asked: 99, at: .seconds(106), requests: 200) == 20)
        // Nothing but what came at 106 seconds.
        #expect(allowed(&window, budget, asked: 99, at: .seconds(112), requests: 300) == 20)
        // All that was long ago, retries and requests.
        #expect(allowed(&window, budget, asked: 99, at: .seconds(900), requests: 300) == 0)
        #expect(allowed(&window, budget, asked: 99, at: .seconds(900), requests: 310) == 2)
    }

    @Test func `over all times no more than the share and the floor`() {
        var window = RetryWindow()
        let budget = budget(20, floor: 5)
        var (requests, retries) = (0, 0)
        for tenth in 0..<1000 {
            let now = Instant.zero + .milliseconds(100 * tenth)
            requests += 10
            window.look(at: now, requests: requests)
            if window.take(budget, at: now, requests: requests) { retries += 1 }
            if window.take(budget, at: now, requests: requests) { retries += 1 }
            if window.take(budget, at: now, requests: requests) { retries += 1 }
        }
        #expect(abs(Double(retries) / Double(requests) - 0.2) < 0.02)
    }

    @Test func `an attempt beyond the budget waits, or fails, as if no server were left`() {
        let group = group(of: [server(8000), server(8001), server(8002)]) {
            $0.bounds.retries = 9
            $0.bounds.retryBudget = budget(20, floor: 1)
        }
        var first = Attempt(isWebSocket: false)
        #expect(first.failed(.unreachable, at: 0, of: group, now: .seconds(1)) == .choose)
        #expect(first.failed(.unreachable, at: 1, of: group, now: .seconds(1)) == .wait)
        var second = Attempt(isWebSocket: false)
        #expect(
            second.failed(.closedEarly, at: 0, of: group, now: .seconds(1)) == .fail(.closedEarly))
        #expect(group.ledger.totals == .init(retries: 1, refusedRetries: 2))
        var later = Attempt(isWebSocket: false)
        #expect(later.failed(.closedEarly, at: 0, of: group, now: .seconds(13)) == .resend)
    }
}
