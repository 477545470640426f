internal import Console
internal import Generations
internal import Names
internal import Settings
internal import Upstreams

/// Metrics of the names of servers.
struct NameMetrics {
    let shared: SharedState

    var families: [MetricFamily] {
        let records = shared.names.records.sorted { $0.name.text < $1.name.text }
        return [
            MetricFamily(
                "gateway_name_servers", .gauge,
                help: "Servers that a name of the configuration stands for now.",
                records.map {
                    .init(
                        .whole(UInt64($0.endpoints.count)), labels: [.init("server", $0.name.text)])
                }),
            MetricFamily(
                "gateway_name_resolutions_total", .counter,
                help: "Answers about a name: with servers, without any, or none at all.",
                records.flatMap { record in
                    [
                        ("resolved", record.counters.resolved),
                        ("absent", record.counters.absent),
                        ("failed", record.counters.failed),
                    ].map { outcome, count in
                        .init(
                            .whole(UInt64(count)),
                            labels: [
                                .init("server", record.name.text), .init("outcome", outcome),
                            ])
                    }
                }),
        ]
    }
}
