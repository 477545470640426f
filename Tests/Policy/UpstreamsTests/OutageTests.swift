import Clock
import Testing
import Upstreams

@Suite struct OutageTests {
    private static let second: Duration = .seconds(1)

    @Test func `one line when it goes, one when it is back, with what failed in between`() {
        var outage = Outage()
        #expect(outage.failed(at: .seconds(10)) == .away)
        for _ in 0..<390 { #expect(outage.failed(at: .seconds(11)) == nil) }
        #expect(outage.succeeded(at: .seconds(13)) == .back(after: .seconds(3), attempts: 391))
        #expect(outage.succeeded(at: .seconds(13)) == nil)
        #expect(outage.count == 1)
        #expect(outage.failed(at: .seconds(20)) == .away)
        #expect(outage.succeeded(at: .seconds(21)) == .back(after: .seconds(1), attempts: 1))
        #expect(outage.count == 2)
    }

    @Test func `a server that comes and goes without end says two lines a second`() {
        var outage = Outage()
        var lines = 0
        for millisecond in 0..<10_000 {
            let now = Instant.zero + .milliseconds(millisecond)
            if outage.failed(at: now) != nil { lines += 1 }
            if outage.succeeded(at: now) != nil { lines += 1 }
        }
        #expect(lines == 20)
        #expect(outage.count == 10_000)
    }

    @Test func `one that stays away after a line was left out is told of then`() {
        var outage = Outage()
        #expect(outage.failed(at: .seconds(1)) == .away)
        #expect(outage.succeeded(at: .seconds(2)) != nil)
        #expect(outage.failed(at: .seconds(2)) == nil, "too soon")
        #expect(outage.failed(at: .seconds(4)) == .away)
        #expect(outage.succeeded(at: .seconds(5)) == .back(after: .seconds(3), attempts: 2))
    }

    @Test func `the group passes on what all workers together found out, once`() async {
        let group = group([1, 1])
        #expect(!group.isAway(at: .zero) && group.isReachable)
        let notices = await withTaskGroup(of: Int.self) { tasks in
            for _ in 0..<8 {
                tasks.addTask {
                    (0..<100).count { _ in group.reportFailure(0, now: .seconds(1)) == .away }
                }
            }
            return await tasks.reduce(0, +)
        }
        #expect(notices == 1)
        #expect(group.servers[0].state.outageCount == 1)
        #expect(!group.isAway(at: .seconds(1)), "the other works")
        group.reportFailure(1, now: .seconds(1))
        #expect(group.isAway(at: .seconds(1)) && !group.isReachable)
        #expect(!group.isAway(at: .seconds(11)), "one may be tried")
        #expect(
            group.reportSuccess(0, now: .seconds(2)) == .back(after: .seconds(1), attempts: 800))
        #expect(group.isReachable)
    }
}
