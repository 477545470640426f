package import Console
internal import Generations
internal import Settings
package import Upstreams

/// What checks and answers say of servers, as metrics.
package enum HealthMetrics {
    /// - Parameter registry: has the servers that any generation uses. They are sorted, so that two
    ///   scrapes look alike.
    package static func families(_ registry: UpstreamRegistry) -> [MetricFamily] {
        let servers = registry.servers.map { group, address, state in
            (
                labels: [MetricFamily.Label("backend", group), .init("server", address.text)],
                health: state.health
            )
        }.sorted {
            ($0.labels[0].value, $0.labels[1].value) < ($1.labels[0].value, $1.labels[1].value)
        }
        return [
            MetricFamily(
                "gateway_server_checks_total", .counter,
                help: "Checks of the server ('check'), by whether they passed.",
                servers.flatMap { server in
                    let checks = server.health.checks
                    return [("passed", checks.passed), ("failed", checks.failed)].map {
                        MetricFamily.Sample(
                            .whole(UInt64($0.1)), labels: server.labels + [.init("result", $0.0)])
                    }
                }),
            MetricFamily(
                "gateway_server_ejections_total", .counter,
                help: "How often the server was left out because its answers failed ('eject').",
                servers.map { .init(.whole(UInt64($0.health.ejectionCount)), labels: $0.labels) }),
        ]
    }
}
