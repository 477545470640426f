package import Clock
import Locks
import Settings
import Synchronization

/// What is found out about one server by asking it, and by what it answers: shared by all workers
/// and kept over reloads. Whether it can be connected to says its `ServerState`.
package final class ServerHealth: Sendable {
    /// What the log hears.
    package enum Notice: Sendable, Hashable {
        /// The server is left out for so long: so many answers in a row failed.
        case ejected(for: Duration, failures: Int)
        /// The server was left out, and answers well again.
        case readmitted
    }

    package struct Checks: Sendable, Hashable {
        package var passed = 0
        package var failed = 0
    }

    /// What checks say.
    package struct Finding: Sendable, Hashable {
        package var isUp: Bool
        package var since: Instant
        /// What the last check that failed found, while the server is down.
        package var why: CheckFailure?
    }

    private struct Record {
        var finding: Finding?
        var ejection = Ejection()
    }

    /// Before every clock: it is not left out.
    private static let never = Int64.min

    private let isDown = Atomic(false)
    /// Nanoseconds of an `Instant`, or `never`.
    private let ejectedUntil = Atomic(never)
    /// Answers in a row that failed.
    private let failures = Atomic(0)
    private let passedChecks = Atomic(0)
    private let failedChecks = Atomic(0)
    private let record = Guarded(Record())

    init() {}

    /// False while checks say that it is down, and while it is left out.
    package func allows(at now: Instant) -> Bool {
        !isDown.load(ordering: .relaxed)
            && ejectedUntil.load(ordering: .relaxed) <= now.nanoseconds
    }

    /// Nothing speaks against it, be it that the time is over for which it was left out.
    var isGood: Bool {
        !isDown.load(ordering: .relaxed) && ejectedUntil.load(ordering: .relaxed) == Self.never
    }

    // MARK: Checks

    /// What checks say; nil for a server that is not checked, or was not yet.
    package var finding: Finding? { record.withLock { $0.finding } }

    package var checks: Checks {
        Checks(
            passed: passedChecks.load(ordering: .relaxed),
            failed: failedChecks.load(ordering: .relaxed))
    }

    /// A check is over.
    ///
    /// - Parameters:
    ///   - isUp: what all checks so far say.
    ///   - failure: of this one; nil when it passed.
    package func checked(isUp: Bool, _ failure: CheckFailure?, at now: Instant) {
        if failure == nil {
            passedChecks.wrappingAdd(1, ordering: .relaxed)
        } else {
            failedChecks.wrappingAdd(1, ordering: .relaxed)
        }
        record.withLock { record in
            if record.finding?.isUp != isUp {
                record.finding = Finding(isUp: isUp, since: now, why: failure)
            } else if let failure, !isUp {
                record.finding?.why = failure
            }
            isDown.store(!isUp, ordering: .relaxed)
        }
    }

    /// The server is not checked any more: what checks said does not count.
    package func forgetChecks() {
        record.withLock { record in
            record.finding = nil
            isDown.store(false, ordering: .relaxed)
        }
    }

    // MARK: Answers

    /// When it was left out last.
    var ejectionBegan: Instant? { record.withLock { $0.ejection.began } }

    /// How often it was left out because of its answers.
    package var ejectionCount: Int { record.withLock { $0.ejection.count } }

    /// The server answered as it should.
    ///
    /// - Returns: what is to be said about it.
    func answered(at now: Instant) -> Notice? {
        // Looked at first, as in `ServerState.succeeded`.
        if failures.load(ordering: .relaxed) != 0 { failures.store(0, ordering: .relaxed) }
        let until = ejectedUntil.load(ordering: .relaxed)
        // What was begun before it was left out says nothing.
        guard until != Self.never, until <= now.nanoseconds else { return nil }
        let isMine = ejectedUntil.compareExchange(
            expected: until, desired: Self.never, ordering: .relaxed
        ).exchanged
        return isMine ? .readmitted : nil
    }

    /// An answer failed.
    ///
    /// - Returns: how many did in a row.
    func failed() -> Int { failures.wrappingAdd(1, ordering: .relaxed).newValue }

    /// The server is left out from now on. Called by one at a time.
    func eject(_ settings: EjectionSettings, at now: Instant) -> Notice {
        let count = failures.exchange(0, ordering: .relaxed)
        let time = record.withLock { $0.ejection.begin(at: now, base: settings.time) }
        ejectedUntil.store((now + time).nanoseconds, ordering: .relaxed)
        return .ejected(for: time, failures: count)
    }
}
