import Locks
import Records
import Synchronization
import Transport

/// What the thread of the store and all who use it share: requests, sessions that ended, counters.
final class StateInbox: Sendable {
    /// Requests that may wait; further ones are refused.
    static let requestLimit = 4096
    /// Ended sessions that may wait; further ones are lost.
    static let historyLimit = 16_384

    let requests: Mailbox<StateWork>
    let history: Mailbox<HistoryEntry>
    let statistics = Guarded(StateStatistics())
    let lost = Atomic<UInt64>(0)
    let isStopping = Atomic(false)
    /// The thread takes no more requests.
    private let isClosed = Atomic(false)
    let log: @Sendable (StateNotice) -> Void

    init(log: @escaping @Sendable (StateNotice) -> Void) throws(SystemError) {
        requests = try Mailbox(capacity: Self.requestLimit)
        history = try Mailbox(capacity: Self.historyLimit)
        self.log = log
    }

    func submit(_ work: StateWork) {
        if isStopping.load(ordering: .acquiring) { return work.fail(.stopped) }
        guard requests.post(work) else { return work.fail(.overloaded) }
        // The thread may have looked for the last time just before.
        if isClosed.load(ordering: .sequentiallyConsistent) { refuseAll() }
    }

    func record(_ entry: HistoryEntry) {
        if isStopping.load(ordering: .acquiring) || !history.post(entry) { lose(1) }
    }

    func lose(_ count: Int) { lost.add(UInt64(count), ordering: .relaxed) }

    /// What was submitted before is still done.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        // Wakes the thread, also when there is no room for it.
        requests.post(StateWork(isWrite: false, isDecision: false, { _ in .success(()) }, { _ in }))
    }

    /// Nothing that is submitted from here on waits for the thread.
    func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        refuseAll()
    }

    private func refuseAll() {
        for work in requests.take() { work.fail(.stopped) }
    }
}
