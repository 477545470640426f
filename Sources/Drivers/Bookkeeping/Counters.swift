internal import Locks
package import Settings

/// What is counted, for metrics; only grows. Each count is of something that costs a request more
/// anyway.
package final class Counters: Sendable {
    /// What came of tokens.
    package struct Tokens: Sendable {
        package var failedAttempts: UInt64 = 0
        package var blockedAttempts: UInt64 = 0
        package var refreshes: UInt64 = 0
        package var expiries: UInt64 = 0
    }

    /// Clients that were ended because they did not keep the least rate.
    package struct Slow: Sendable {
        package var bodies: UInt64 = 0
        package var responses: UInt64 = 0
        package var queues: UInt64 = 0
    }

    /// Clients that were read on from behind an answer that did not wait for all they sent.
    package struct Lingering: Sendable {
        package var connections: UInt64 = 0
        package var octets: UInt64 = 0
    }

    /// Requests that waited for a server that could not be reached.
    package struct Held: Sendable {
        /// A server was back in time.
        package var served: UInt64 = 0
        /// The server was away too long, or the client left, or the process stopped.
        package var ended: UInt64 = 0
        /// There was no place to wait.
        package var refused: UInt64 = 0
    }

    /// Connections that were closed at once.
    package struct Connections: Sendable {
        package var overLimit: UInt64 = 0
        package var denied: UInt64 = 0
        package var withoutHeader: UInt64 = 0
    }

    /// What refused a request, by the word of the configuration.
    package struct Refused: Sendable, Hashable {
        package enum Rule: String, Sendable {
            case deny, rate
        }

        package var route: String
        package var rule: Rule
    }

    package struct ReportOnly: Sendable, Hashable {
        package var route: String
        package var rule: RouteSettings.Rule
    }

    package init() {}

    private let tokenCounts = Guarded(Tokens())
    private let slowCounts = Guarded(Slow())
    private let heldCounts = Guarded(Held())
    private let waiting = Guarded<[Int: Int]>([:])
    private let lingeringCounts = Guarded(Lingering())
    private let connectionCounts = Guarded(Connections())
    private let refusals = Guarded<[Refused: UInt64]>([:])
    private let reports = Guarded<[ReportOnly: UInt64]>([:])

    package func note(_ count: WritableKeyPath<Tokens, UInt64>) {
        tokenCounts.withLock { $0[keyPath: count] += 1 }
    }

    package func note(slow count: WritableKeyPath<Slow, UInt64>) {
        slowCounts.withLock { $0[keyPath: count] += 1 }
    }

    package func note(held count: WritableKeyPath<Held, UInt64>) {
        heldCounts.withLock { $0[keyPath: count] += 1 }
    }

    /// A worker has so many requests that wait for servers that cannot be reached.
    package func noteHeld(_ count: Int, by worker: Int) {
        waiting.withLock { $0[worker] = count }
    }

    package func noteLingering() { lingeringCounts.withLock { $0.connections += 1 } }

    package func noteLingering(octets: Int) {
        lingeringCounts.withLock { $0.octets += UInt64(octets) }
    }

    package func note(_ count: WritableKeyPath<Connections, UInt64>) {
        connectionCounts.withLock { $0[keyPath: count] += 1 }
    }

    package func noteRefused(_ rule: Refused.Rule, route: String) {
        refusals.withLock { $0[Refused(route: route, rule: rule), default: 0] += 1 }
    }

    /// A rule that was not in force would have refused a request.
    package func noteReportOnly(_ rule: RouteSettings.Rule, route: String) {
        reports.withLock { $0[ReportOnly(route: route, rule: rule), default: 0] += 1 }
    }

    package var tokens: Tokens { tokenCounts.withLock { $0 } }
    package var held: Held { heldCounts.withLock { $0 } }
    package var heldNow: Int { waiting.withLock { $0.values.reduce(0, +) } }
    package var slow: Slow { slowCounts.withLock { $0 } }
    package var lingering: Lingering { lingeringCounts.withLock { $0 } }
    package var connections: Connections { connectionCounts.withLock { $0 } }
    package var refused: [Refused: UInt64] { refusals.withLock { $0 } }
    package var reportOnly: [ReportOnly: UInt64] { reports.withLock { $0 } }
}
