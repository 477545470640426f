import Clock
import Relays
import Settings
import Testing
import Upstreams

@testable import Proxy

/// Rounds of ends, of the process and of servers, beside each other.
@Suite struct LiveEndsTests {
    private let registry = UpstreamRegistry()

    private func server(_ port: UInt16) -> ServerState {
        registry.state(group: "app", address: .ip(address: "127.0.0.1", port: port))
    }

    private func round(_ clients: [UInt64], from now: Instant = .zero) -> SpreadEnds {
        SpreadEnds(
            clients, of: .init(index: 0, count: 1), from: now,
            over: .milliseconds(10 * clients.count))
    }

    private func due(_ ends: inout LiveEnds, _ milliseconds: Int) -> [UInt64] {
        ends.takeDue(at: .zero + .milliseconds(milliseconds), most: 100).map(\.0.client)
    }

    @Test func `servers end theirs beside each other, until none is left`() {
        let (one, other) = (server(1), server(2))
        var ends = LiveEnds()
        #expect(ends.isEmpty && ends.nextDue == nil)
        ends.begin(round([1, 2]), .server(one))
        ends.begin(round([3, 4], from: .zero + .milliseconds(5)), .server(other))
        #expect(ends.nextDue == .zero)
        let first = due(&ends, 5)
        #expect(first == [1, 3] && ends.nextDue == .zero + .milliseconds(10))
        let rest = due(&ends, 100)
        #expect(rest == [2, 4] && ends.isEmpty && ends.nextDue == nil)
    }

    @Test func `a new order for a server takes the place of the one before`() {
        let one = server(1)
        var ends = LiveEnds()
        ends.begin(round([1, 2, 3]), .server(one))
        ends.begin(round([2, 3]), .server(one))
        let all = due(&ends, 1000)
        #expect(all == [2, 3])
    }

    @Test func `an order takes the place of what checks said of the same server`() {
        let (one, other) = (server(1), server(2))
        var ends = LiveEnds()
        ends.begin(round([1, 2]), .down(one))
        ends.begin(round([3]), .down(other))
        ends.begin(round([2]), .server(one))
        let all = due(&ends, 1000)
        #expect(all == [3, 2])
    }

    @Test func `what is taken back ends nobody any more, and nobody else's order`() {
        let (one, other) = (server(1), server(2))
        var ends = LiveEnds()
        ends.begin(round([1]), .server(one))
        ends.begin(round([2]), .server(other))
        ends.forget(one)
        let all = due(&ends, 1000)
        #expect(all == [2])
    }

    @Test func `a stop is for all, whatever was ordered before`() {
        let one = server(1)
        var ends = LiveEnds()
        ends.begin(round([1, 2]), .server(one))
        ends.begin(round([1, 2, 3]), .stop)
        let all = due(&ends, 1000)
        #expect(all == [1, 2, 3])
    }

    @Test func `an order about nobody is none`() {
        var ends = LiveEnds()
        ends.begin(round([]), .stop)
        #expect(ends.isEmpty)
    }
}
