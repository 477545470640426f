internal import Locks
internal import Settings

/// What is counted, for metrics; only grows. Each count is for an event that costs a request
/// anyway.
final class Counters: Sendable {
    struct ReportOnly: Sendable, Hashable {
        var route: String
        var rule: RouteSettings.Rule
    }

    private struct Counts: Sendable {
        var reportOnly: [ReportOnly: UInt64] = [:]
        var failedAttempts: UInt64 = 0
        var blockedAttempts: UInt64 = 0
        var refreshes: UInt64 = 0
        var expiries: UInt64 = 0
    }

    private let counts = Guarded(Counts())

    /// A rule that was not in force would have refused a request.
    func noteReportOnly(_ rule: RouteSettings.Rule, route: String) {
        let key = ReportOnly(route: route, rule: rule)
        counts.withLock { $0.reportOnly[key, default: 0] += 1 }
    }

    func noteFailedAttempt() { counts.withLock { $0.failedAttempts += 1 } }

    func noteBlockedAttempt() { counts.withLock { $0.blockedAttempts += 1 } }

    func noteRefresh() { counts.withLock { $0.refreshes += 1 } }

    func noteExpiry() { counts.withLock { $0.expiries += 1 } }

    var reportOnly: [ReportOnly: UInt64] { counts.withLock { $0.reportOnly } }
    var failedAttempts: UInt64 { counts.withLock { $0.failedAttempts } }
    var blockedAttempts: UInt64 { counts.withLock { $0.blockedAttempts } }
    var refreshes: UInt64 { counts.withLock { $0.refreshes } }
    var expiries: UInt64 { counts.withLock { $0.expiries } }
}
