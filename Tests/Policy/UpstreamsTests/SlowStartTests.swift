import Clock
import Settings
import Testing

@testable import Upstreams

@Suite struct SlowStartTests {
    private static let back = Instant.seconds(1000)

    /// Two servers, of which the first has come back at `back`.
    private func group(_ balance: ServerChoice.Balance, slowStart: Duration? = .seconds(30))
        -> BackendGroup
    {
        let group = UpstreamsTests.group(of: [server(8000), server(8001)]) {
            $0.choice.balance = balance
            $0.choice.slowStart = slowStart
        }
        group.reportFailure(0, now: .seconds(980))
        group.reportSuccess(0, now: Self.back)
        return group
    }

    @Test(
        arguments: [
            (0, 100), (1, 100), (3, 100), (6, 200), (15, 500), (29, 966), (30, 1000), (99, 1000),
        ])
    func `the share grows from a tenth to all`(seconds: Int, share: Int) {
        let slow = SlowStart()
        #expect(slow.share(at: Self.back, over: .seconds(30)) == 1000, "it was never away")
        slow.cameBack(at: Self.back)
        #expect(slow.share(at: Self.back + .seconds(seconds), over: .seconds(30)) == share)
        #expect(slow.share(at: Self.back + .seconds(seconds), over: nil) == 1000)
    }

    @Test func `a server that an operator uses again comes back slowly, too`() {
        let group = UpstreamsTests.group(of: [server(8000), server(8001)]) {
            $0.choice.slowStart = .seconds(30)
        }
        #expect(group.shares(of: 1000, at: Self.back) == [500, 500])
        group.servers[0].state.drain(keepingLive: nil, at: Self.back)
        #expect(group.shares(of: 1000, at: Self.back) == [500, 500], "it was not drained")
        group.servers[0].state.drain(keepingLive: true, at: Self.back)
        #expect(group.shares(of: 10, at: Self.back) == [0, 10])
        group.servers[0].state.drain(keepingLive: nil, at: Self.back)
        #expect((20..<200).contains(group.shares(of: 1000, at: Self.back)[0]))
        #expect(group.shares(of: 1000, at: Self.back + .seconds(30)) == [500, 500])
    }

    @Test(
        arguments: [
            .roundRobin, .random, .hash(.source(.query("q"))),
        ] as [ServerChoice.Balance], [(0, 0.1), (15, 0.5), (30, 1)])
    func `a server that is back gets its share of what it had`(
        balance: ServerChoice.Balance, moment: (seconds: Int, share: Double)
    ) {
        let group = group(balance)
        let now = Self.back + .seconds(moment.seconds)
        var shares = [0, 0]
        for key in 0..<4000 {
            var wish = ServerWish()
            wish.balanceKey = ServerWish.key("\(key)")
            if let index = group.place(wish, at: now) { shares[index] += 1 }
        }
        let share = Double(shares[0]) / 4000
        // Of its turns, or by its weight against the other's.
        let expected =
            balance == .roundRobin ? moment.share / 2 : moment.share / (1 + moment.share)
        #expect(abs(share - expected) < 0.02, "\(shares)")
    }

    @Test func `with least connections it is given as many as fit its share`() {
        let group = group(.leastConnections)
        let now = Self.back + .seconds(6)
        func hold(_ count: Int, _ body: () -> Void) {
            guard count > 0 else { return body() }
            group.place(ServerWish(), at: now) { _ in hold(count - 1, body) }
        }
        hold(120) { #expect(group.servers.map(\.state.active) == [20, 100]) }
    }

    @Test func `without the word, and when it is alone, it has all at once`() {
        #expect(group(.roundRobin, slowStart: nil).shares(of: 10, at: Self.back) == [5, 5])
        let group = group(.roundRobin)
        group.reportFailure(1, now: Self.back)
        #expect(group.shares(of: 10, at: Self.back) == [10, 0])
    }
}
