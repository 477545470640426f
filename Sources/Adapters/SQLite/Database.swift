internal import CSQLite

/// One SQLite database, in a file or in memory. For one thread: it is not `Sendable`, and SQLite
/// takes no lock for it.
///
/// Statements are texts of the code, never made of values: those are bound.
package final class Database {
    package enum Place: Sendable, Hashable {
        /// Made when it is not there, if it may be.
        case file(String)
        case memory
    }

    /// Statements that stay prepared; a further one takes the place of the one prepared first.
    package static let keptStatementLimit = 64

    private let connection: Connection
    private var statements: [String: Statement] = [:]
    /// The keys of `statements`, by age.
    private var keptTexts: [String] = []
    private var isInTransaction = false

    /// - Parameter patience: how long to wait for the transaction of another connection.
    package init(
        _ place: Place, isReadOnly: Bool = false, patience: Duration = .seconds(2)
    ) throws(DatabaseError) {
        let path =
            switch place {
            case .file(let path): path
            case .memory: ":memory:"
            }
        connection = try Connection(path: path, isReadOnly: isReadOnly)
        let milliseconds = patience / .milliseconds(1)
        // The connection is open.
        try connection.check(
            unsafe sqlite3_busy_timeout(connection.handle, Int32(milliseconds)))
        // The connection is open.
        try connection.check(unsafe csqlite_harden(connection.handle))
    }

    /// The file may not be written to, whatever was asked for.
    package var isReadOnly: Bool {
        // The connection is open; `main` is the database it was opened with.
        unsafe sqlite3_db_readonly(connection.handle, "main") != 0
    }

    /// Runs all statements of a text that is part of the code; rows are not looked at.
    package func execute(_ script: String) throws(DatabaseError) {
        // The text is null-terminated by the bridge.
        try connection.check(unsafe sqlite3_exec(connection.handle, script, nil, nil, nil))
    }

    /// Runs a statement that answers no rows.
    /// - Returns: how many rows it changed.
    @discardableResult
    package func run(_ sql: String, _ values: [SQLValue] = []) throws(DatabaseError) -> Int {
        let statement = try take(sql)
        defer { giveBack(statement, sql) }
        try statement.bind(values)
        while try statement.step() {}
        // The connection is open.
        return unsafe Int(sqlite3_changes64(connection.handle))
    }

    /// What `read` makes of every row.
    package func rows<Value>(
        _ sql: String, _ values: [SQLValue] = [],
        _ read: (borrowing Row) throws(DatabaseError) -> Value
    ) throws(DatabaseError) -> [Value] {
        let statement = try take(sql)
        defer { giveBack(statement, sql) }
        try statement.bind(values)
        var found: [Value] = []
        let row = Row(statement)
        while try statement.step() { found.append(try read(row)) }
        return found
    }

    /// The first column of the first row; nil without rows, and for NULL.
    package func integer(
        _ sql: String, _ values: [SQLValue] = []
    ) throws(DatabaseError) -> Int64? {
        try rows(sql, values) { row throws(DatabaseError) in try row.optionalInteger(0) }
            .first ?? nil
    }

    /// Runs `body` as a whole or not at all: what it throws, or the end of the process before this
    /// returns, undoes everything. When it returns, it is as durable as `PRAGMA synchronous` says.
    ///
    /// Another writer is waited for here, at the beginning. Transactions do not nest.
    package func transaction<Result>(
        _ body: () throws(DatabaseError) -> Result
    ) throws(DatabaseError) -> Result {
        guard !isInTransaction else {
            throw DatabaseError(.misuse, "a transaction within a transaction")
        }
        try run("BEGIN IMMEDIATE")
        isInTransaction = true
        defer { isInTransaction = false }
        do throws(DatabaseError) {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// SQLite may have rolled back by itself: for want of room, for one.
    private func rollBack() {
        // The connection is open. Not zero: there is no transaction any more.
        if unsafe sqlite3_get_autocommit(connection.handle) != 0 { return }
        // Fails only where there is none.
        try? execute("ROLLBACK")
    }

    // MARK: Prepared statements

    /// A statement that nobody uses at the moment.
    private func take(_ sql: String) throws(DatabaseError) -> Statement {
        if let statement = statements.removeValue(forKey: sql) { return statement }
        return try Statement(sql, on: connection, isKept: true)
    }

    private func giveBack(_ statement: Statement, _ sql: String) {
        statement.reset()
        // The statement may have been prepared once more while its first one was in use.
        guard statements.updateValue(statement, forKey: sql) == nil else { return }
        if keptTexts.contains(sql) { return }
        if keptTexts.count == Self.keptStatementLimit {
            statements[keptTexts.removeFirst()] = nil
        }
        keptTexts.append(sql)
    }
}
