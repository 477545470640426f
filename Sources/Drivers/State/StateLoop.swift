import Clock
import Locks
import Records
import SQLite
import Synchronization
import Transport

/// The thread of the store. Whatever waits is done in one transaction (a group commit), so that
/// many writers share one wait for the disk; nobody hears of anything before it is durable.
final class StateLoop {
    /// Requests, and ended sessions, of one transaction.
    private static let groupSize = 512
    /// How long an ended session may wait for company: the disk is not waited for one by one.
    private static let historyPatience: Duration = .milliseconds(500)
    /// From one step of pruning to the next, so that requests come in between.
    private static let prunePause: Duration = .milliseconds(20)
    /// From one failed attempt to write ended sessions to the next.
    private static let retryPause: Duration = .seconds(2)

    private let inbox: StateInbox
    private let tables: StateTables
    private let poller: Poller
    private var requests: [StateWork] = []
    /// Sessions that ended and are not written yet.
    private var backlog: [HistoryEntry] = []
    /// When they are written at the latest.
    private var backlogDue: Instant?
    private var pruneDue: Instant?
    private var health: StateHealth

    init(_ inbox: StateInbox, _ tables: StateTables) throws(SystemError) {
        self.inbox = inbox
        self.tables = tables
        health = StateHealth(name: tables.name)
        poller = try Poller()
        try poller.add(inbox.requests.descriptorNumber, token: 0, interest: .readable)
        try poller.add(inbox.history.descriptorNumber, token: 1, interest: .readable)
    }

    /// Serves until the store is stopped and all that was submitted before is done.
    func run() {
        while true {
            // The order matters: what was submitted before the store was stopped is served.
            let isStopping = inbox.isStopping.load(ordering: .acquiring)
            takeMessages()
            if !requests.isEmpty || isBacklogDue || (isStopping && !backlog.isEmpty) {
                serve()
                if isStopping, requests.isEmpty, health.isFailing { loseBacklog() }
                if !isStopping { prune() }
            } else if isStopping {
                return
            } else {
                prune()
                _ = poller.wait(milliseconds: milliseconds)
            }
        }
    }

    private func takeMessages() {
        requests += inbox.requests.take()
        // What does not fit waits in the mailbox, which loses further ones when it is full.
        if backlog.count < StateInbox.historyLimit { backlog += inbox.history.take() }
        if backlogDue == nil, !backlog.isEmpty {
            backlogDue = SystemClock.now() + Self.historyPatience
        }
        report(health.lost(inbox.lost.load(ordering: .relaxed), isWaiting: !backlog.isEmpty))
    }

    private var isBacklogDue: Bool {
        if backlog.count >= Self.groupSize, !health.isFailing { return true }
        return backlogDue.map { $0 <= SystemClock.now() } ?? false
    }

    private var milliseconds: Int32 {
        guard let due = [backlogDue, pruneDue].compactMap({ $0 }).min() else { return -1 }
        return Int32(clamping: max(0, (due - SystemClock.now()).wholeMilliseconds + 1))
    }

    // MARK: Groups

    /// Does the work of the next group, and tells all who asked for it.
    private func serve() {
        let group = Array(requests.prefix(Self.groupSize))
        requests.removeFirst(group.count)
        let entries = backlog.prefix(Self.groupSize)
        do throws(DatabaseError) {
            let outcome = try perform(group, entries)
            if outcome.isWrite {
                noteWritten(entries.count, pruned: outcome.pruned)
                report(health.succeeded())
            }
            deliver(outcome.results)
        } catch {
            tables.rolledBack()
            performSingly(group, after: error)
            postpone(entries.count, error)
            updateStatistics()
        }
    }

    private typealias Outcome = (
        results: [(isDone: Bool, deliver: StateWork.Delivery)], pruned: Int, isWrite: Bool
    )

