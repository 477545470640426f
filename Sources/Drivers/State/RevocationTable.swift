import Clock
import Identity
import SQLite

/// Revocations that were added at run time. As in `RevocationList`: of two for the same target the
/// one that means more counts.
final class RevocationTable {
    static let limit = RevocationList.entryLimit

    private let database: Database
    /// How many rows there are, forgotten ones among them; nil when that is to be counted anew.
    private var count: Int?

    init(_ database: Database) { self.database = database }

    /// A transaction was undone.
    func rolledBack() { count = nil }

    /// The revocations that may not be forgotten yet.
    func all(now: WallTime) throws(DatabaseError) -> [Revocation] {
        try database.rows(
            """
            SELECT rule, is_for_all_rules, kind, name, moment, forgotten_from FROM revocation
            WHERE forgotten_from IS NULL OR forgotten_from > ?
            """, [.integer(now.stored)], Self.read)
    }

    func add(
        _ revocation: Revocation, now: WallTime
    ) throws(DatabaseError) -> Result<Revocation, StateError> {
        let row = StoredRevocation(revocation)
        let known = try counted()
        // Counted again should this fail.
        count = nil
        let gone = try database.run(
            "DELETE FROM revocation WHERE \(Self.isKey) AND forgotten_from <= ?",
            row.key + [.integer(now.stored)])
        let isKnown = try !database.rows(
            "SELECT 1 FROM revocation WHERE \(Self.isKey)", row.key
        ) { row throws(DatabaseError) in try row.integer(0) }.isEmpty
        guard isKnown || known - gone < Self.limit else {
            return .failure(.tooMany(limit: Self.limit))
        }
        let merged = try database.rows(
            """
            INSERT INTO revocation (kind, name, rule, is_for_all_rules, moment, forgotten_from)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET
                moment = max(moment, excluded.moment),
                forgotten_from = CASE
                    WHEN forgotten_from IS NULL OR excluded.forgotten_from IS NULL THEN NULL
                    ELSE max(forgotten_from, excluded.forgotten_from)
                END
            RETURNING rule, is_for_all_rules, kind, name, moment, forgotten_from
            """, row.key + [SQLValue(row.moment), SQLValue(row.forgottenFrom)], Self.read)
        count = known - gone + (isKnown ? 0 : 1)
        return .success(merged.first ?? revocation)
    }

    /// Takes the one with this target and rule back.
    /// - Returns: how many there were: 0 or 1.
    func remove(_ revocation: Revocation) throws(DatabaseError) -> Int {
        count = nil
        return try database.run(
            "DELETE FROM revocation WHERE \(Self.isKey)", StoredRevocation(revocation).key)
    }

    /// Removes those that may be forgotten.
    func forget(now: WallTime) throws(DatabaseError) -> Int {
        let removed = try database.run(
            "DELETE FROM revocation WHERE forgotten_from <= ?", [.integer(now.stored)])
        if removed > 0 { count = nil }
        return removed
    }

    func counted() throws(DatabaseError) -> Int {
        if let count { return count }
        let counted = Int(try database.integer("SELECT count(*) FROM revocation") ?? 0)
        count = counted
        return counted
    }

    private static let isKey = "kind = ? AND name = ? AND rule = ? AND is_for_all_rules = ?"

    private static func read(_ row: borrowing Row) throws(DatabaseError) -> Revocation {
        let name = try row.text(3)
        let target: Revocation.Target
        switch try row.text(2) {
        case "token": target = .token(id: name)
        case "user": target = .user(name)
        case "issued_before":
            target = .issuedBefore(WallTime(stored: try row.integer(4)), user: name)
        default: target = .issuedBefore(WallTime(stored: try row.integer(4)), user: nil)
        }
        return Revocation(
            target, rule: try row.integer(1) == 1 ? nil : try row.text(0),
            forgottenFrom: try row.optionalInteger(5).map { WallTime(stored: $0) })
    }
}

/// A revocation as columns. Names may be empty, so what is nil has a column of its own.
private struct StoredRevocation {
    let key: [SQLValue]
    var moment: Int64?
    let forgottenFrom: Int64?

    init(_ revocation: Revocation) {
        let kind: String
        var name = ""
        switch revocation.target {
        case .token(let id): (kind, name) = ("token", id)
        case .user(let user): (kind, name) = ("user", user)
        case .issuedBefore(let moment, let user?):
            (kind, name) = ("issued_before", user)
            self.moment = moment.stored
        case .issuedBefore(let moment, nil):
            kind = "all_before"
            self.moment = moment.stored
        }
        key = [
            .text(kind), .text(name), .text(revocation.rule ?? ""),
            .integer(revocation.rule == nil ? 1 : 0),
        ]
        forgottenFrom = revocation.forgottenFrom?.stored
    }
}
