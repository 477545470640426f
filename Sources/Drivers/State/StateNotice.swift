/// A line for the log.
package enum StateNotice: Sendable, Hashable {
    case info(String)
    case warning(String)

    package var text: String {
        switch self {
        case .info(let text), .warning(let text): text
        }
    }
}

/// Counters for metrics, since the store was opened.
package struct StateStatistics: Sendable, Hashable {
    /// Transactions that became durable.
    package var commits: UInt64 = 0
    /// Requests to change something that were answered with success.
    package var acknowledged: UInt64 = 0
    /// Requests that failed because of the file.
    package var failures: UInt64 = 0
    /// Ended sessions that were written down.
    package var recorded: UInt64 = 0
    /// Ended sessions that were not, because too many waited or the file could not be written.
    package var lost: UInt64 = 0
    /// Ended sessions that were removed for their age or number.
    package var pruned: UInt64 = 0
    /// Entries of the history now.
    package var historyCount = 0
    /// The last attempt to write failed.
    package var isFailing = false

    package init() {}
}
