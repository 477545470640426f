import Clock
import Settings
import Testing

@testable import Upstreams

/// How requests are spread, against the theory of each algorithm.
@Suite struct BalanceTests {
    private static let weights = [[1, 1], [1, 2, 3], [7, 5, 3, 2], [10, 1], [100, 50, 50]]

    private static func group(
        _ weights: [Int], _ balance: ServerChoice.Balance, ports: [UInt16]? = nil
    ) -> BackendGroup {
        let servers = weights.indices.map {
            server(ports?[$0] ?? UInt16(8000 + $0), weight: weights[$0])
        }
        return UpstreamsTests.group(of: servers) { $0.choice.balance = balance }
    }

    private static let hash = ServerChoice.Balance.hash(.source(.query("room")))

    private func wish(_ key: Int) -> ServerWish {
        var wish = ServerWish()
        wish.balanceKey = ServerWish.key("room \(key)")
        return wish
    }

    /// Where each of `count` keys goes, by the port of its server.
    private func places(_ group: BackendGroup, count: Int) -> [Int] {
        (0..<count).map { key in
            let index = group.place(wish(key)) ?? -1
            guard case .ip(_, let port) = group.servers[index].state.address else { return -1 }
            return Int(port)
        }
    }

    @Test(
        arguments: weights,
        [.roundRobin, .leastConnections, .random, hash] as [ServerChoice.Balance])
    func `shares are those of the weights, within 2 percent of all`(
        weights: [Int], balance: ServerChoice.Balance
    ) {
        let group = Self.group(weights, balance)
        let count = 20_000
        var shares = weights.map { _ in 0 }
        for key in 0..<count { if let index = group.place(wish(key)) { shares[index] += 1 } }
        let sum = weights.reduce(0, +)
        for (share, weight) in zip(shares, weights) {
            let difference = Double(share) / Double(count) - Double(weight) / Double(sum)
            #expect(abs(difference) < 0.02, "\(balance): \(shares)")
        }
        #expect(shares.reduce(0, +) == count)
    }

    @Test(arguments: [[1, 1, 1, 1], [1, 2, 3]])
    func `two choices keep exchanges that stay nearly as even as the least of all`(weights: [Int]) {
        let group = Self.group(weights, .random)
        let count = 1200
        hold(count, of: group, wishes: { _ in ServerWish() }) {
            let sum = weights.reduce(0, +)
            for (server, weight) in zip(group.servers, weights) {
                let fair = Double(count * weight) / Double(sum)
                #expect(abs(Double(server.state.active) - fair) < fair * 0.02 + 3)
            }
        }
    }

    // MARK: hash

    @Test func `a key goes to the same server, in every process and whatever the order`() {
        let first = Self.group([1, 1, 1], Self.hash, ports: [8000, 8001, 8002])
        let other = Self.group([1, 1, 1], Self.hash, ports: [8002, 8000, 8001])
        #expect(places(first, count: 500) == places(first, count: 500))
        #expect(places(first, count: 500) == places(other, count: 500))
        #expect(ServerWish.key("room 1") == 1_682_961_648_836_880_782, "it never changes")
    }

    @Test(arguments: [2, 3, 5, 10, 20])
    func `of n servers one that goes or comes moves no more than its keys`(count: Int) {
        let ports = (0..<count).map { UInt16(8000 + $0) }
        let keys = 10_000
        let all = places(Self.group(ports.map { _ in 1 }, Self.hash, ports: ports), count: keys)
        let fewer = Array(ports.dropLast())
        let left = places(Self.group(fewer.map { _ in 1 }, Self.hash, ports: fewer), count: keys)
        let moved = zip(all, left).count { $0 != $1 }
        #expect(Double(moved) / Double(keys) <= 1 / Double(count) + 0.05)
        for (before, after) in zip(all, left) where before != after {
            #expect(before == Int(ports[count - 1]), "only what was on the one that went")
        }
    }

