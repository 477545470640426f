import Clock
import Console
import Operations
import Settings
import Testing

@testable import Upstreams

@Suite struct HealthMetricsTests {
    private let registry = UpstreamRegistry()

    private func server(_ port: UInt16) -> ServerState {
        registry.state(group: "app", address: .ip(address: "127.0.0.1", port: port))
    }

    private func samples(_ name: String) -> [String] {
        let families = HealthMetrics.families(registry)
        return families.filter { $0.name == name }.flatMap(\.samples).map { sample in
            sample.labels.map(\.value).joined(separator: " ") + " \(sample.value)"
        }
    }

    @Test func `checks are counted by server and by what came of them`() {
        let (second, first) = (server(8002), server(8001))
        for _ in 0..<3 { first.health.checked(isUp: true, nil, at: .zero) }
        second.health.checked(isUp: false, .closed, at: .zero)
        #expect(
            samples("gateway_server_checks_total") == [
                "app 127.0.0.1:8001 passed \(MetricFamily.Value.whole(3))",
                "app 127.0.0.1:8001 failed \(MetricFamily.Value.whole(0))",
                "app 127.0.0.1:8002 passed \(MetricFamily.Value.whole(0))",
                "app 127.0.0.1:8002 failed \(MetricFamily.Value.whole(1))",
            ])
    }

    @Test func `ejections are counted by server`() {
        let (first, second) = (server(8001), server(8002))
        for _ in 0..<2 { _ = second.health.eject(EjectionSettings(after: 1), at: .zero) }
        #expect(first.health.ejectionCount == 0)
        #expect(
            samples("gateway_server_ejections_total") == [
                "app 127.0.0.1:8001 \(MetricFamily.Value.whole(0))",
                "app 127.0.0.1:8002 \(MetricFamily.Value.whole(2))",
            ])
    }
}
