import SQLite

/// Decides what the log is told: once when something begins to go wrong, once when that is over.
struct StateHealth {
    private let name: String
    /// Nothing can be written.
    private(set) var isFailing = false
    private var lastReported: DatabaseError?
    /// Ended sessions that were lost so far, and before this time of losing them began.
    private var lostCount: UInt64 = 0
    private var lostBefore: UInt64?

    init(name: String) { self.name = name }

    mutating func failed(_ error: DatabaseError) -> StateNotice? {
        let isKnown = error.concernsAll ? isFailing : error == lastReported
        isFailing = isFailing || error.concernsAll
        if isKnown { return nil }
        lastReported = error
        return .warning("state: '\(name)': \(error)")
    }

    mutating func succeeded() -> StateNotice? {
        guard isFailing else { return nil }
        isFailing = false
        return .info("state: '\(name)' can be written again")
    }

    /// - Parameters:
    ///   - count: of all ended sessions that were lost.
    ///   - isWaiting: some still wait to be written.
    mutating func lost(_ count: UInt64, isWaiting: Bool) -> StateNotice? {
        defer { lostCount = count }
        if count > lostCount, lostBefore == nil {
            lostBefore = lostCount
            return .warning(
                "state: past sessions are missing from the history: too many were waiting")
        }
        guard count == lostCount, !isWaiting, let before = lostBefore else { return nil }
        lostBefore = nil
        return .info("state: \(count - before) past sessions are missing from the history")
    }
}