    private func perform(
        _ group: [StateWork], _ entries: ArraySlice<HistoryEntry>
    ) throws(DatabaseError) -> Outcome {
        let isWrite = !entries.isEmpty || group.contains(where: \.isWrite)
        let body = { [tables] () throws(DatabaseError) -> Outcome in
            // The history comes first: a request for it finds the sessions that ended before the
            // request.
            let pruned = try tables.history.record(entries)
            var results: [(isDone: Bool, deliver: StateWork.Delivery)] = []
            for work in group {
                let result = try work.run(tables)
                results.append((result.isDone && work.isDecision, result.deliver))
            }
            return (results, pruned, isWrite)
        }
        return isWrite ? try tables.database.transaction(body) : try body()
    }

    /// One of them spoiled it for the others, or the file for all.
    private func performSingly(_ group: [StateWork], after failure: DatabaseError) {
        for work in group {
            // Nothing else can be written now: to try would cost every request the same wait again.
            if failure.concernsAll, work.isWrite {
                fail(work, failure)
                continue
            }
            do throws(DatabaseError) {
                deliver(try perform([work], []).results)
            } catch {
                tables.rolledBack()
                fail(work, error)
            }
        }
    }

    private func fail(_ work: StateWork, _ error: DatabaseError) {
        inbox.statistics.withLock { $0.failures += 1 }
        report(health.failed(error))
        updateStatistics()
        work.fail(StateError(error))
    }

    private func deliver(_ results: [(isDone: Bool, deliver: StateWork.Delivery)]) {
        let count = results.reduce(0) { $0 + ($1.isDone ? 1 : 0) }
        inbox.statistics.withLock { $0.acknowledged += UInt64(count) }
        // The statistics come before the answers: a caller that looks then sees its own change.
        updateStatistics()
        for result in results { result.deliver() }
    }

    // MARK: Ended sessions

    private func noteWritten(_ count: Int, pruned: Int) {
        backlog.removeFirst(count)
        backlogDue = backlog.isEmpty ? nil : SystemClock.now() + Self.historyPatience
        let isKept = tables.history.limits.count > 0
        inbox.statistics.withLock { statistics in
            statistics.commits += 1
            statistics.recorded += isKept ? UInt64(count) : 0
            statistics.pruned += UInt64(pruned)
        }
    }

    /// Keeps changes for another attempt, when that may help.
    private func postpone(_ count: Int, _ error: DatabaseError) {
        guard count > 0 else { return }
        do throws(DatabaseError) {
            if !error.concernsAll {
                // Perhaps it was one of the requests.
                let outcome = try perform([], backlog.prefix(count))
                return noteWritten(count, pruned: outcome.pruned)
            }
            report(health.failed(error))
        } catch {
            tables.rolledBack()
            report(health.failed(error))
            if !error.concernsAll {
                inbox.lose(count)
                backlog.removeFirst(count)
            }
        }
        backlogDue = backlog.isEmpty ? nil : SystemClock.now() + Self.retryPause
    }

    private func loseBacklog() {
        inbox.lose(backlog.count)
        backlog = []
        backlogDue = nil
        report(health.lost(inbox.lost.load(ordering: .relaxed), isWaiting: false))
    }

    private func prune() {
        let now = SystemClock.now()
        if let due = pruneDue, now < due { return }
        pruneDue = nil
        do throws(DatabaseError) {
            guard try tables.history.isPrunable() else { return }
            let removed = try tables.database.transaction { () throws(DatabaseError) in
                try tables.history.prune()
            }
            inbox.statistics.withLock { $0.pruned += UInt64(removed) }
            pruneDue = now + Self.prunePause
        } catch {
            tables.rolledBack()
            report(health.failed(error))
            pruneDue = now + Self.retryPause
        }
        updateStatistics()
    }

    // MARK: What others see

    private func updateStatistics() {
        let count = try? tables.history.counted()
        inbox.statistics.withLock { statistics in
            statistics.isFailing = health.isFailing
            if let count { statistics.historyCount = count }
        }
    }

    private func report(_ notice: StateNotice?) {
        if let notice { inbox.log(notice) }
    }
}
