import Records
import SQLite
import Transport

/// The open database and its tables; for the thread of the store. While it lives no other gateway
/// opens the same folder.
final class StateTables {
    /// KiB of the pages that are kept in memory.
    private static let cacheSize = 8 * 1024
    /// Octets: the log that is written ahead of the file goes back to this size after a rush.
    private static let logSize = 16 * 1024 * 1024
    /// Octets; SQLite's own default.
    private static let pageSize = 4096

    let database: Database
    let policies: PolicyTable
    let aliases: AliasTable
    let revocations: RevocationTable
    let history: HistoryTable
    /// For messages.
    let name: String
    private let lock: FileLock?

    init(
        _ options: StateStore.Options, schema: StateSchema = .current
    ) throws(StateFileError) {
        switch options.place {
        case .memory:
            (name, lock) = ("memory", nil)
            database = try Self.open(.memory, name, options)
        case .folder(let folder):
            (name, lock) = try Self.prepare(folder)
            database = try Self.open(.file(name), name, options)
        }
        try schema.bring(database, file: name)
        try Self.check(database, name)
        policies = PolicyTable(database)
        aliases = AliasTable(database)
        revocations = RevocationTable(database)
        history = HistoryTable(database, limits: options.history)
    }

    /// A transaction was undone: what was counted in it is not so.
    func rolledBack() {
        policies.rolledBack()
        aliases.rolledBack()
        revocations.rolledBack()
        history.rolledBack()
    }

    /// How much there is, in words.
    func summary() throws(DatabaseError) -> String {
        "\(try policies.counted()) policies, \(try aliases.counted()) device names,"
            + " \(try revocations.counted()) revocations, \(try history.counted()) past sessions"
    }

    // MARK: Opening

    /// Makes the folder and an empty file, both for nobody else, and locks the folder.
    private static func prepare(
        _ folder: String
    ) throws(StateFileError) -> (file: String, lock: FileLock) {
        let file = folder + "/gateway.db"
        try accessing(folder) { () throws(SystemError) in try PrivateFiles.makeFolder(folder) }
        let exposure = try accessing(folder) { () throws(SystemError) in
            try PrivateFiles.exposure(ofFolder: folder)
        }
        if let exposure { throw .exposed(folder: folder, exposure) }
        // A file of its own: closing the database's would give up the locks SQLite has on it.
        let path = folder + "/gateway.lock"
        let lock = try accessing(path) { () throws(SystemError) in try FileLock(path) }
        guard let lock else { throw .inUse(folder: folder) }
        // Before SQLite does, which would let others read it.
        try accessing(file) { () throws(SystemError) in try PrivateFiles.makeFile(file) }
        return (file, lock)
    }

    /// Tries whether `prepare` would find what it needs, without making anything.
    static func check(_ folder: String) throws(StateFileError) {
        var exposure: PrivateFiles.Exposure?
        do throws(SystemError) {
            exposure = try PrivateFiles.exposure(ofFolder: folder)
        } catch {
            guard error.isNotFound else {
                throw .inaccessible(path: folder, reason: error.advice(writing: folder))
            }
            return try accessing(folder) { () throws(SystemError) in
                try PathCheck.canMakeFile(at: folder)
            }
        }
        if let exposure { throw .exposed(folder: folder, exposure) }
        try accessing(folder) { () throws(SystemError) in
            try PathCheck.canWrite(inFolder: folder)
        }
        for name in ["gateway.db", "gateway.lock"] {
            let path = folder + "/" + name
            try accessing(path) { () throws(SystemError) in try PathCheck.canAppend(to: path) }
        }
    }

    private static func accessing<Value>(
        _ path: String, _ body: () throws(SystemError) -> Value
    ) throws(StateFileError) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw .inaccessible(path: path, reason: error.advice(writing: path))
        }
    }

    private static func open(
        _ place: Database.Place, _ name: String, _ options: StateStore.Options
    ) throws(StateFileError) -> Database {
        let database: Database
        let mode: String?
        do throws(DatabaseError) {
            database = try Database(place)
            // Written ahead, and on the disk when a transaction is over: whatever ends the process,
            // or the machine, takes nothing back.
            mode = try database.rows("PRAGMA journal_mode = WAL") { row throws(DatabaseError) in
                try row.text(0)
            }.first
            try database.execute(
                """
                PRAGMA synchronous = FULL;
                PRAGMA cell_size_check = ON;
                PRAGMA temp_store = MEMORY;
                PRAGMA cache_size = -\(cacheSize);
                PRAGMA journal_size_limit = \(logSize);
                PRAGMA max_page_count = \(max(1, options.fileSize / pageSize));
                """)
        } catch {
            throw StateFileError(error, file: name)
        }
        if database.isReadOnly { throw .readOnly(file: name) }
        guard mode == "wal" || place == .memory else {
            throw .failed(
                file: name, reason: "its file system does not support a write-ahead log")
        }
        return database
    }

    /// Looks through the tables that decisions come from; what is wrong with the history shows when
    /// it is read.
    private static func check(_ database: Database, _ name: String) throws(StateFileError) {
        do throws(DatabaseError) {
            for table in StateSchema.checkedTables {
                let words = try database.rows(
                    "PRAGMA quick_check('\(table)')"
                ) { row throws(DatabaseError) in try row.text(0) }
                if words != ["ok"] {
                    throw DatabaseError(.corrupt, "table \(table): \(words.first ?? "no answer")")
                }
            }
        } catch {
            throw StateFileError(error, file: name)
        }
    }
}
