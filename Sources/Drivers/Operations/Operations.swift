internal import Bookkeeping
internal import Clock
internal import Console
internal import Endings
package import Generations
internal import Identity
internal import KeySets
internal import Locks
internal import Sessions
internal import Settings
internal import State
internal import Transport
internal import Upstreams

/// What the console asks of the gateway, answered from what all workers share.
package struct Operations: ConsoleBackend {
    let shared: SharedState

    package init(_ shared: SharedState) { self.shared = shared }

    // MARK: Revocations

    func revoke(_ revocation: Revocation, _ answer: @escaping ConsoleAnswer<RevokeOutcome>) {
        if let rule = revocation.rule, !shared.ruleNames.withLock({ $0.contains(rule) }) {
            return answer(.success(.unknownRule))
        }
        let now = SystemClock.wallTime()
        withStore(answer) { store in
            store.addRevocation(revocation, now: now) { result in
                switch result {
                case .success(let kept): answer(.success(putInForce(kept, now)))
                case .failure(.tooMany): answer(.success(.full))
                case .failure(let error): answer(.failure(Refusal(error)))
                }
            }
        }
    }

    private func putInForce(_ revocation: Revocation, _ now: WallTime) -> RevokeOutcome {
        // In this order: whoever comes in meanwhile is found in the table, or finds the entry.
        guard shared.revocations.add(revocation, now: now) else { return .full }
        return .done(
            ended: shared.disconnectRevoked {
                revocation.means(rule: $0.rule, user: $0.user, tokenID: $0.id, issued: $0.issued)
            })
    }

    func revocations() -> [Revocation] { shared.revocations.current.revocations }

    func withdraw(_ revocation: Revocation, _ answer: @escaping ConsoleAnswer<Bool>) {
        let revocations = shared.revocations
        withStore(answer) { store in
            store.removeRevocation(revocation) { result in
                switch result {
                case .success: answer(.success(revocations.remove(revocation)))
                case .failure(.notFound): answer(.success(false))
                case .failure(let error): answer(.failure(Refusal(error)))
                }
            }
        }
    }

    // MARK: Keys

    func keySources() -> [KeySourceStatus] {
        let now = SystemClock.now()
        return shared.keys.statuses.map { status in
            KeySourceStatus(
                name: status.source.name, kind: status.source.kind,
                keyCount: status.document?.keyCount ?? 0, isFailing: status.isFailing,
                isStale: status.isStale, successAge: status.lastSuccess.map { now - $0 },
                attempts: status.counters.attempts, failures: status.counters.failures,
                changes: status.counters.changes)
        }
    }

    // MARK: Metrics

    func metrics(_ answer: @escaping ConsoleAnswer<[MetricFamily]>) {
        let operations = self
        counts { result in
            // While the store of sessions says nothing the rest is wanted all the more.
            let sessions = (try? result.get()).map { operations.sessionMetrics($0) } ?? []
            answer(.success(operations.ownMetrics + sessions))
        }
    }

    /// What is known without the store of sessions.
    private var ownMetrics: [MetricFamily] {
        keyMetrics + tokenMetrics + stateMetrics + limitMetrics + reportMetrics + loadMetrics
            + heldMetrics + NameMetrics(shared: shared).families
            + HealthMetrics.families(shared.registry) + ServerMetrics(shared: shared).families
            + GroupMetrics.families(shared.registry.ledgers)
    }

    private var keyMetrics: [MetricFamily] {
        let sources = keySources()
        func family(
            _ name: String, _ kind: MetricFamily.Kind, help: String,
            _ value: (KeySourceStatus) -> MetricFamily.Value?
        ) -> MetricFamily {
            MetricFamily(
                name, kind, help: help,
                sources.compactMap { source in
                    value(source).map {
                        MetricFamily.Sample(
                            $0,
                            labels: [
                                MetricFamily.Label("source", source.name),
                                MetricFamily.Label("kind", source.kind.rawValue),
                            ])
                    }
                })
        }
        return [
            family(
                "gateway_keys_reads_total", .counter,
                help: "Finished attempts to read a source of keys or revocations."
            ) { .whole($0.attempts) },
            family(
                "gateway_keys_read_failures_total", .counter,
                help: "Failed attempts to read a source of keys or revocations."
            ) { .whole($0.failures) },
            family(
                "gateway_keys_changes_total", .counter, help: "How often a source changed."
            ) { .whole($0.changes) },
            family(
                "gateway_keys_stale", .gauge,
                help: "1 while the keys or revocations in use are older than they should be."
            ) { .whole($0.isStale ? 1 : 0) },
            family(
                "gateway_keys_age_seconds", .gauge, help: "Seconds since the last good read."
            ) { source in source.successAge.map { .real($0.seconds) } },
        ]
    }

    private var tokenMetrics: [MetricFamily] {
        let counts = shared.counters.tokens
        let list = shared.revocations.current
        return [
            shared.live.counts.metric,
            MetricFamily(
                "gateway_failed_attempts_total", .counter,
                help: "Requests and refreshes refused because of their token, ticket or role.",
                counts.failedAttempts),
            MetricFamily(
                "gateway_blocked_attempts_total", .counter,
                help: "Failed attempts answered with 429: too many from their address had failed.",
                counts.blockedAttempts),
            MetricFamily(
                "gateway_refreshes_total", .counter,
                help: "Live connections that continued with a new token.", counts.refreshes),
            MetricFamily(
                "gateway_expiries_total", .counter,
                help: "Live connections that ended because their token expired.", counts.expiries),
            MetricFamily(
                "gateway_tickets", .gauge, help: "Tickets that were issued and not redeemed yet.",
                UInt64(shared.ticketBook.count)),
            MetricFamily(
                "gateway_tickets_octets", .gauge,
                help: "Octets of memory for tickets that were issued and not redeemed yet.",
                UInt64(shared.ticketBook.octets)),
            MetricFamily(
                "gateway_revocations", .gauge, help: "Revocations, those of files included.",
                UInt64(list.revocations.count + list.fileCount)),
        ]
    }

    private var reportMetrics: [MetricFamily] {
        let samples = shared.counters.reportOnly.map { key, count in
            MetricFamily.Sample(
                .whole(count),
                labels: [
                    MetricFamily.Label("route", key.route),
                    MetricFamily.Label("rule", key.rule.rawValue),
                ])
        }
        return [
            MetricFamily(
                "gateway_report_only_total", .counter,
                help: "Requests that would have been refused by a rule in 'report_only'.", samples)
        ]
    }
}

extension KeySetSource {
    fileprivate var kind: KeySourceStatus.Kind {
        switch self {
        case .remote: .remote
        case .keySet: .keySet
        case .key: .key
        case .publicKey: .publicKey
        case .revocations: .revocations
        }
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
