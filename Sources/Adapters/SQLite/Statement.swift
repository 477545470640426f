internal import CSQLite

/// One prepared statement: values are bound, then it is stepped through its rows, then it is ready
/// for the next ones. For one thread, the one of its database.
@safe
package final class Statement {
    private let connection: Connection
    // Owned by this object, finalised in `deinit`, while the connection is still open.
    private let handle: OpaquePointer
    /// Columns can be read.
    package private(set) var isAtRow = false

    /// - Parameter sql: one statement, with nothing behind it.
    init(_ sql: String, on connection: Connection, isKept: Bool) throws(DatabaseError) {
        guard !sql.utf8.contains(0) else {
            throw DatabaseError(.misuse, "a statement with a zero octet")
        }
        let flags = isKept ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        var handle: OpaquePointer?
        var result = SQLITE_OK
        var isWhole = true
        let text = sql.utf8.span
        // SQLite reads at most `count` octets of a buffer that outlives the call, and points `tail`
        // into it.
        unsafe text.withUnsafeBytes { octets in
            var tail: UnsafePointer<CChar>?
            // The octets are UTF-8, which C calls characters.
            let base = unsafe octets.baseAddress?.assumingMemoryBound(to: CChar.self)
            unsafe result = sqlite3_prepare_v3(
                connection.handle, base, Int32(clamping: octets.count), flags, &handle, &tail)
            // Both point into the same buffer.
            if let base = unsafe base, let tail = unsafe tail {
                let rest = unsafe octets[(tail - base)...]
                isWhole = unsafe rest.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x3B }
            }
        }
        try connection.check(result)
        // Null for a text without a statement.
        guard let handle = unsafe handle else { throw DatabaseError(.misuse, "an empty statement") }
        guard isWhole else {
            // The statement was just prepared and is held here only.
            unsafe sqlite3_finalize(handle)
            throw DatabaseError(.misuse, "more than one statement")
        }
        self.connection = connection
        // Ours from here on.
        unsafe self.handle = handle
    }

    deinit {
        // The counterpart of `init`; the connection is still held.
        unsafe sqlite3_finalize(handle)
    }

    /// Binds all parameters, in order. There are as many values as parameters.
    package func bind(_ values: [SQLValue]) throws(DatabaseError) {
        // The statement is live.
        let wanted = unsafe Int(sqlite3_bind_parameter_count(handle))
        guard values.count == wanted else {
            throw DatabaseError(.misuse, "\(values.count) values for \(wanted) parameters")
        }
        for (index, value) in values.enumerated() {
            try connection.check(bind(value, at: Int32(index + 1)))
        }
    }

    private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null:
            // The statement is live, here and below; SQLite itself checks the index.
            unsafe sqlite3_bind_null(handle, index)
        case .integer(let integer):
            // The statement is live; SQLite itself checks the index.
            unsafe sqlite3_bind_int64(handle, index, integer)
        case .text(let text):
            // The octets are copied before the call returns.
            unsafe text.utf8.span.withUnsafeBytes { octets in
                unsafe csqlite_bind_text(
                    handle, index, octets.baseAddress?.assumingMemoryBound(to: CChar.self),
                    UInt64(octets.count))
            }
        case .blob(let octets):
            // The octets are copied before the call returns.
            unsafe octets.span.withUnsafeBytes { octets in
                unsafe csqlite_bind_blob(handle, index, octets.baseAddress, UInt64(octets.count))
            }
        }
    }

    /// Goes on to the next row. Returns false when there is none.
    package func step() throws(DatabaseError) -> Bool {
        // The statement is live.
        let result = unsafe sqlite3_step(handle)
        isAtRow = result == SQLITE_ROW
        if result == SQLITE_ROW || result == SQLITE_DONE { return isAtRow }
        throw connection.error(result)
    }

    /// Ready to be bound and stepped again; what was bound is forgotten.
    package func reset() {
        isAtRow = false
        // The statement is live; what its last step came to was told then.
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
    }

    package var columnCount: Int {
        // The statement is live.
        unsafe Int(sqlite3_column_count(handle))
    }

    // MARK: The row it is at

    /// What column `index`, from 0, holds.
    package func value(_ index: Int) throws(DatabaseError) -> SQLValue {
        guard isAtRow, index >= 0, index < columnCount else {
            throw DatabaseError(.misuse, "there is no column \(index) to read")
        }
        let column = Int32(index)
        // At a row, and the column exists, by the guard above; this and all below.
        switch unsafe sqlite3_column_type(handle, column) {
        case SQLITE_NULL: return .null
        case SQLITE_INTEGER: return unsafe .integer(sqlite3_column_int64(handle, column))
        case SQLITE_BLOB: return .blob(octets(column))
        case SQLITE_TEXT:
            guard let text = String(validating: octets(column), as: UTF8.self) else {
                throw DatabaseError(.corrupt, "column \(index) is not UTF-8")
            }
            return .text(text)
        default: throw DatabaseError(.type, "column \(index) is a fraction")
        }
    }

    /// The octets of a blob or a text, copied.
    private func octets(_ column: Int32) -> [UInt8] {
        // The memory belongs to the statement until its next call; its size is asked for after it,
        // as SQLite wants it. Null for no octets.
        guard let memory = unsafe sqlite3_column_blob(handle, column) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        // As many octets as SQLite says there are.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: memory, count: count))
    }
}

/// The row that a query is at: for as long as the closure it was handed to.
package struct Row: ~Copyable {
    private let statement: Statement

    init(_ statement: Statement) { self.statement = statement }

    package func integer(_ index: Int) throws(DatabaseError) -> Int64 {
        guard let integer = try optionalInteger(index) else { throw Self.absent(index) }
        return integer
    }

    package func text(_ index: Int) throws(DatabaseError) -> String {
        guard let text = try optionalText(index) else { throw Self.absent(index) }
        return text
    }

    package func blob(_ index: Int) throws(DatabaseError) -> [UInt8] {
        guard let octets = try optionalBlob(index) else { throw Self.absent(index) }
        return octets
    }

    package func optionalInteger(_ index: Int) throws(DatabaseError) -> Int64? {
        switch try statement.value(index) {
        case .integer(let integer): return integer
        case .null: return nil
        case .text, .blob: throw DatabaseError(.type, "column \(index) is not an integer")
        }
    }

    package func optionalText(_ index: Int) throws(DatabaseError) -> String? {
        switch try statement.value(index) {
        case .text(let text): return text
        case .null: return nil
        case .integer, .blob: throw DatabaseError(.type, "column \(index) is not text")
        }
    }

    package func optionalBlob(_ index: Int) throws(DatabaseError) -> [UInt8]? {
        switch try statement.value(index) {
        case .blob(let octets): return octets
        case .null: return nil
        case .integer, .text: throw DatabaseError(.type, "column \(index) is not a blob")
        }
    }

    package func value(_ index: Int) throws(DatabaseError) -> SQLValue {
        try statement.value(index)
    }

    private static func absent(_ index: Int) -> DatabaseError {
        DatabaseError(.type, "column \(index) is null")
    }
}
