import Clock
import Records
import SQLite

/// Sessions that are over. Their numbers grow in the order they were written down in, which is what
/// pages go by: clocks may jump.
final class HistoryTable {
    /// Entries that one step of pruning removes at most, some milliseconds of work.
    static let pruneStep = 500

    private let database: Database
    private(set) var limits: HistoryLimits
    /// How many rows there are; nil when that is to be counted anew.
    private var count: Int?
    /// What ended before that is too old; nil when nothing can be.
    private var cutoff: WallTime?

    init(_ database: Database, limits: HistoryLimits) {
        self.database = database
        self.limits = limits
    }

    /// A transaction was undone.
    func rolledBack() { count = nil }

    func keep(_ limits: HistoryLimits) { self.limits = limits }

    func timePassed(to now: WallTime) {
        let (seconds, attoseconds) = limits.age.components
        let age = WallTime(
            seconds: seconds, nanoseconds: Int32(attoseconds / 1_000_000_000)
        ).stored
        let (cutoff, isBeyond) = now.stored.subtractingReportingOverflow(age)
        self.cutoff = isBeyond ? nil : WallTime(stored: cutoff)
    }

    /// Writes them down; the oldest go when there are too many.
    /// - Returns: how many went.
    func record(_ entries: some Collection<HistoryEntry>) throws(DatabaseError) -> Int {
        guard limits.count > 0, !entries.isEmpty else { return 0 }
        let before = try counted()
        // Counted again should this fail.
        count = nil
        for entry in entries { try database.run(Self.insertion, Self.values(entry.shortened)) }
        count = before + entries.count
        return try removeSurplus()
    }

    /// One step towards what may be kept.
    /// - Returns: how many went.
    func prune() throws(DatabaseError) -> Int {
        let surplus = try removeSurplus()
        if surplus == Self.pruneStep { return surplus }
        guard let cutoff else { return surplus }
        let known = try counted()
        count = nil
        let removed = try database.run(
            """
            DELETE FROM history WHERE number IN (
                SELECT number FROM history INDEXED BY history_ended
                WHERE ended < ? ORDER BY ended LIMIT ?
            )
            """, [.integer(cutoff.stored), .integer(Int64(Self.pruneStep))])
        count = known - removed
        if removed < Self.pruneStep { self.cutoff = nil }
        return surplus + removed
    }

    /// Something may be there to be removed.
    func isPrunable() throws(DatabaseError) -> Bool {
        if cutoff != nil { return true }
        return try counted() > limits.count
    }

    private func removeSurplus() throws(DatabaseError) -> Int {
        let known = try counted()
        guard known > limits.count else { return 0 }
        count = nil
        let removed = try database.run(
            """
            DELETE FROM history WHERE number IN (
                SELECT number FROM history ORDER BY number LIMIT ?
            )
            """, [.integer(Int64(min(known - limits.count, Self.pruneStep)))])
        count = known - removed
        return removed
    }

    func counted() throws(DatabaseError) -> Int {
        if let count { return count }
        let counted = Int(try database.integer("SELECT count(*) FROM history") ?? 0)
        count = counted
        return counted
    }

    func page(_ query: HistoryQuery) throws(DatabaseError) -> HistoryPage {
        var (index, conditions, values) = Self.conditions(of: query.scope)
        if let cursor = query.cursor {
            conditions.append("number < ?")
            values.append(.integer(cursor.number))
        }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        // One more says whether there is another page.
        values.append(.integer(Int64(query.limit + 1)))
        let found = try database.rows(
            "SELECT \(Self.columns), number FROM history\(index)\(filter)"
                + " ORDER BY number DESC LIMIT ?", values
        ) { row throws(DatabaseError) in
            (number: try row.integer(Self.columnCount), entry: try Self.read(row))
        }
        let entries = found.prefix(query.limit)
        let next = found.count > query.limit ? entries.last : nil
        return HistoryPage(
            entries: entries.map(\.entry), next: next.map { HistoryCursor(number: $0.number) })
    }
}

extension HistoryTable {
    /// Which entries are meant, and the index that finds them.
    private static func conditions(
        of scope: HistoryQuery.Scope
    ) -> (index: String, [String], [SQLValue]) {
        switch scope {
        case .all: return ("", [], [])
        case .store(let block, let store):
            return conditions(of: .some(blocks: [block], store: store, device: nil))
        case .device(let block, let store, let device):
            return conditions(of: .some(blocks: [block], store: store, device: device))
        case .some(nil, _, _): return ("", [], [])
        case .some(let blocks?, let store, let device):
            let places = Array(repeating: "?", count: blocks.count).joined(separator: ", ")
            var conditions = ["block IN (\(places))"]
            var values = blocks.map { SQLValue.text($0) }
            for (column, value) in [("store", store), ("device", device)] {
                guard let value else { continue }
                conditions.append("\(column) = ?")
                values.append(.text(value))
            }
            let index = device == nil ? "history_store" : "history_device"
            return (" INDEXED BY " + index, conditions, values)
        }
    }

    private static let columnCount = 18
    private static let columns = """
        session, block, store, device, device_source, role, user, address, transport, route, \
        began, ended, reason, rule, octets_received, messages_received, octets_sent, messages_sent
        """
    private static let insertion =
        "INSERT INTO history (\(columns)) VALUES (?"
        + String(repeating: ", ?", count: columnCount - 1) + ")"

    private static func values(_ entry: HistoryEntry) -> [SQLValue] {
        [
            .text(entry.session), .text(entry.block), .text(entry.store), .text(entry.device),
            .text(entry.deviceSource), SQLValue(entry.role), SQLValue(entry.user),
            .text(entry.address), .text(entry.transport), .text(entry.route),
            .integer(entry.began.stored), .integer(entry.ended.stored), .text(entry.reason),
            SQLValue(entry.rule), .integer(entry.received.octets),
            .integer(entry.received.messages), .integer(entry.sent.octets),
            .integer(entry.sent.messages),
        ]
    }

    private static func read(_ row: borrowing Row) throws(DatabaseError) -> HistoryEntry {
        HistoryEntry(
            session: try row.text(0), block: try row.text(1), store: try row.text(2),
            device: try row.text(3), deviceSource: try row.text(4), role: try row.optionalText(5),
            user: try row.optionalText(6), address: try row.text(7), transport: try row.text(8),
            route: try row.text(9), began: WallTime(stored: try row.integer(10)),
            ended: WallTime(stored: try row.integer(11)), reason: try row.text(12),
            rule: try row.optionalText(13),
            received: .init(octets: try row.integer(14), messages: try row.integer(15)),
            sent: .init(octets: try row.integer(16), messages: try row.integer(17)))
    }
}
