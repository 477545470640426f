/// How much of the history is kept.
package struct HistoryLimits: Sendable, Hashable {
    /// Sessions that ended longer ago go.
    package var age: Duration
    /// When there are more, the oldest go. 0 for no history.
    package var count: Int

    package init(age: Duration = .seconds(30 * 86_400), count: Int = 1_000_000) {
        self.age = age
        self.count = count
    }

    /// For what is kept in memory only: some megabytes.
    package static let inMemory = HistoryLimits(count: 10_000)
}
