import Clock
import Settings
import Testing
import Upstreams

@Suite struct RestingTests {
    private func resting(isWatched: Bool = false) -> Resting {
        Resting(since: .seconds(10), turn: 7, isWatched: isWatched, timeout: .seconds(60))
    }

    private static let quiet = Resting.quietTime

    static let steps: [(Bool, Duration, UInt64, Bool, Resting.Step)] = [
        // It was read in this very turn.
        (false, .zero, 7, true, .take),
        (false, .milliseconds(50), 7, true, .take),
        // A request that cannot be sent once more is worth a look.
        (false, .zero, 7, false, .look),
        (false, .zero, 8, true, .look),
        (false, .seconds(59), 900, true, .look),
        (false, .seconds(60), 900, true, .expire),
        (false, .seconds(61), 900, false, .expire),
        // Watched: a turn, and a while.
        (true, .zero, 7, true, .wait),
        (true, quiet, 7, true, .wait),
        (true, .zero, 8, true, .wait),
        (true, quiet - .nanoseconds(1), 8, false, .wait),
        (true, quiet, 8, true, .look),
        (true, quiet, 8, false, .look),
        (true, .seconds(60), 8, true, .expire),
    ]

    @Test(arguments: steps.indices)
    func `what is done when it is wanted`(index: Int) {
        let (isWatched, later, turn, mayRepeat, step) = Self.steps[index]
        let resting = resting(isWatched: isWatched)
        #expect(
            resting.step(at: .seconds(10) + later, turn: turn, mayRepeat: mayRepeat) == step)
    }

    @Test func `what may not have been read out is looked at, whatever the turn is`() {
        for (isWatched, later, step) in [
            (false, .zero, .look), (true, .zero, .wait), (true, Self.quiet, .look),
        ] as [(Bool, Duration, Resting.Step)] {
            let resting = Resting(
                since: .seconds(10), turn: nil, isWatched: isWatched, timeout: .seconds(60))
            for turn in [0, 7] as [UInt64] {
                #expect(
                    resting.step(at: .seconds(10) + later, turn: turn, mayRepeat: true) == step)
            }
        }
    }

    @Test func `a server that said too much is distrusted for a minute, and told once`() {
        let state = group([1]).servers[0].state
        #expect(!state.isDistrusted(at: .seconds(1)))
        #expect(state.saidTooMuch(at: .seconds(1)))
        #expect(!state.saidTooMuch(at: .seconds(2)))
        #expect(state.isDistrusted(at: .seconds(2) + ServerState.distrust - .nanoseconds(1)))
        #expect(!state.isDistrusted(at: .seconds(2) + ServerState.distrust))
        #expect(state.saidTooMuch(at: .seconds(2) + ServerState.distrust))
    }

    @Test func `a connection that is open already counts for its own server`() {
        let group = group([1, 1])
        let other = UpstreamRegistry().state(
            group: "app", address: .ip(address: "127.0.0.1", port: 9))
        do {
            let lease = group.lease(of: group.servers[1].state)
            #expect(group.servers.map(\.state.active) == [0, 1])
            if let lease {
                #expect(lease.state === group.servers[1].state)
                lease.close()
            } else {
                Issue.record("no lease")
            }
        }
        #expect(group.servers.map(\.state.active) == [0, 0])
        let isForeign = group.lease(of: other) == nil
        #expect(isForeign)
    }
}

extension Instant {
    fileprivate static func - (instant: Instant, duration: Duration) -> Instant {
        instant + .nanoseconds(-duration.wholeNanoseconds)
    }
}
