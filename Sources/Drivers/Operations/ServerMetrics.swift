internal import Clock
internal import Console
internal import Generations
internal import Settings
internal import Transport
internal import Upstreams

/// Metrics of servers, and of the configuration that says which there are.
struct ServerMetrics {
    let shared: SharedState

    var families: [MetricFamily] { servers + generation }

    /// The configuration in use, and whether it goes on being served.
    var generation: [MetricFamily] {
        let report = shared.status.report
        return [
            MetricFamily(
                "gateway_generation", .gauge,
                help: "The number of the configuration in use, counted from 1 by reloads.",
                report.generation?.number ?? 0),
            MetricFamily(
                "gateway_reload_refused", .gauge,
                help: "1 while the newest configuration is not in use, because it has an error.",
                report.refused == nil ? 0 : 1),
            MetricFamily(
                "gateway_draining", .gauge, help: "1 from when the gateway was told to stop.",
                report.stopping == nil ? 0 : 1),
        ]
    }

    /// Servers that any generation uses, sorted so that two scrapes look alike.
    var servers: [MetricFamily] {
        let servers = shared.registry.servers.map { group, address, state in
            (labels: [MetricFamily.Label("backend", group), .init("server", address.text)], state)
        }.sorted {
            ($0.labels[0].value, $0.labels[1].value) < ($1.labels[0].value, $1.labels[1].value)
        }
        let now = SystemClock.now()
        func family(
            _ name: String, _ kind: MetricFamily.Kind, help: String,
            _ value: (ServerState) -> UInt64
        ) -> MetricFamily {
            MetricFamily(
                name, kind, help: help,
                servers.map { .init(.whole(value($0.1)), labels: $0.labels) })
        }
        return [
            family(
                "gateway_server_up", .gauge,
                help: "0 while the server is unreachable, down or left out, else 1."
            ) { $0.works(at: now) ? 1 : 0 },
            family(
                "gateway_server_drained", .gauge,
                help: "1 while an operator has the server out of use."
            ) { $0.order.isDraining ? 1 : 0 },
            family(
                "gateway_server_exchanges", .gauge,
                help: "Requests, WebSockets and streams that are under way with the server."
            ) { UInt64(max(0, $0.active)) },
            family(
                "gateway_server_outages_total", .counter, help: "How often a server was lost."
            ) { UInt64($0.outageCount) },
            family(
                "gateway_server_failures_total", .counter,
                help: "Failed attempts to connect to a server."
            ) { UInt64($0.totals.failed) },
        ]
    }
}
