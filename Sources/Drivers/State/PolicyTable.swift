import Clock
import Records
import SQLite

/// Policies of stores, as operators set them.
final class PolicyTable {
    static let limit = 20_000

    private let database: Database
    /// How many rows there are, expired ones among them; nil when that is to be counted anew.
    private var count: Int?

    init(_ database: Database) { self.database = database }

    /// A transaction was undone.
    func rolledBack() { count = nil }

    /// The policies in force.
    func all(now: WallTime) throws(DatabaseError) -> [StorePolicy] {
        try database.rows(
            "SELECT \(Self.columns) FROM policy WHERE expires IS NULL OR expires > ?"
                + " ORDER BY block, store, role_group", [.integer(now.stored)], Self.read)
    }

    /// The one in force.
    func policy(_ key: StorePolicyKey, now: WallTime) throws(DatabaseError) -> StorePolicy? {
        try database.rows(
            "SELECT \(Self.columns) FROM policy WHERE \(Self.isKey)", Self.values(key), Self.read
        )
        .first { $0.isInForce(at: now) }
    }

    func set(
        _ change: StorePolicyChange, if condition: PolicyCondition, now: WallTime
    ) throws(DatabaseError) -> Result<StorePolicy, StateError> {
        do throws(InvalidRecord) {
            try change.check(now: now)
        } catch {
            return .failure(.invalid(error))
        }
        let current = try policy(change.key, now: now)
        guard condition.holds(for: current) else { return .failure(.conflict(current: current)) }
        // The old row goes: its successor gets a number that no row had before.
        let removed = try database.run("DELETE FROM policy WHERE \(Self.isKey)", values(change.key))
        let left = try counted() - removed
        // Counted again should the insertion fail.
        count = nil
        guard left < Self.limit else { return .failure(.tooMany(limit: Self.limit)) }
        var kept = change
        kept.expires = change.expires?.asStored
        let changed = now.asStored
        try database.run(
            """
            INSERT INTO policy (
                block, store, role_group, devices, policy, expires, changed, changed_by, note
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            Self.values(change.key) + [
                SQLValue(change.devices.map(Int64.init)), SQLValue(change.policy),
                SQLValue(kept.expires?.stored), .integer(changed.stored),
                .text(change.changedBy), SQLValue(change.note),
            ])
        count = left + 1
        let version = try database.integer("SELECT last_insert_rowid()") ?? 0
        return .success(StorePolicy(change: kept, version: version, changed: changed))
    }

    func remove(
        _ key: StorePolicyKey, if condition: PolicyCondition, now: WallTime
    ) throws(DatabaseError) -> Result<StorePolicy, StateError> {
        let current = try policy(key, now: now)
        guard let current else {
            if case .version = condition { return .failure(.conflict(current: nil)) }
            return .failure(.notFound)
        }
        guard condition.holds(for: current) else { return .failure(.conflict(current: current)) }
        count = nil
        try database.run("DELETE FROM policy WHERE \(Self.isKey)", Self.values(key))
        return .success(current)
    }

    /// Removes those that are in force no more.
    func dropExpired(now: WallTime) throws(DatabaseError) -> [StorePolicy] {
        let expired = try database.rows(
            "SELECT \(Self.columns) FROM policy WHERE expires <= ?", [.integer(now.stored)],
            Self.read)
        guard !expired.isEmpty else { return [] }
        count = nil
        try database.run("DELETE FROM policy WHERE expires <= ?", [.integer(now.stored)])
        return expired
    }

    func counted() throws(DatabaseError) -> Int {
        if let count { return count }
        let counted = Int(try database.integer("SELECT count(*) FROM policy") ?? 0)
        count = counted
        return counted
    }

    private static let isKey = "block = ? AND store = ? AND role_group = ?"
    private static let columns =
        "version, block, store, role_group, devices, policy, expires, changed, changed_by, note"

    private func values(_ key: StorePolicyKey) -> [SQLValue] { Self.values(key) }

    private static func values(_ key: StorePolicyKey) -> [SQLValue] {
        [.text(key.block), .text(key.store), .text(key.roleGroup ?? "")]
    }

    private static func read(_ row: borrowing Row) throws(DatabaseError) -> StorePolicy {
        let group = try row.text(3)
        let change = StorePolicyChange(
            key: StorePolicyKey(
                block: try row.text(1), store: try row.text(2),
                roleGroup: group.isEmpty ? nil : group),
            devices: try row.optionalInteger(4).map { Int($0) }, policy: try row.optionalText(5),
            expires: try row.optionalInteger(6).map { WallTime(stored: $0) },
            changedBy: try row.text(8), note: try row.optionalText(9))
        return StorePolicy(
            change: change, version: try row.integer(0),
            changed: WallTime(stored: try row.integer(7)))
    }
}
