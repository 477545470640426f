import SQLite

/// The tables, and how they became what they are: one step for every version. A step that was
/// released is never changed.
struct StateSchema {
    /// In the header of the file, says whose it is ("GtwS").
    static let applicationID: Int64 = 0x4774_7753

    static let current = StateSchema(steps: [first, second])

    /// Statements that lead from version n (from 0) to n + 1.
    let steps: [String]

    /// Makes the tables, or brings them up to date: each step as a whole or not at all.
    func bring(_ database: Database, file: String) throws(StateFileError) {
        let found = try Self.version(of: database, file: file)
        guard found <= steps.count else {
            throw .newer(file: file, found: found, known: steps.count)
        }
        do throws(DatabaseError) {
            for version in found..<steps.count {
                try database.transaction { () throws(DatabaseError) in
                    try database.execute(steps[version])
                    try database.execute(
                        """
                        PRAGMA application_id = \(Self.applicationID);
                        PRAGMA user_version = \(version + 1);
                        """)
                }
            }
        } catch {
            throw StateFileError(error, file: file)
        }
    }

    /// Looks whose file it is, and how old.
    private static func version(of database: Database, file: String) throws(StateFileError) -> Int {
        do throws(DatabaseError) {
            let owner = try database.integer("PRAGMA application_id") ?? 0
            let version = try database.integer("PRAGMA user_version") ?? 0
            if owner == applicationID, version > 0 { return Int(version) }
            let tables = try database.integer("SELECT count(*) FROM sqlite_schema") ?? 0
            // What was made a moment ago, or never came further than that.
            if owner == 0, version == 0, tables == 0 { return 0 }
        } catch {
            throw StateFileError(error, file: file)
        }
        throw .foreign(file: file)
    }

    /// Points in time are nanoseconds since 1970; an empty `role_group` or `store` stands for any.
    private static let first = """
        CREATE TABLE policy (
            version INTEGER PRIMARY KEY AUTOINCREMENT,
            block TEXT NOT NULL,
            store TEXT NOT NULL,
            role_group TEXT NOT NULL,
            devices INTEGER,
            policy TEXT,
            expires INTEGER,
            changed INTEGER NOT NULL,
            changed_by TEXT NOT NULL,
            note TEXT,
            UNIQUE (block, store, role_group)
        ) STRICT;
        CREATE INDEX policy_expires ON policy (expires) WHERE expires IS NOT NULL;

        CREATE TABLE device_alias (
            block TEXT NOT NULL,
            client_id TEXT NOT NULL,
            store TEXT NOT NULL,
            name TEXT NOT NULL,
            changed INTEGER NOT NULL,
            changed_by TEXT NOT NULL,
            PRIMARY KEY (block, client_id, store)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE revocation (
            rule TEXT NOT NULL,
            is_for_all_rules INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('token', 'user', 'issued_before', 'all_before')),
            name TEXT NOT NULL,
            moment INTEGER,
            forgotten_from INTEGER,
            PRIMARY KEY (kind, name, rule, is_for_all_rules)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX revocation_forgotten ON revocation (forgotten_from)
            WHERE forgotten_from IS NOT NULL;

        CREATE TABLE history (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            session TEXT NOT NULL,
            block TEXT NOT NULL,
            store TEXT NOT NULL,
            device TEXT NOT NULL,
            device_source TEXT NOT NULL,
            role TEXT,
            user TEXT,
            address TEXT NOT NULL,
            transport TEXT NOT NULL,
            route TEXT NOT NULL,
            began INTEGER NOT NULL,
            ended INTEGER NOT NULL,
            reason TEXT NOT NULL,
            rule TEXT,
            octets_received INTEGER NOT NULL,
            messages_received INTEGER NOT NULL,
            octets_sent INTEGER NOT NULL,
            messages_sent INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX history_store ON history (block, store);
        CREATE INDEX history_device ON history (block, device);
        CREATE INDEX history_ended ON history (ended);
        """

    /// A version of a policy is never used twice, not even by a new state after one was lost or
    /// kept in memory: a client that saw a policy before must not mistake another one for it.
    private static let second = """
        INSERT INTO sqlite_sequence (name, seq)
            SELECT 'policy', 0
            WHERE NOT EXISTS (SELECT * FROM sqlite_sequence WHERE name = 'policy');
        UPDATE sqlite_sequence SET seq = max(seq, CAST(strftime('%s', 'now') AS INTEGER) * 1000)
            WHERE name = 'policy';
        """

    /// The tables that are checked at every start: small, and the base of what the gateway decides.
    static let checkedTables = ["policy", "device_alias", "revocation"]
}
