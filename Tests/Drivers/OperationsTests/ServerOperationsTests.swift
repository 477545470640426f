import Bookkeeping
import Clock
import Console
import Endings
import Generations
import Locks
import Settings
import Testing
import Transport
import Upstreams

@testable import Operations

/// What operators ask about servers and the process, and order of servers.
@Suite struct ServerOperationsTests {
    private let shared: SharedState
    private let operations: Operations

    init() throws {
        shared = try SharedState(workerCount: 2)
        operations = Operations(shared)
    }

    /// Serves by backends with servers at these ports of the loopback address.
    private func serve(_ backends: [(String, [UInt16])], number: UInt64 = 1) throws {
        var settings = Settings()
        settings.listeners = [ListenerSettings(address: .ip(address: "127.0.0.1", port: 8080))]
        settings.backends = backends.map { name, ports in
            BackendSettings(
                name: name,
                servers: ports.map {
                    .init(
                        address: .ip(address: "127.0.0.1", port: $0), weight: Int($0 % 10),
                        isBackup: false)
                })
        }
        shared.status.adopted(
            try Generation(
                settings, number: number, registry: shared.registry, tickets: shared.tickets
            ) { _ in nil })
    }

    private func orders(of worker: Int) -> [UInt16] {
        shared.mailboxes[worker].take().compactMap {
            guard case .serverOrdered(let server) = $0, case .ip(_, let port) = server.address
            else { return nil }
            return port
        }
    }

    private var states: [String] {
        operations.servers().map {
            "\($0.name.backend) \($0.name.address) \($0.standing.state.rawValue)"
        }
    }

    @Test func `servers are those of the configuration, in its order`() throws {
        #expect(operations.servers().isEmpty)
        try serve([("b", [8002, 8001]), ("a", [8003])])
        #expect(states == ["b 127.0.0.1:8002 up", "b 127.0.0.1:8001 up", "a 127.0.0.1:8003 up"])
        #expect(operations.servers().map(\.weight) == [2, 1, 3])
    }

    @Test func `an order reaches every worker, and outlives a reload`() throws {
        try serve([("app", [8001, 8002]), ("other", [8001])])
        let name = ServedPlace(backend: "app", address: "127.0.0.1:8001")
        #expect(operations.order(name, drain: DrainOrder(keepsLive: false)))
        #expect(orders(of: 0) == [8001] && orders(of: 1) == [8001])
        try serve([("app", [8001, 8003]), ("other", [8001])], number: 2)
        #expect(
            states == [
                "app 127.0.0.1:8001 drained", "app 127.0.0.1:8003 up", "other 127.0.0.1:8001 up",
            ])
        #expect(operations.order(name, drain: nil))
        #expect(orders(of: 0) == [8001])
        #expect(states.first == "app 127.0.0.1:8001 up")
    }

    @Test(arguments: [("app", "127.0.0.1:8009"), ("nobody", "127.0.0.1:8001"), ("app", "8001")])
    func `who is not there is ordered nothing`(backend: String, address: String) throws {
        try serve([("app", [8001])])
        let name = ServedPlace(backend: backend, address: address)
        #expect(!operations.order(name, drain: DrainOrder(keepsLive: true)))
        #expect(orders(of: 0).isEmpty)
    }

    @Test func `the status is what the control thread has said`() throws {
        let before = Guarded<EndReason?>(nil)
        operations.status { result in
            if case .failure(let refusal) = result { before.withLock { $0 = refusal.reason } }
        }
        #expect(before.withLock { $0 } == .overloaded, "nothing serves yet")
        shared.status.began(version: "9.9")
        try serve([("app", [8001])], number: 4)
        shared.status.refused("line 7")
        let now = SystemClock.now()
        shared.status.stops(.init(since: now, closes: now, ends: now + .seconds(5)))
        let found = Guarded<StatusView?>(nil)
        operations.status { result in found.withLock { $0 = try? result.get() } }
        let status = try #require(found.withLock { $0 })
        #expect(status.version == "9.9" && status.workers == 2)
        #expect(status.generation.number == 4 && status.generation.refused?.reason == "line 7")
        #expect(status.listeners.map(\.address) == ["127.0.0.1:8080"])
        #expect(status.servers.count == 1 && status.counts?.blocks.isEmpty == true)
        let stopping = try #require(status.stopping)
        #expect(stopping.ends.duration(since: stopping.since) == .seconds(5))
        #expect(!operations.isReady)
    }

    @Test func `metrics say which configuration serves, and which servers are drained`() throws {
        func value(_ name: String) -> [MetricFamily.Value] {
            let metrics = ServerMetrics(shared: shared)
            return (metrics.generation + metrics.servers).first { $0.name == name }?
                .samples.map(\.value) ?? []
        }
        try serve([("app", [8001, 8002])], number: 3)
        #expect(value("gateway_generation") == [.whole(3)])
        #expect(value("gateway_reload_refused") == [.whole(0)])
        #expect(value("gateway_server_drained") == [.whole(0), .whole(0)])
        shared.status.refused("no")
        _ = operations.order(
            ServedPlace(backend: "app", address: "127.0.0.1:8002"),
            drain: DrainOrder(keepsLive: true))
        #expect(value("gateway_reload_refused") == [.whole(1)])
        #expect(value("gateway_server_drained") == [.whole(0), .whole(1)])
        #expect(value("gateway_draining") == [.whole(0)])
    }
}
