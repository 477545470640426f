import Clock
import Console
import Settings
import Testing
import Upstreams

@testable import Operations

@Suite struct GroupMetricsTests {
    private func group(_ name: String, in registry: UpstreamRegistry) -> BackendGroup {
        var settings = BackendSettings(
            name: name, servers: [.init(address: .unix(path: "/run/\(name)"))])
        settings.bounds.maxPending = 1
        return BackendGroup(settings, registry: registry)
    }

    /// `name{labels} value`, one line each.
    private func lines(_ registry: UpstreamRegistry) -> [String] {
        GroupMetrics.families(registry.ledgers).flatMap { family in
            family.samples.map { sample in
                let labels = sample.labels.map(\.value).joined(separator: ",")
                return "\(family.name){\(labels)} \(sample.value)"
            }
        }
    }

    @Test func `every group has its counts, in the order of their names`() {
        let registry = UpstreamRegistry()
        let groups = [group("web", in: registry), group("app", in: registry)]
        if case .server(let lease) = groups[1].choose(for: ServerWish(), now: .zero) {
            // One more is one too many.
            if case .server(let second) = groups[1].choose(for: ServerWish(), now: .zero) {
                Issue.record("it was let in")
                second.close()
            }
            let lines = lines(registry)
            #expect(lines.count == 2 * 3 + 2 * 4)
            let pending = lines.filter { $0.hasPrefix("gateway_backend_pending_requests") }
            #expect(pending.map { $0.contains("{app}") } == [true, false])
            #expect(pending.map { $0.contains("1") } == [true, false])
            let refused = lines.filter { $0.contains("app,max_pending") }
            #expect(refused.count == 1)
            #expect(refused[0].contains("1"))
            lease.close()
        }
        withExtendedLifetime(groups) {}
    }
}
