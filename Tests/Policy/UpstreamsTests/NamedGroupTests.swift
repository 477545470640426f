import Clock
import Settings
import Testing

@testable import Upstreams

/// Groups whose servers have names.
@Suite struct NamedGroupTests {
    private let registry = UpstreamRegistry()
    private let name = ServerName.host("app.internal", port: 8000)

    private func group(
        _ servers: BackendSettings.Server..., names: [ServerEndpoint] = []
    ) -> BackendGroup {
        BackendGroup(
            BackendSettings(name: "app", servers: servers), registry: registry,
            names: [name: names])
    }

    private func addresses(_ group: BackendGroup) -> [SocketAddressSettings] {
        group.members.servers.map(\.state.address)
    }

    /// That of the next server; nil without any.
    private func host(_ group: BackendGroup) -> String? { group.choose(now: .zero)?.host }

    @Test("A name that stands for nothing is a group without servers") func empty() {
        let group = group(.init(.name(name)))
        #expect(host(group) == nil)
        #expect(group.isAway(at: .zero) && !group.isReachable)
        #expect(group.resolve([name: [endpoint("10.0.0.1")]]))
        #expect(host(group) == "app.internal")
        #expect(group.isReachable)
        #expect(group.resolve([:]))
        #expect(host(group) == nil)
    }

    @Test("Servers that stay keep their state; the same answer changes nothing") func states() {
        let group = group(
            .init(.name(name), weight: 3), names: [endpoint("10.0.0.1"), endpoint("10.0.0.2")])
        let before = group.members
        #expect(before.servers.map(\.weight) == [3, 3])
        #expect(!group.resolve([name: [endpoint("10.0.0.1"), endpoint("10.0.0.2")]]))
        #expect(group.members === before)
        group.reportFailure(before.servers[1].state, now: .zero)
        #expect(group.resolve([name: [endpoint("10.0.0.2"), endpoint("10.0.0.3")]]))
        #expect(group.members.servers[0].state === before.servers[1].state)
        #expect(group.members.servers[0].state.skippedUntil != nil)
        let gone = group.lease(of: before.servers[0].state)?.host
        let kept = group.lease(of: before.servers[1].state)?.host
        #expect(gone == nil && kept == "app.internal")
    }

    @Test("An address of several lines is one server, as the first of them says") func twice() {
        let group = group(
            server(8000, weight: 5), .init(.name(name), isBackup: true),
            names: [endpoint("127.0.0.1"), endpoint("10.0.0.1")])
        #expect(addresses(group).count == 2)
        #expect(group.members.servers.map(\.weight) == [5, 1])
        #expect(group.members.servers.map(\.isBackup) == [false, true])
        #expect(group.members.servers.map(\.host) == [nil, "app.internal"])
    }

    @Test("A group with fixed addresses only is never changed") func fixed() {
        let group = group(server(8000))
        #expect(!group.resolve([name: [endpoint("10.0.0.1")]]))
        #expect(addresses(group).count == 1)
    }

    @Test("Priorities: the next is used only while all before it are skipped") func tiers() {
        let group = group(
            .init(.name(name)),
            names: [
                endpoint("10.0.0.1"), endpoint("10.0.0.2", tier: 1), endpoint("10.0.0.3", tier: 2),
            ])
        #expect(group.turn() == 0)
        group.reportFailure(0, now: .zero)
        for _ in 0..<5 { #expect(group.turn(at: .seconds(1)) == 1) }
        group.reportFailure(1, now: .zero)
        for _ in 0..<5 { #expect(group.turn(at: .seconds(1)) == 2) }
    }

    @Test("Turns stay fair while servers come and go", arguments: [1, 2, 5, 7])
    func fairness(turns: Int) {
        // A server comes and goes behind every few turns; three are there all the time.
        let three = (1...3).map { endpoint("10.0.0.\($0)") }
        let group = group(.init(.name(name)), names: three)
        var shares: [SocketAddressSettings: Int] = [:]
        for round in 0..<3000 {
            if round % turns == 0 {
                _ = group.resolve([
                    name: round % (2 * turns) == 0 ? three : three + [endpoint("10.0.0.9")]
                ])
            }
            if let lease = group.choose(now: .zero) { shares[lease.state.address, default: 0] += 1 }
        }
        let counts = three.map { shares[$0.address] ?? 0 }
        #expect(counts.max()! - counts.min()! <= 3000 / 20, "\(counts)")
    }

    @Test("Every server that a name stands for has the words of its line") func words() throws {
        var line = BackendSettings.Server(.name(name), weight: 0)
        line.connectionLimit = 1
        var settings = BackendSettings(name: "app", servers: [line, server(9000)])
        settings.choice.sticky = .cookie(name: "gw_server", secret: nil)
        let secret = Array("a secret of the test".utf8)
        let group = BackendGroup(
            settings, registry: registry, names: [name: [endpoint("10.0.0.1")]],
            seal: try StickySeal(secret: secret.span))
        #expect(group.shares(of: 4) == [0, 4], "weight 0")
        #expect(group.resolve([name: [endpoint("10.0.0.2"), endpoint("10.0.0.1")]]))
        var wish = ServerWish()
        wish.cookie = group.servers[1].code
        #expect(Set(group.servers.compactMap(\.code)).count == 3)
        group.place(wish) { index in
            #expect(index == 1, "it sticks to where it was")
            #expect(group.place(wish) == 2, "that has all it may")
        }
    }

    @Test("A priority that is full is waited for, as long as it can be reached") func fullTier() {
        var line = BackendSettings.Server(.name(name))
        line.connectionLimit = 1
        let group = group(line, names: [endpoint("10.0.0.1"), endpoint("10.0.0.2", tier: 1)])
        group.place(ServerWish()) { index in
            #expect(index == 0)
            #expect(group.turn() == nil)
            #expect(!group.members.hasPlace(at: .zero))
        }
        group.reportFailure(0, now: .zero)
        #expect(group.members.hasPlace(at: .zero))
        #expect(group.turn() == 1)
    }
}
