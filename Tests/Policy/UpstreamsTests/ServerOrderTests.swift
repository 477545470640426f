import Clock
import HTTP1
import Settings
import Testing

@testable import Upstreams

/// Servers that an operator takes out of use, and uses again.
@Suite struct ServerOrderTests {
    @Test func `a drained server gets no exchange, and the others get its share`() {
        let group = group([3, 1, 1])
        group.servers[0].state.order.drain(at: .seconds(1), keepingLive: false)
        #expect(group.shares(of: 100, at: .seconds(2)) == [0, 50, 50])
        #expect(group.servers[0].state.order.withdraw())
        #expect(group.shares(of: 100, at: .seconds(3)) == [60, 20, 20])
    }

    @Test func `backups are there for drained servers, too`() {
        let group = group([1], backups: [1])
        group.servers[0].state.order.drain(at: .zero, keepingLive: false)
        #expect(group.turn() == 1)
    }

    @Test(arguments: [false, true])
    func `a group whose servers are all drained has none, however they are`(isDown: Bool) {
        let group = group([1, 1])
        for index in 0..<2 {
            if isDown { group.reportFailure(index, now: .zero) }
            group.servers[index].state.order.drain(at: .zero, keepingLive: true)
        }
        #expect(group.turn(at: .seconds(1)) == nil && group.turn(at: .seconds(1000)) == nil)
        #expect(group.isAway(at: .seconds(1000)) && !group.isReachable)
    }

    @Test func `it is not even the last resort while the others are down`() {
        let group = group([1, 1])
        group.reportFailure(1, now: .zero)
        group.servers[0].state.order.drain(at: .zero, keepingLive: false)
        #expect(group.turn(at: .seconds(1)) == 1)
        #expect(group.turn(at: .seconds(1), tried: [1]) == nil)
    }

    @Test func `an order outlives a generation, and belongs to one server of one group`() {
        let registry = UpstreamRegistry()
        let old = group([1, 1], registry: registry)
        old.servers[1].state.order.drain(at: .zero, keepingLive: false)
        let new = group([1, 1, 1], registry: registry)
        #expect(new.shares(of: 10)[1] == 0 && old.shares(of: 10) == [10, 0])
    }

    /// Orders in turn, and what holds then.
    @Test func `the last order counts, and the first one says since when`() {
        let state = group([1]).servers[0].state
        let order = state.order
        #expect(order.standing == .serve && !order.isDraining && !order.endsLive)
        order.drain(at: .seconds(5), keepingLive: true)
        #expect(order.standing == .drain(since: .seconds(5), keepsLive: true))
        #expect(order.isDraining && !order.endsLive)
        order.drain(at: .seconds(9), keepingLive: false)
        #expect(order.standing == .drain(since: .seconds(5), keepsLive: false))
        #expect(order.endsLive)
        #expect(order.withdraw() && !order.withdraw())
        order.drain(at: .seconds(20), keepingLive: false)
        #expect(order.standing == .drain(since: .seconds(20), keepsLive: false))
    }

    @Test func `operators hear whether a server is used, why not, and since when`() {
        let group = group([1])
        let state = group.servers[0].state
        #expect(state.standing(at: .seconds(9)) == ServerStanding(state: .up))
        group.reportFailure(0, now: .seconds(3))
        group.reportFailure(0, now: .seconds(4))
        #expect(
            state.standing(at: .seconds(9))
                == ServerStanding(state: .down, why: .unreachable, since: .seconds(3)))
        group.reportSuccess(0, now: .seconds(7))
        #expect(
            state.standing(at: .seconds(9))
                == ServerStanding(state: .up, why: nil, since: .seconds(7)))
        state.health.checked(isUp: false, .closed, at: .seconds(8))
        #expect(
            state.standing(at: .seconds(9))
                == ServerStanding(state: .down, why: .checks, since: .seconds(8)))
        state.health.forgetChecks()
        _ = state.health.eject(EjectionSettings(after: 1), at: .seconds(9))
        #expect(
            state.standing(at: .seconds(9))
                == ServerStanding(state: .down, why: .ejected, since: .seconds(9)))
        #expect(state.takePlace(nil))
        let lease = ServerLease(of: state, isPending: false)
        state.order.drain(at: .seconds(8), keepingLive: false)
        #expect(
            state.standing(at: .seconds(9))
                == ServerStanding(state: .draining, why: .ordered, since: .seconds(8)))
        lease.close()
        #expect(
            state.standing(at: .seconds(9))
                == ServerStanding(state: .drained, why: .ordered, since: .seconds(8)))
    }

    @Test func `a server whose line says down is said to be so, unless it is drained`() {
        var down = server(8001)
        down.isDown = true
        let group = group(of: [server(8000), down])
        #expect(group.servers[0].standing(at: .zero) == ServerStanding(state: .up))
        group.reportFailure(1, now: .zero)
        #expect(
            group.servers[1].standing(at: .zero)
                == ServerStanding(state: .down, why: .configured))
        group.servers[1].state.order.drain(at: .zero, keepingLive: true)
        #expect(group.servers[1].standing(at: .zero).state == .drained, "who ordered it hears it")
    }

    @Test func `connections to a drained server rest no more, and those that do are closed`() {
        let group = group([1])
        let state = group.servers[0].state
        var pool = OriginPool([group])
        func put(_ connection: UInt64) -> Bool {
            let outcome = pool.put(
                OriginPool.Candidate(connection, to: state, rest: .open, made: .zero), of: group,
                at: .zero,
                turn: 1)
            if case .rests = outcome { return true }
            return false
        }
        let before = put(1)
        #expect(before)
        #expect(pool.leave(state) == [], "nothing was ordered")
        state.order.drain(at: .zero, keepingLive: true)
        let behind = put(2)
        #expect(!behind)
        #expect(pool.leave(state) == [1])
        #expect(pool.leave(state) == [])
    }
}
