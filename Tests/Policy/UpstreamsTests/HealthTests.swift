import Clock
import Settings
import Testing
import Upstreams

@Suite struct HealthTests {
    @Test func `a server that failed is skipped and tried again when the time is over`() {
        let group = group([1, 1])
        group.reportFailure(0, now: .seconds(100))
        #expect(group.shares(of: 10, at: .seconds(100)) == [0, 10])
        #expect(group.shares(of: 10, at: .seconds(110) + .nanoseconds(-1)) == [0, 10])
        #expect(group.shares(of: 10, at: .seconds(110))[0] == 1, "one exchange tries it")
        group.reportSuccess(0, now: .zero)
        #expect(group.shares(of: 10, at: .seconds(110)) == [5, 5])
    }

    @Test func `a trial that fails, or never reports, skips it once more`() {
        let group = group([1, 1])
        group.reportFailure(0, now: .seconds(0))
        #expect(group.shares(of: 4, at: .seconds(10))[0] == 1)
        group.reportFailure(0, now: .seconds(13))
        #expect(group.shares(of: 4, at: .seconds(22))[0] == 0)
        #expect(group.shares(of: 4, at: .seconds(23))[0] == 1)
        #expect(group.shares(of: 4, at: .seconds(32))[0] == 0)
        #expect(group.shares(of: 4, at: .seconds(33))[0] == 1)
    }

    @Test func `racing workers make one trial`() async {
        for _ in 0..<50 {
            let group = group([1, 1])
            group.reportFailure(0, now: .seconds(0))
            await withTaskGroup { tasks in
                for _ in 0..<8 {
                    tasks.addTask { _ = group.shares(of: 10, at: .seconds(10)) }
                }
            }
            #expect(group.servers[0].state.totals.chosen == 1)
            #expect(group.servers[1].state.totals.chosen == 79)
        }
    }

    @Test func `success ends the skip at once`() {
        let group = group([1, 1])
        group.reportFailure(0, now: .zero)
        #expect(group.servers[0].state.skippedUntil == .seconds(10))
        group.reportSuccess(0, now: .zero)
        #expect(group.servers[0].state.skippedUntil == nil)
        #expect(group.shares(of: 10) == [5, 5])
        #expect(group.servers[0].state.totals.failed == 1)
    }

    @Test(arguments: [ServerChoice.Balance.roundRobin, .leastConnections])
    func `backups are used only while no other server is healthy`(
        balance: ServerChoice.Balance
    ) {
        let group = group([1, 1], backups: [2, 1], balance: balance)
        #expect(group.shares(of: 6) == [3, 3, 0, 0])
        group.reportFailure(0, now: .zero)
        #expect(group.shares(of: 6) == [0, 6, 0, 0])
        group.reportFailure(1, now: .zero)
        #expect(group.shares(of: 6) == [0, 0, 4, 2])
        group.reportFailure(2, now: .zero)
        #expect(group.shares(of: 6) == [0, 0, 0, 6])
        group.reportSuccess(1, now: .zero)
        #expect(group.shares(of: 6) == [0, 6, 0, 0])
    }

    @Test func `an exchange that tried all servers proper goes to a backup`() {
        let group = group([1, 1], backups: [1])
        #expect(group.turn(tried: [0, 1]) == 2)
        #expect(group.turn(tried: [0, 1, 2]) == nil)
    }

    @Test func `when all are skipped, the one that comes back first is tried`() {
        let group = group([1, 1], backups: [1])
        group.reportFailure(0, now: .seconds(3))
        group.reportFailure(1, now: .seconds(1))
        group.reportFailure(2, now: .seconds(2))
        #expect(group.shares(of: 5, at: .seconds(4)) == [0, 5, 0])
        #expect(group.turn(at: .seconds(4), tried: [1]) == 2)
        #expect(group.turn(at: .seconds(4), tried: [1, 2]) == 0)
        #expect(group.turn(at: .seconds(4), tried: [0, 1, 2]) == nil)
    }

    @Test func `the only server is never given up`() {
        let group = group([1])
        for second in 0..<5 {
            group.reportFailure(0, now: .seconds(second))
            #expect(group.turn(at: .seconds(second)) == 0)
        }
    }
}
