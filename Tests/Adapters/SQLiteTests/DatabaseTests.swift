import Peers
import SQLite
import Testing

@Suite struct DatabaseTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func memory(_ script: String = "CREATE TABLE t (a) STRICT") throws -> Database {
        let database = try Database(.memory)
        try database.execute(script.replacing("(a)", with: "(a ANY)"))
        return database
    }

    private func failure(_ body: () throws(DatabaseError) -> Void) -> DatabaseError.Kind? {
        do throws(DatabaseError) {
            try body()
            return nil
        } catch {
            return error.kind
        }
    }

    // MARK: Values

    static let values: [SQLValue] = [
        .null, .integer(0), .integer(-1), .integer(.max), .integer(.min), .integer(1 << 53 + 1),
        .text(""), .text("a"), .text("a\0b\0"), .text("\0"), .text("접속 🙂 e\u{301} \u{E9}"),
        .text(String(repeating: "x", count: 100_000)), .text("'; DROP TABLE t; --"),
        .blob([]), .blob([0]), .blob([0xFF, 0, 0xC3, 0x28]),
        .blob([UInt8](repeating: 7, count: 100_000)),
    ]

    @Test(arguments: values) func `a value comes back as it went in`(value: SQLValue) throws {
        let database = try memory()
        try database.run("INSERT INTO t VALUES (?)", [value])
        let found = try database.rows("SELECT a FROM t") { row throws(DatabaseError) in
            try row.value(0)
        }
        #expect(found == [value])
        // Also where SQL compares: octet by octet.
        #expect(try database.integer("SELECT count(*) FROM t WHERE a IS ?", [value]) == 1)
    }

    @Test func `texts that look alike are not the same`() throws {
        let database = try memory()
        try database.run("INSERT INTO t VALUES (?)", [.text("\u{E9}")])
        let look = "SELECT count(*) FROM t WHERE a = ?"
        #expect(try database.integer(look, [.text("e\u{301}")]) == 0)
        #expect(try database.integer(look, [.text("\u{E9}")]) == 1)
    }

    @Test func `a fraction is no value, and octets that are no UTF-8 are no text`() throws {
        let database = try memory()
        #expect(
            failure { () throws(DatabaseError) in _ = try database.integer("SELECT 1.5") } == .type)
        let kind = failure { () throws(DatabaseError) in
            _ = try database.rows("SELECT CAST(x'C328' AS TEXT)") { row throws(DatabaseError) in
                try row.text(0)
            }
        }
        #expect(kind == .corrupt)
    }

    typealias Read = @Sendable (borrowing Row) throws(DatabaseError) -> SQLValue

    struct Reading: Sendable, CustomStringConvertible {
        var sql: String
        var read: Read
        var kind: DatabaseError.Kind
        var description: String { sql }
    }

    private static let integer: Read = { row throws(DatabaseError) in .integer(try row.integer(0)) }
    private static let text: Read = { row throws(DatabaseError) in .text(try row.text(0)) }
    private static let blob: Read = { row throws(DatabaseError) in .blob(try row.blob(0)) }
    private static let behind: Read = { row throws(DatabaseError) in try row.value(1) }
    private static let before: Read = { row throws(DatabaseError) in try row.value(-1) }

    static let readings: [Reading] = [
        .init(sql: "SELECT 'a'", read: integer, kind: .type),
        .init(sql: "SELECT x'00'", read: integer, kind: .type),
        .init(sql: "SELECT NULL", read: integer, kind: .type),
        .init(sql: "SELECT 1", read: text, kind: .type),
        .init(sql: "SELECT x'41'", read: text, kind: .type),
        .init(sql: "SELECT NULL ", read: text, kind: .type),
        .init(sql: "SELECT 'b'", read: blob, kind: .type),
        .init(sql: "SELECT 2", read: blob, kind: .type),
        .init(sql: "SELECT NULL  ", read: blob, kind: .type),
        .init(sql: "SELECT 3", read: behind, kind: .misuse),
        .init(sql: "SELECT 4", read: before, kind: .misuse),
    ]

    @Test(arguments: readings) func `a column is read as what it is`(reading: Reading) throws {
        let database = try memory()
        let kind = failure { () throws(DatabaseError) in
            _ = try database.rows(reading.sql, [], reading.read)
        }
        #expect(kind == reading.kind)
    }

    // MARK: Statements

    static let misuses: [(sql: String, values: [SQLValue])] = [
        ("SELEC 1", []), ("", []), ("-- nothing", []), ("SELECT 1; SELECT 2", []),
        ("SELECT ?", []), ("SELECT ?", [.null, .null]), ("SELECT 1", [.null]),
        ("SELECT \"no such column\" FROM t", []), ("SELECT 1\0", []), ("SELECT a FROM nowhere", []),
        ("INSERT INTO t VALUES (1), (1, 2)", []),
    ]

    @Test(arguments: misuses)
    func `a statement that makes no sense is an error`(sql: String, values: [SQLValue]) throws {
        let database = try memory()
        let kind = failure { () throws(DatabaseError) in try database.run(sql, values) }
        #expect(kind == .misuse)
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
    }

    @Test func `a statement may end with a semicolon`() throws {
        #expect(try memory().integer("SELECT 7; \n") == 7)
    }

    @Test func `nothing of values is in an error`() throws {
        let database = try memory("CREATE TABLE t (a TEXT UNIQUE, b INTEGER) STRICT")
        try database.run("INSERT INTO t VALUES (?, 1)", [.text("hunter2")])
        for values in [[SQLValue.text("hunter2"), .integer(1)], [.text("x"), .text("hunter2")]] {
            do throws(DatabaseError) {
                try database.run("INSERT INTO t VALUES (?, ?)", values)
                Issue.record("it was inserted")
            } catch {
                #expect(error.kind == .constraint)
                #expect(!error.description.contains("hunter2"))
            }
        }
    }

    @Test func `a statement is used again, also within itself, and after it failed`() throws {
        let database = try memory()
        for number in 1...3 {
            try database.run("INSERT INTO t VALUES (?)", [.integer(Int64(number))])
        }
        let all = "SELECT a FROM t ORDER BY a"
        let pairs = try database.rows(all) { row throws(DatabaseError) in
            let first = try row.integer(0)
            return try database.rows(all) { row throws(DatabaseError) in
                first * 10 + (try row.integer(0))
            }
        }
        #expect(pairs == [[11, 12, 13], [21, 22, 23], [31, 32, 33]])
        let kind = failure { () throws(DatabaseError) in
            _ = try database.rows(all) { row throws(DatabaseError) in try row.text(0) }
        }
        #expect(kind == .type)
        #expect(
            try database.rows(all) { row throws(DatabaseError) in try row.integer(0) } == [1, 2, 3])
    }

    @Test func `more statements than are kept`() throws {
        let database = try memory()
        for _ in 1...2 {
            for number in 1...Database.keptStatementLimit * 2 {
                #expect(try database.integer("SELECT \(number)") == Int64(number))
            }
        }
    }

    @Test func `how many rows were changed`() throws {
        let database = try memory()
        #expect(try database.run("INSERT INTO t VALUES (1), (2), (3)") == 3)
        #expect(try database.run("DELETE FROM t WHERE a > ?", [.integer(1)]) == 2)
        #expect(try database.run("DELETE FROM t WHERE a > ?", [.integer(1)]) == 0)
        #expect(try database.integer("SELECT max(a) FROM t WHERE a > 1") == nil)
        #expect(try database.integer("SELECT a FROM t WHERE a > 1") == nil)
    }

    // MARK: Transactions

    @Test func `a transaction is done as a whole or not at all`() throws {
        let database = try memory("CREATE TABLE t (a INTEGER UNIQUE) STRICT")
        let kept = try database.transaction { () throws(DatabaseError) in
            try database.run("INSERT INTO t VALUES (1), (2)")
        }
        #expect(kept == 2)
        let kind = failure { () throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                try database.run("INSERT INTO t VALUES (3)")
                _ = try database.run("INSERT INTO t VALUES (1)")
            }
        }
        #expect(kind == .constraint)
        #expect(try database.integer("SELECT max(a) FROM t") == 2)
        _ = try database.transaction { () throws(DatabaseError) in
            try database.run("INSERT INTO t VALUES (4)")
        }
        #expect(try database.integer("SELECT max(a) FROM t") == 4)
    }

    @Test func `transactions do not nest`() throws {
        let database = try memory()
        let kind = failure { () throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                try database.run("INSERT INTO t VALUES (1)")
                try database.transaction { () throws(DatabaseError) in }
            }
        }
        #expect(kind == .misuse)
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
    }

    @Test func `a database that is full says so, undoes what it began, and goes on`() throws {
        let database = try memory()
        try database.execute("PRAGMA max_page_count = 10")
        let big = SQLValue.blob([UInt8](repeating: 1, count: 60_000))
        let kind = failure { () throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                try database.run("INSERT INTO t VALUES (1)")
                try database.run("INSERT INTO t VALUES (?)", [big])
            }
        }
        #expect(kind == .full)
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
        _ = try database.transaction { () throws(DatabaseError) in
            try database.run("INSERT INTO t VALUES (2)")
        }
        #expect(try database.integer("SELECT max(a) FROM t") == 2)
    }

    // MARK: Files

    @Test func `what was written is there when the file is opened again`() throws {
        let path = folder.path("a.db")
        for number in 1...3 {
            let database = try Database(.file(path))
            try database.execute("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (a)")
            try database.run("INSERT INTO t VALUES (?)", [.integer(Int64(number))])
            #expect(try database.integer("SELECT count(*) FROM t") == Int64(number))
        }
    }

    @Test func `somebody else's transaction is waited for, not for ever`() throws {
        let path = folder.path("a.db")
        let database = try Database(.file(path), patience: .milliseconds(20))
        try database.execute("CREATE TABLE t (a)")
        let other = try Database(.file(path))
        try other.execute("BEGIN IMMEDIATE")
        let write = { () throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                try database.run("INSERT INTO t VALUES (1)")
            }
        }
        #expect(failure { () throws(DatabaseError) in _ = try write() } == .busy)
        try other.execute("COMMIT")
        #expect(try write() == 1)
    }

    @Test func `what may only be read is not written`() throws {
        let path = folder.path("a.db")
        try Database(.file(path)).execute("CREATE TABLE t (a)")
        let database = try Database(.file(path), isReadOnly: true)
        #expect(database.isReadOnly)
        #expect(try database.integer("SELECT count(*) FROM t") == 0)
        let kind = failure { () throws(DatabaseError) in
            try database.run("INSERT INTO t VALUES (1)")
        }
        #expect(kind == .readOnly)
    }

    static let files: [(content: [UInt8], kind: DatabaseError.Kind?)] = [
        ([], nil), ([UInt8]("not a database, but long enough to be looked at".utf8), .notADatabase),
        ([UInt8](repeating: 0xAA, count: 8192), .notADatabase),
    ]

    @Test(arguments: files)
    func `a file that is something else`(content: [UInt8], kind: DatabaseError.Kind?) throws {
        let path = try folder.write(content, to: "a.db")
        let found = failure { () throws(DatabaseError) in
            let database = try Database(.file(path))
            _ = try database.integer("PRAGMA user_version")
        }
        #expect(found == kind)
        #expect(try folder.read("a.db") == content)
    }

    @Test func `a file that was cut off is damaged`() throws {
        let path = folder.path("a.db")
        do {
            let database = try Database(.file(path))
            try database.execute("CREATE TABLE t (a)")
            try database.run(
                "INSERT INTO t VALUES (?)", [.blob([UInt8](repeating: 1, count: 100_000))])
        }
        let whole = try folder.read("a.db")
        _ = try folder.write([UInt8](whole[..<12_288]), to: "a.db")
        let kind = failure { () throws(DatabaseError) in
            let database = try Database(.file(path))
            _ = try database.rows("SELECT a FROM t") { row throws(DatabaseError) in try row.blob(0)
            }
        }
        #expect(kind == .corrupt)
    }

    @Test(arguments: ["/nowhere/at/all.db", "/", "a\0b"])
    func `a file that cannot be`(path: String) {
        let kind = failure { () throws(DatabaseError) in
            let database = try Database(.file(path))
            try database.execute("CREATE TABLE t (a)")
        }
        #expect(kind == .cannotOpen)
    }

    @Test func `SQL does not reach behind the tables`() throws {
        let database = try memory()
        try database.execute("PRAGMA writable_schema = ON")
        let kind = failure { () throws(DatabaseError) in
            try database.run("UPDATE sqlite_schema SET sql = ''")
        }
        #expect(kind == .misuse)
    }
}
