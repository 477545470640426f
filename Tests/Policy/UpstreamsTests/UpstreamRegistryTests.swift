import Clock
import Settings
import Testing
import Upstreams

@Suite struct UpstreamRegistryTests {
    @Test func `a server that did not change keeps its state over a reload`() {
        let registry = UpstreamRegistry()
        let old = group([1, 1], registry: registry)
        old.reportFailure(0, now: .zero)
        let exchange = old.choose(now: .zero)
        let new = group([5, 1, 1], registry: registry)
        #expect(new.servers[0].state === old.servers[0].state)
        #expect(new.servers[1].state === old.servers[1].state)
        #expect(new.shares(of: 8)[0] == 0, "still skipped")
        #expect(new.servers[1].state.active == 1, "the old generation's exchange counts")
        if let exchange { exchange.close() }
        #expect(new.servers[1].state.active == 0)
    }

    @Test func `another group or another address is another server`() {
        let registry = UpstreamRegistry()
        let address = SocketAddressSettings.ip(address: "127.0.0.1", port: 8000)
        let state = registry.state(group: "app", address: address)
        #expect(registry.state(group: "app", address: address) === state)
        #expect(registry.state(group: "billing", address: address) !== state)
        let path = SocketAddressSettings.unix(path: "/run/app.sock")
        #expect(registry.state(group: "app", address: path) !== state)
    }

    @Test func `a server that no generation uses is forgotten`() {
        let registry = UpstreamRegistry()
        var old: BackendGroup? = group([1, 1, 1], registry: registry)
        old?.reportFailure(2, now: .zero)
        #expect(registry.count == 3)
        let new = group([1], registry: registry)
        old = nil
        let later = BackendGroup(
            BackendSettings(name: "app", servers: [server(8002)]), registry: registry)
        #expect(registry.count == 2)
        #expect(later.servers[0].state.skippedUntil == nil, "it begins anew")
        #expect(new.servers[0].state !== later.servers[0].state)
    }

    @Test func `a lease outlives its generation and gives back once`() {
        let registry = UpstreamRegistry()
        let state = registry.state(group: "app", address: .ip(address: "127.0.0.1", port: 8000))
        do {
            let lease = group([1], registry: registry).choose(now: .zero)
            #expect(state.active == 1)
            _ = consume lease
        }
        #expect(state.active == 0)
        #expect(state.totals.chosen == 1)
    }

    @Test func `counts hold when many workers take and give back`() async {
        let group = group([3, 1], balance: .leastConnections)
        await withTaskGroup { tasks in
            for _ in 0..<8 {
                tasks.addTask {
                    for _ in 0..<500 {
                        let first = group.choose(now: .zero)
                        let second = group.choose(now: .zero)
                        if let second { second.close() }
                        if let first { first.close() }
                    }
                }
            }
        }
        #expect(group.servers.map(\.state.active) == [0, 0])
        #expect(group.servers.map(\.state.totals.chosen).reduce(0, +) == 8000)
    }
}
