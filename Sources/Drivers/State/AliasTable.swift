import Clock
import Records
import SQLite

/// What people call their devices.
final class AliasTable {
    static let limit = 100_000

    private let database: Database
    /// How many rows there are; nil when that is to be counted anew.
    private var count: Int?

    init(_ database: Database) { self.database = database }

    /// A transaction was undone.
    func rolledBack() { count = nil }

    /// The names of one block's devices, or (nil) of all.
    func all(block: String?) throws(DatabaseError) -> [DeviceAlias] {
        let columns = "SELECT block, client_id, store, name, changed, changed_by FROM device_alias"
        let order = " ORDER BY block, client_id, store"
        guard let block else { return try database.rows(columns + order, [], Self.read) }
        return try database.rows(
            columns + " WHERE block = ?" + order, [.text(block)], Self.read)
    }

    /// The last one who names a device is right.
    func set(_ alias: DeviceAlias) throws(DatabaseError) -> Result<DeviceAlias, StateError> {
        do throws(InvalidRecord) {
            try alias.check()
        } catch {
            return .failure(.invalid(error))
        }
        let before = try counted()
        // Counted again should this fail.
        count = nil
        let removed = try remove(alias.key)
        guard before - removed < Self.limit else { return .failure(.tooMany(limit: Self.limit)) }
        var kept = alias
        kept.changed = alias.changed.asStored
        try database.run(
            """
            INSERT INTO device_alias (block, client_id, store, name, changed, changed_by)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            Self.values(alias.key) + [
                .text(alias.name), .integer(kept.changed.stored), .text(alias.changedBy),
            ])
        count = before - removed + 1
        return .success(kept)
    }

    /// - Returns: how many there were: 0 or 1.
    func remove(_ key: DeviceAlias.Key) throws(DatabaseError) -> Int {
        count = nil
        return try database.run(
            "DELETE FROM device_alias WHERE block = ? AND client_id = ? AND store = ?",
            Self.values(key))
    }

    func counted() throws(DatabaseError) -> Int {
        if let count { return count }
        let counted = Int(try database.integer("SELECT count(*) FROM device_alias") ?? 0)
        count = counted
        return counted
    }

    private static func values(_ key: DeviceAlias.Key) -> [SQLValue] {
        [.text(key.block), .text(key.clientID), .text(key.store ?? "")]
    }

    private static func read(_ row: borrowing Row) throws(DatabaseError) -> DeviceAlias {
        let store = try row.text(2)
        return DeviceAlias(
            key: .init(
                block: try row.text(0), store: store.isEmpty ? nil : store,
                clientID: try row.text(1)),
            name: try row.text(3), changed: WallTime(stored: try row.integer(4)),
            changedBy: try row.text(5))
    }
}
