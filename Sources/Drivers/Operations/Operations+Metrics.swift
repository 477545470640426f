internal import Bookkeeping
internal import Console
internal import Generations
internal import Sessions
internal import Settings
internal import State

/// Metrics of sessions, of what is kept, and of the load.
extension Operations {
    /// What the store of sessions knows.
    func sessionMetrics(_ counts: SessionCounts) -> [MetricFamily] {
        let gauges = [
            MetricFamily(
                "gateway_sessions", .gauge, help: "Live sessions with a seat, by 'sessions' block.",
                counts.blocks.map { .init(.whole(UInt64($0.sessions)), labels: [$0.label]) }),
            MetricFamily(
                "gateway_session_stores", .gauge,
                help: "Stores with a session, a waiting client or a policy of their own.",
                counts.blocks.map { .init(.whole(UInt64($0.stores)), labels: [$0.label]) }),
        ]
        return gauges
            + counts.tallies.named.map { name, count, summary in
                MetricFamily(
                    "gateway_sessions_\(name)_total", .counter, help: summary + ".",
                    [.init(.whole(UInt64(count)))])
            }
    }

    var stateMetrics: [MetricFamily] {
        let statistics = shared.kept.store?.statistics ?? StateStatistics()
        return [
            MetricFamily(
                "gateway_state_persistent", .gauge,
                help: "1 when what operators decide is still there after a restart.",
                shared.kept.isPersistent ? 1 : 0),
            MetricFamily(
                "gateway_state_failing", .gauge,
                help: "1 while nothing can be stored.", statistics.isFailing ? 1 : 0),
            MetricFamily(
                "gateway_state_commits_total", .counter,
                help: "Transactions that were written to the disk.", statistics.commits),
            MetricFamily(
                "gateway_state_changes_total", .counter,
                help: "Changes by operators that were stored.", statistics.acknowledged),
            MetricFamily(
                "gateway_state_failures_total", .counter,
                help: "Changes by operators that could not be stored.", statistics.failures),
            MetricFamily(
                "gateway_history_entries", .gauge, help: "Past sessions in the history.",
                UInt64(max(0, statistics.historyCount))),
            MetricFamily(
                "gateway_history_recorded_total", .counter,
                help: "Past sessions that were added to the history.", statistics.recorded),
            MetricFamily(
                "gateway_history_lost_total", .counter,
                help: "Past sessions that could not be added to the history.", statistics.lost),
            MetricFamily(
                "gateway_history_pruned_total", .counter,
                help: "Past sessions removed because of their age or number.", statistics.pruned),
        ]
    }

    var heldMetrics: [MetricFamily] {
        let held = shared.counters.held
        return [
            MetricFamily(
                "gateway_held_requests", .gauge,
                help: "Requests that wait now for a server that cannot be reached.",
                UInt64(shared.counters.heldNow)),
            MetricFamily(
                "gateway_held_requests_total", .counter,
                help: "Requests that waited for a server that could not be reached, by outcome.",
                [
                    .init(.whole(held.served), labels: [.init("outcome", "served")]),
                    .init(.whole(held.ended), labels: [.init("outcome", "ended")]),
                    .init(.whole(held.refused), labels: [.init("outcome", "refused")]),
                ]),
        ]
    }

    var loadMetrics: [MetricFamily] {
        let measures = shared.memory.measures
        let slow = shared.counters.slow
        let lingering = shared.counters.lingering
        return [
            MetricFamily(
                "gateway_memory_held_octets", .gauge, help: "Octets in connections' buffers.",
                UInt64(max(0, shared.memory.held))),
            MetricFamily(
                "gateway_memory_overloaded", .gauge,
                help: "1 while connections hold more than 'memory' allows.",
                shared.memory.isOverloaded ? 1 : 0),
            MetricFamily(
                "gateway_memory_measures_total", .counter,
                help: "Connections and requests that were refused, and connections that were"
                    + " ended, because connections held more than 'memory' allows.",
                [
                    .init(
                        .whole(measures.refusedConnections),
                        labels: [.init("measure", "refused_connection")]),
                    .init(
                        .whole(measures.refusedRequests),
                        labels: [.init("measure", "refused_request")]),
                    .init(
                        .whole(measures.endedConnections),
                        labels: [.init("measure", "ended_connection")]),
                ]),
            MetricFamily(
                "gateway_slow_clients_total", .counter,
                help: "Connections closed because the client was slower than 'body_rate',"
                    + " 'response_rate' or, with a full send queue, 'slow cut'.",
                [
                    .init(.whole(slow.bodies), labels: [.init("rate", "body")]),
                    .init(.whole(slow.responses), labels: [.init("rate", "response")]),
                    .init(.whole(slow.queues), labels: [.init("rate", "queue")]),
                ]),
            MetricFamily(
                "gateway_log_lines_dropped_total", .counter,
                help: "Log lines that were dropped because they could not be written, by log.",
                [
                    .init(.whole(shared.accessLog.losses.count), labels: [.init("log", "access")]),
                    .init(.whole(shared.log.leftOutCount), labels: [.init("log", "events")]),
                ]),
            MetricFamily(
                "gateway_lingering_connections_total", .counter,
                help: "Connections that were still read after their last answer, because the"
                    + " client was still sending.", lingering.connections),
            MetricFamily(
                "gateway_lingering_octets_total", .counter,
                help: "Octets that were read on these connections and dropped.", lingering.octets),
        ]
    }
}

extension LiveCounts {
    var metric: MetricFamily {
        MetricFamily(
            "gateway_live_connections", .gauge,
            help: "Live WebSockets, event streams and streamed downloads, with or without a seat.",
            Kind.all.map { kind in
                .init(
                    .whole(UInt64(max(0, self[kind]))),
                    labels: [
                        .init("transport", kind.transport.rawValue),
                        .init("seated", kind.isSeated ? "true" : "false"),
                    ])
            })
    }
}

extension SessionCounts.Block {
    fileprivate var label: MetricFamily.Label { .init("block", name) }
}
