internal import Console
internal import Upstreams

/// Metrics of the groups of servers.
enum GroupMetrics {
    /// - Parameter ledgers: those of all groups that any generation uses, in any order.
    static func families(_ ledgers: [GroupLedger]) -> [MetricFamily] {
        // Two scrapes look alike.
        let ledgers = ledgers.sorted { $0.group < $1.group }
        func family(
            _ name: String, _ kind: MetricFamily.Kind, help: String, _ value: (GroupLedger) -> Int
        ) -> MetricFamily {
            MetricFamily(
                name, kind, help: help,
                ledgers.map {
                    .init(.whole(UInt64(max(0, value($0)))), labels: [.init("backend", $0.group)])
                })
        }
        return [
            family(
                "gateway_backend_queued_requests", .gauge,
                help: "Requests that wait now for a server that may take one more."
            ) { $0.waiting },
            family(
                "gateway_backend_pending_requests", .gauge,
                help: "Requests of which no answer has begun yet."
            ) { $0.pending },
            family(
                "gateway_backend_retries_total", .counter,
                help: "Attempts that were made after a first one had failed."
            ) { $0.totals.retries },
            MetricFamily(
                "gateway_backend_refused_total", .counter,
                help: "What a limit of the group did not allow, by that limit.",
                ledgers.flatMap(refusals)),
        ]
    }

    private static func refusals(_ ledger: GroupLedger) -> [MetricFamily.Sample] {
        let totals = ledger.totals
        let counts = [
            ("max_pending", totals.refusedPending), ("queue", totals.refusedPlaces),
            ("queue_timeout", totals.latePlaces), ("retry_budget", totals.refusedRetries),
        ]
        return counts.map { limit, count in
            .init(
                .whole(UInt64(count)),
                labels: [.init("backend", ledger.group), .init("limit", limit)])
        }
    }
}
