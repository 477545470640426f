internal import Synchronization
internal import Transport

/// Lines of a log that nobody took, or that could not be written: they are counted and told of.
package final class LogLosses: Sendable {
    private let total = Atomic<UInt64>(0)
    private let log: EventLog

    init(log: EventLog) { self.log = log }

    /// Lines that were left out so far.
    package var count: UInt64 { total.load(ordering: .relaxed) }

    /// - Parameter error: why they could not be written; nil when nobody took them.
    func note(
        _ leftOut: Int, _ notice: LogQueue.Notice? = nil, _ error: SystemError? = nil
    ) {
        if leftOut > 0 { total.add(UInt64(leftOut), ordering: .relaxed) }
        switch notice {
        case .began:
            let reason = error.map { "it cannot be written (\($0.reason))" } ?? "nobody takes it"
            log.warning("access log: \(reason): lines are left out")
        case .ended(let count): log.warning("access log: written again; \(count) lines are missing")
        case nil: break
        }
    }
}
