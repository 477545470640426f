import Foundation
import Peers
import Records
import SQLite
import Testing
import Transport

@testable import State

/// What is found on the disk, and what is left there.
@Suite struct StateFileTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("state")
    }

    private var file: String { path + "/gateway.db" }

    private func failure(_ path: String) -> StateFileError? {
        do throws(StateFileError) {
            let store = try StateStore(.init(place: .folder(path))) { _ in }
            store.close()
            return nil
        } catch {
            return error
        }
    }

    /// A folder with a store that holds something.
    private func make(policies: Int = 1, sessions: Int = 0) throws {
        let desk = try Desk(folder: path)
        for number in 0..<policies { _ = try desk.set(change("\(number)")).get() }
        for number in 0..<sessions { desk.store.record(entry("s\(number)")) }
        desk.store.close()
    }

    private func octets() throws -> Data { try Data(contentsOf: URL(filePath: file)) }

    private func mode(_ path: String) throws -> Int {
        try #require(
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func `everything is for nobody else`() throws {
        let desk = try Desk(folder: path)
        _ = try desk.set(change()).get()
        #expect(try mode(path) == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(
            names.sorted() == ["gateway.db", "gateway.db-shm", "gateway.db-wal", "gateway.lock"])
        for name in names { #expect(try mode(path + "/" + name) == 0o600) }
        desk.store.close()
    }

    @Test func `everything is there when it is opened again`() throws {
        let desk = try Desk(folder: path)
        let policy = try desk.set(change(note: "note")).get()
        desk.store.close()
        for _ in 1...3 {
            let again = try Desk(folder: path)
            #expect(try again.policies() == [policy])
            again.store.close()
        }
    }

    @Test func `a second gateway is told so, and the first goes on`() throws {
        let desk = try Desk(folder: path)
        #expect(failure(path) == .inUse(folder: path))
        #expect(failure(path)?.description == "state: '\(path)' is in use by another gateway")
        _ = try desk.set(change()).get()
        desk.store.close()
        #expect(failure(path) == nil)
    }

    @Test func `a folder that others may write to is refused, and it is said what to do`() throws {
        try Desk(folder: path).store.close()
        let mode = { (mode: Int) in
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        for exposed in [0o770, 0o702, 0o1777] {
            try mode(exposed)
            #expect(failure(path) == .exposed(folder: path, .writable))
        }
        let words = failure(path)?.description
        #expect(words == "state: other users can write to '\(path)' (chmod go-w '\(path)')")
        try mode(0o750)
        #expect(failure(path) == nil)
    }

    @Test func `a store that nobody holds lets go of its folder`() throws {
        var desk: Desk? = try Desk(folder: path)
        _ = try desk?.set(change()).get()
        desk = nil
        try Desk.wait { failure(path) != .inUse(folder: path) }
        #expect(try Desk(folder: path).policies().count == 1)
    }

    @Test func `memory says once that it will be forgotten`() throws {
        let desk = try Desk(.init(place: .memory))
        _ = try desk.set(change()).get()
        #expect(desk.notices.count == 1)
        #expect(desk.notices[0].text.hasPrefix("state: kept in memory only"))
        #expect(try Desk(.init(place: .memory)).policies() == [])
    }

    // MARK: Places where there can be none

    @Test func `a folder that cannot be made or used is an error that names it`() throws {
        let other = try folder.write([], to: "other")
        for path in ["/nowhere/at/all", other, other + "/in"] {
            guard case .inaccessible(let named, let reason) = failure(path) else {
                Issue.record("\(path) is no error")
                continue
            }
            #expect(named == path)
            #expect(!reason.isEmpty)
        }
        #expect(failure("a\0b") == .inaccessible(path: "a\0b", reason: "Invalid argument"))
    }

    @Test func `a folder that may not be written to is an error`() throws {
        var path = "/sys/kernel"
        if geteuid() != 0 {
            try make()
            path = self.path
            try FileManager.default.removeItem(atPath: path + "/gateway.lock")
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: path)
        }
        guard case .inaccessible(let named, _) = failure(path) else {
            Issue.record("\(path) can be written to")
            return
        }
        #expect(named == path + "/gateway.lock")
        try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    }

    /// In a process of its own, which is not root's: root may write to everything.
    @Test func `a file that may not be written to is an error`() async throws {
        let inner = folder.path("")
        await #expect(processExitsWith: .success) { [inner = inner as String] in
            let nobody: UInt32 = 65_534
            // From there on no path leads through folders that are not nobody's.
            #expect(FileManager.default.changeCurrentDirectoryPath(inner))
            if geteuid() == 0 {
                try FileManager.default.setAttributes([.ownerAccountID: nobody], ofItemAtPath: ".")
                #expect(setuid(nobody) == 0)
            }
            try Desk(folder: "state").store.close()
            let file = "state/gateway.db"
            try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: file)
            let reason = SystemError("open", code: EACCES).advice(writing: file)
            #expect(throws: StateFileError.inaccessible(path: file, reason: reason)) {
                try StateStore(.init(place: .folder("state"))) { _ in }
            }
        }
    }

    @Test func `a folder in the place of the file is an error`() throws {
        try FileManager.default.createDirectory(
            atPath: file, withIntermediateDirectories: true)
        #expect(failure(path) == .inaccessible(path: file, reason: "it is a folder, not a file"))
    }

    // MARK: Files that are something else

    static let strangers: [[UInt8]] = [
        Array("not a database, but long enough to be looked at".utf8),
        [UInt8](repeating: 0xAA, count: 40_000), Array("SQLite format 4\0".utf8), [0, 0],
    ]

    @Test(arguments: strangers)
    func `a file that is no database is left alone`(content: [UInt8]) throws {
        try make()
        try Data(content).write(to: URL(filePath: file))
        #expect(failure(path) == .notADatabase(file: file))
        #expect(try octets() == Data(content))
    }

    @Test(arguments: ["CREATE TABLE t (a)", "PRAGMA application_id = 1", "PRAGMA user_version = 1"])
    func `the database of another program is left alone`(script: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try Database(.file(file)).execute(script)
        #expect(failure(path) == .foreign(file: file))
    }

    @Test func `an empty file is a new one`() throws {
        try make()
        try Data().write(to: URL(filePath: file))
        #expect(try Desk(folder: path).policies() == [])
    }

    @Test func `the file of a newer gateway is left alone`() throws {
        try make()
        let newest = StateSchema.current.steps.count
        try Database(.file(file)).execute("PRAGMA user_version = \(newest + 1)")
        let before = try octets()
        let error = failure(path)
        #expect(error == .newer(file: file, found: newest + 1, known: newest))
        #expect(error?.description.contains("newer gateway") == true)
        #expect(try octets() == before)
    }

    @Test func `a table that is missing is an error`() throws {
        try make()
        try Database(.file(file)).execute("DROP TABLE policy")
        guard case .failed(let named, let reason) = failure(path) else {
            Issue.record("nobody noticed")
            return
        }
        #expect(named == file)
        #expect(reason.contains("policy"))
    }

    @Test func `a file that was cut off is damaged`() throws {
        try make(policies: 500)
        try octets().prefix(16_384).write(to: URL(filePath: file))
        guard case .damaged(let named, _) = failure(path) else {
            Issue.record("nobody noticed")
            return
        }
        #expect(named == file)
        #expect(try octets().count == 16_384)
    }

    @Test func `damage anywhere is an error or goes unnoticed, and nothing worse`() throws {
        try make(policies: 200, sessions: 200)
        let whole = try octets()
        var random = SystemRandomNumberGenerator()
        var noticed = 0
        for _ in 0..<60 {
            var damaged = whole
            let start = Int.random(in: 0..<whole.count - 256, using: &random)
            for index in start..<start + 256 { damaged[index] = UInt8.random(in: 0...255) }
            try damaged.write(to: URL(filePath: file))
            if failure(path) != nil {
                noticed += 1
                // Left as it was, for whoever tries to save something.
                #expect(try octets() == damaged)
            } else {
                let desk = try Desk(folder: path)
                _ = try desk.ask { $0.policies(now: Desk.now, $1) }
                _ = try desk.ask { $0.history(HistoryQuery(.all, limit: 500), $1) }
                desk.store.close()
            }
        }
        #expect(noticed > 5)
    }

    // MARK: Migrations

    private static let steps = [
        "CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1)",
        "ALTER TABLE t ADD COLUMN b TEXT; UPDATE t SET b = 'two'",
        "CREATE INDEX t_b ON t (b)",
    ]

    private func bring(_ steps: [String]) throws -> Database {
        let database = try Database(.file(folder.path("m.db")))
        try StateSchema(steps: steps).bring(database, file: "m.db")
        return database
    }

    @Test func `a file becomes newer step by step`() throws {
        for count in [0, 1, 1, 2, 3, 3] {
            let database = try bring(Array(Self.steps[..<count]))
            #expect(try database.integer("PRAGMA user_version") == Int64(count))
            if count == 0 { continue }
            #expect(try database.integer("SELECT count(*) FROM t") == 1)
            if count == 1 { continue }
            #expect(try database.integer("SELECT a FROM t WHERE b = 'two'") == 1)
        }
        #expect(throws: StateFileError.newer(file: "m.db", found: 3, known: 2)) {
            _ = try bring(Array(Self.steps[..<2]))
        }
    }

    @Test func `several steps at once`() throws {
        let database = try bring(Self.steps)
        #expect(try database.integer("PRAGMA user_version") == 3)
        #expect(try database.integer("SELECT a FROM t WHERE b = 'two'") == 1)
    }

    @Test func `a step that fails leaves what was before`() throws {
        _ = try bring([Self.steps[0]])
        #expect(throws: StateFileError.self) {
            _ = try bring([Self.steps[0], "UPDATE t SET a = 2; INSERT INTO nowhere VALUES (1)"])
        }
        let database = try bring([Self.steps[0]])
        #expect(try database.integer("PRAGMA user_version") == 1)
        #expect(try database.integer("SELECT a FROM t") == 1)
    }
}
