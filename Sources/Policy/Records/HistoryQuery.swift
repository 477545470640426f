/// Asks for sessions that are over, those that ended last first.
package struct HistoryQuery: Sendable, Hashable {
    package enum Scope: Sendable, Hashable {
        case all
        case store(block: String, store: String)
        /// One device, in one store or (nil) in all.
        case device(block: String, store: String?, device: String)
        /// The sessions of one of the blocks that match the rest; what is nil matches all. Without
        /// blocks, nothing else may be asked for.
        case some(blocks: [String]?, store: String?, device: String?)
    }

    package static let longestPage = 500

    package var scope: Scope
    /// Where the page before ended; nil for the first one.
    package var cursor: HistoryCursor?
    /// Entries of a page, from 1 to `longestPage`.
    package let limit: Int

    package init(_ scope: Scope, after cursor: HistoryCursor? = nil, limit: Int = 50) {
        self.scope = scope
        self.cursor = cursor
        self.limit = min(max(1, limit), Self.longestPage)
    }
}

/// A place between two entries of the history. Entries that come or go move nothing across it.
package struct HistoryCursor: Sendable, Hashable, CustomStringConvertible {
    /// The entry that stands before the place: numbers fall from page to page.
    package let number: Int64

    package init(number: Int64) { self.number = number }

    /// Reads what `description` wrote; nil for anything else.
    package init?(_ text: String) {
        guard let number = Int64(text, radix: 36), number > 0,
            text == String(number, radix: 36)
        else { return nil }
        self.number = number
    }

    /// The cursor as a text that means nothing to clients.
    package var description: String { String(number, radix: 36) }
}

package struct HistoryPage: Sendable, Hashable {
    package var entries: [HistoryEntry]
    /// Where the next page begins; nil when there is none.
    package var next: HistoryCursor?

    package init(entries: [HistoryEntry], next: HistoryCursor?) {
        self.entries = entries
        self.next = next
    }
}