    @Test func `a higher weight takes keys and gives none`() {
        let ports: [UInt16] = [8000, 8001, 8002]
        let even = places(Self.group([1, 1, 1], Self.hash, ports: ports), count: 5000)
        let uneven = places(Self.group([1, 1, 2], Self.hash, ports: ports), count: 5000)
        for (before, after) in zip(even, uneven) where before != after { #expect(after == 8002) }
        let gained = zip(even, uneven).count { $0 != $1 }
        #expect(abs(Double(gained) / 5000 - (0.5 - 1.0 / 3)) < 0.02)
    }

    @Test func `a server that cannot be reached lends its keys, and has them back`() {
        let group = Self.group([1, 1, 1], Self.hash)
        let before = places(group, count: 300)
        group.reportFailure(1, now: .zero)
        let without = places(group, count: 300)
        for (port, other) in zip(before, without) { #expect(port == 8001 || port == other) }
        #expect(!without.contains(8001))
        group.reportSuccess(1, now: .zero)
        #expect(places(group, count: 300) == before)
    }

    @Test(arguments: [[1, 1, 1, 1, 1], [1, 2, 3]])
    func `nobody holds more than 1.25 times its share, even of one key`(weights: [Int]) {
        let group = Self.group(weights, Self.hash)
        let count = 1000
        hold(count, of: group, wishes: { _ in wish(7) }) {
            let sum = weights.reduce(0, +)
            for (server, weight) in zip(group.servers, weights) {
                let bound = 1.25 * Double(count * weight) / Double(sum)
                #expect(Double(server.state.active) <= bound.rounded(.up))
            }
            #expect(group.servers.map(\.state.active).reduce(0, +) == count)
        }
    }

    @Test func `who brings no key is dealt in turns`() {
        let group = Self.group([1, 1], Self.hash)
        #expect(group.shares(of: 10) == [5, 5])
    }

    @Test(arguments: [0.5, 0.9999, 1e-16, 0.25, 0.7071, 1.0, 3.0])
    func `the logarithm is one`(value: Double) {
        // The derivative of the exponential is itself: e to the result gives the value back.
        let result = Rendezvous.naturalLogarithm(value)
        var (sum, term) = (1.0, 1.0)
        let part = result / 64
        for power in 1...20 {
            term *= part / Double(power)
            sum += term
        }
        for _ in 0..<6 { sum *= sum }
        #expect(abs(sum - value) <= value * 1e-10)
    }

    // MARK: Words of servers

    @Test func `weight 0 and down take nobody, not even when nothing else is left`() {
        var (idle, down) = (server(8001, weight: 0), server(8002))
        down.isDown = true
        idle.weight = 0
        let group = UpstreamsTests.group(of: [server(8000), idle, down])
        #expect(group.shares(of: 6) == [6, 0, 0])
        #expect(group.turn(tried: [0]) == nil)
        group.reportFailure(0, now: .zero)
        #expect(group.shares(of: 3) == [3, 0, 0])
        #expect(group.isAway(at: .zero))
        #expect(!group.isReachable)
    }

    @Test func `least connections counts what an old generation holds`() {
        let registry = UpstreamRegistry()
        let servers = [server(8000), server(8001)]
        let old = UpstreamsTests.group(of: servers, registry: registry)
        hold(4, of: old, wishes: { _ in ServerWish() }) {
            let new = UpstreamsTests.group(of: servers + [server(8002)], registry: registry) {
                $0.choice.balance = .leastConnections
            }
            #expect(new.servers.map(\.state.active) == [2, 2, 0])
            hold(2, of: new, wishes: { _ in ServerWish() }) {
                #expect(new.servers.map(\.state.active) == [2, 2, 2])
            }
        }
    }

    /// Calls `body` while `count` exchanges are held.
    private func hold(
        _ count: Int, of group: BackendGroup, wishes: (Int) -> ServerWish, _ body: () -> Void
    ) {
        guard count > 0 else { return body() }
        group.place(wishes(count)) { _ in hold(count - 1, of: group, wishes: wishes, body) }
    }
}
