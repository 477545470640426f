internal import Locks
internal import Settings

/// What is counted, for metrics; only grows. Each count is of something that costs a request more
/// anyway.
final class Counters: Sendable {
    /// What came of tokens.
    struct Tokens: Sendable {
        var failedAttempts: UInt64 = 0
        var blockedAttempts: UInt64 = 0
        var refreshes: UInt64 = 0
        var expiries: UInt64 = 0
    }

    /// Clients that were ended because they did not keep the least rate.
    struct Slow: Sendable {
        var bodies: UInt64 = 0
        var responses: UInt64 = 0
        var queues: UInt64 = 0
    }

    /// Clients that were read on from behind an answer that did not wait for all they sent.
    struct Lingering: Sendable {
        var connections: UInt64 = 0
        var octets: UInt64 = 0
    }

    /// Requests that waited for a server that could not be reached.
    struct Held: Sendable {
        /// A server was back in time.
        var served: UInt64 = 0
        /// It took too long, or the client left, or the process stopped.
        var ended: UInt64 = 0
        /// There was no place to wait.
        var refused: UInt64 = 0
    }

    /// Connections that were closed at once.
    struct Connections: Sendable {
        var overLimit: UInt64 = 0
        var denied: UInt64 = 0
        var withoutHeader: UInt64 = 0
    }

    /// What refused a request, by the word of the configuration.
    struct Refused: Sendable, Hashable {
        enum Rule: String, Sendable {
            case deny, rate
        }

        var route: String
        var rule: Rule
    }

    struct ReportOnly: Sendable, Hashable {
        var route: String
        var rule: RouteSettings.Rule
    }

    private let tokenCounts = Guarded(Tokens())
    private let slowCounts = Guarded(Slow())
    private let heldCounts = Guarded(Held())
    private let waiting = Guarded<[Int: Int]>([:])
    private let lingeringCounts = Guarded(Lingering())
    private let connectionCounts = Guarded(Connections())
    private let refusals = Guarded<[Refused: UInt64]>([:])
    private let reports = Guarded<[ReportOnly: UInt64]>([:])

    func note(_ count: WritableKeyPath<Tokens, UInt64>) {
        tokenCounts.withLock { $0[keyPath: count] += 1 }
    }

    func note(slow count: WritableKeyPath<Slow, UInt64>) {
        slowCounts.withLock { $0[keyPath: count] += 1 }
    }

    func note(held count: WritableKeyPath<Held, UInt64>) {
        heldCounts.withLock { $0[keyPath: count] += 1 }
    }

    /// So many requests wait on a worker for servers that cannot be reached.
    func noteHeld(_ count: Int, by worker: Int) {
        waiting.withLock { $0[worker] = count }
    }

    func noteLingering() { lingeringCounts.withLock { $0.connections += 1 } }

    func noteLingering(octets: Int) {
        lingeringCounts.withLock { $0.octets += UInt64(octets) }
    }

    func note(_ count: WritableKeyPath<Connections, UInt64>) {
        connectionCounts.withLock { $0[keyPath: count] += 1 }
    }

    func noteRefused(_ rule: Refused.Rule, route: String) {
        refusals.withLock { $0[Refused(route: route, rule: rule), default: 0] += 1 }
    }

    /// A rule that was not in force would have refused a request.
    func noteReportOnly(_ rule: RouteSettings.Rule, route: String) {
        reports.withLock { $0[ReportOnly(route: route, rule: rule), default: 0] += 1 }
    }

    var tokens: Tokens { tokenCounts.withLock { $0 } }
    var held: Held { heldCounts.withLock { $0 } }
    var heldNow: Int { waiting.withLock { $0.values.reduce(0, +) } }
    var slow: Slow { slowCounts.withLock { $0 } }
    var lingering: Lingering { lingeringCounts.withLock { $0 } }
    var connections: Connections { connectionCounts.withLock { $0 } }
    var refused: [Refused: UInt64] { refusals.withLock { $0 } }
    var reportOnly: [ReportOnly: UInt64] { reports.withLock { $0 } }
}
