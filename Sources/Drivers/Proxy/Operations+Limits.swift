internal import Console
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
                help: "Addresses that have connections, trusted proxies apart.",
                UInt64(shared.connections.customerCount)),
            MetricFamily(
                "gateway_refused_connections_total", .counter,
                help: "Connections that were closed at once, by the rule that refused them.",
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
                help: "Requests that 'deny' or 'rate' of a route refused.", refused),
            MetricFamily(
                "gateway_rate_buckets", .gauge, help: "Buckets of 'rate' that are kept.",
                UInt64(shared.rates.count)),
        ]
    }
}
