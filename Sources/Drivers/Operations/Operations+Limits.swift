internal import Bookkeeping
internal import Console
internal import Generations
internal import Rates

/// Metrics of limits by address, user or claim.
extension Operations {
    var limitMetrics: [MetricFamily] {
        let connections = shared.counters.connections
        let refused = shared.counters.refused.map { key, count in
            MetricFamily.Sample(
                .whole(count),
                labels: [
                    MetricFamily.Label("route", key.route),
                    MetricFamily.Label("rule", key.rule.rawValue),
                ])
        }
        return [
            MetricFamily(
                "gateway_client_addresses", .gauge,
                help: "Client addresses with connections, trusted proxies not counted.",
                UInt64(shared.connections.addressCount)),
            MetricFamily(
                "gateway_refused_connections_total", .counter,
                help: "Connections that were refused right after they were accepted, by rule.",
                [
                    .init(
                        .whole(connections.overLimit),
                        labels: [.init("rule", "connections_per_address")]),
                    .init(.whole(connections.denied), labels: [.init("rule", "deny")]),
                    .init(
                        .whole(connections.withoutHeader), labels: [.init("rule", "proxy_protocol")]
                    ),
                ]),
            MetricFamily(
                "gateway_refused_requests_total", .counter,
                help: "Requests that were refused by 'deny' or 'rate' of a route.", refused),
            MetricFamily(
                "gateway_rate_buckets", .gauge, help: "Rate-limit buckets ('rate') in memory.",
                UInt64(shared.rates.count)),
        ]
    }
}
