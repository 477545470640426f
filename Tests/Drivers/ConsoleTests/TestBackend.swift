import Clock
import Endings
import Identity
import Locks
import Records
import Sessions

@testable import Console

/// A backend around a real list of revocations. Live connections are those of users `alice` (two)
/// and `bob`.
final class TestBackend: ConsoleBackend {
    let store = RevocationStore()
    let rules = ["app", "staff"]
    let isFull = Guarded(false)
    let sources = Guarded<[KeySourceStatus]>([])
    let families = Guarded<[MetricFamily]>([])
    let fleet = TestServers()
    static let now = WallTime(seconds: 1_795_226_400)

    private let live: [(user: String, tokenID: String, issued: Int64)] = [
        ("alice", "a1", 1000), ("alice", "a2", 2000), ("bob", "b1", 3000),
    ]

    func revoke(
        _ revocation: Revocation, _ answer: @escaping ConsoleAnswer<RevokeOutcome>
    ) {
        answer(.success(revoke(revocation)))
    }

    private func revoke(_ revocation: Revocation) -> RevokeOutcome {
        if let rule = revocation.rule, !rules.contains(rule) { return .unknownRule }
        guard !isFull.withLock({ $0 }), store.add(revocation, now: Self.now) else { return .full }
        let meant = live.filter {
            revocation.means(
                rule: "app", user: $0.user, tokenID: $0.tokenID,
                issued: WallTime(seconds: $0.issued))
        }
        return .done(ended: meant.count)
    }

    func revocations() -> [Revocation] { store.current.revocations }
    func withdraw(_ revocation: Revocation, _ answer: @escaping ConsoleAnswer<Bool>) {
        answer(.success(store.remove(revocation)))
    }
    func keySources() -> [KeySourceStatus] { sources.withLock { $0 } }
    func metrics(_ answer: @escaping ConsoleAnswer<[MetricFamily]>) {
        answer(.success(families.withLock { $0 }))
    }

    var endpoints: [ConsoleEndpoint] {
        ConsoleEndpoints.all(self) { ClockReading(now: .zero, wallTime: TestBackend.now) }
    }

    // MARK: Sessions

    let table = SessionTable { _ in }
    let liveTable = LiveTable()
    let leases = Guarded<[LiveLease]>([])
    let kept = Guarded(Kept())
    let kicks = Guarded<[Kick]>([])
    let queries = Guarded<[HistoryQuery]>([])

    /// What a store of decisions would hold.
    struct Kept: Sendable {
        var policies: [StorePolicyKey: StorePolicy] = [:]
        var aliases: [DeviceAlias.Key: DeviceAlias] = [:]
        var history: [HistoryEntry] = []
        var lastVersion: Int64 = 0
        /// What is answered instead of anything that is kept.
        var failure: Refusal?
    }
}
