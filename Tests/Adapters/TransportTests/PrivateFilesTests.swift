import Foundation
import Peers
import Testing
import Transport

@Suite struct PrivateFilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test func `what is made is for nobody else`() throws {
        let inner = folder.path("inner")
        try PrivateFiles.makeFolder(inner)
        #expect(try mode(inner) == 0o700)
        try PrivateFiles.makeFile(inner + "/file")
        #expect(try mode(inner + "/file") == 0o600)
        let lock = try #require(try FileLock(inner + "/lock"))
        #expect(try mode(inner + "/lock") == 0o600)
        withExtendedLifetime(lock) {}
    }

    @Test func `what is there stays as it is`() throws {
        let file = try folder.write([1, 2, 3], to: "file")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        try PrivateFiles.makeFile(file)
        #expect(try mode(file) == 0o640)
        #expect(try folder.read("file") == [1, 2, 3])
        let inner = folder.path("inner")
        try FileManager.default.createDirectory(
            atPath: inner, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755])
        try PrivateFiles.makeFolder(inner)
        #expect(try mode(inner) == 0o755)
    }

    @Test func `what cannot be made is an error`() throws {
        let file = try folder.write([], to: "file")
        #expect(throws: SystemError("mkdir", code: ENOTDIR)) {
            try PrivateFiles.makeFolder(file)
        }
        #expect(throws: SystemError("mkdir", code: ENOTDIR)) {
            try PrivateFiles.makeFolder(file + "/inner")
        }
        #expect(throws: SystemError("mkdir", code: ENOENT)) {
            try PrivateFiles.makeFolder(folder.path("a/b"))
        }
        #expect(throws: SystemError("mkdir", code: EINVAL)) { try PrivateFiles.makeFolder("a\0") }
        #expect(throws: SystemError("open", code: ENOENT)) {
            try PrivateFiles.makeFile(folder.path("a/b"))
        }
        #expect(throws: SystemError("open", code: EISDIR)) {
            try PrivateFiles.makeFile(folder.path(""))
        }
        #expect(throws: SystemError("open", code: EINVAL)) { try FileLock("a\0") }
    }

    @Test func `links are not followed`() throws {
        let file = try folder.write([1], to: "file")
        let link = folder.path("link")
        for target in [file, folder.path("nowhere")] {
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
            #expect(throws: SystemError("open", code: ELOOP)) { try PrivateFiles.makeFile(link) }
            #expect(throws: SystemError("open", code: ELOOP)) { try FileLock(link) }
            #expect(throws: SystemError("open", code: ELOOP)) {
                try System.openForAppending(link).close()
            }
            #expect(throws: SystemError("open", code: ELOOP)) {
                try System.openForAppending("/dev/..\(link)").close()
            }
            try FileManager.default.removeItem(atPath: link)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("nowhere")))
        #expect(SystemError("open", code: ELOOP).reason.contains("symbolic link"))
        // The system's own links are.
        try System.openForAppending("/dev/fd/2").close()
    }

    @Test(
        arguments: [
            (0o700, nil), (0o755, nil), (0o500, nil), (0o770, .writable), (0o702, .writable),
            (0o1777, .writable),
        ] as [(Int, PrivateFiles.Exposure?)])
    func `a folder that others may write to is known`(
        mode: Int, exposure: PrivateFiles.Exposure?
    ) throws {
        let inner = folder.path("inner")
        try PrivateFiles.makeFolder(inner)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: inner)
        #expect(try PrivateFiles.exposure(ofFolder: inner) == exposure)
    }

    @Test func `another user's folder is known`() throws {
        let inner = folder.path("inner")
        try PrivateFiles.makeFolder(inner)
        var owner = geteuid()
        if owner == 0 {
            // Root's folders are nobody's concern; only root gives folders away.
            owner = 4711
            try FileManager.default.setAttributes([.ownerAccountID: owner], ofItemAtPath: inner)
        }
        #expect(try PrivateFiles.exposure(ofFolder: inner, for: owner) == nil)
        #expect(try PrivateFiles.exposure(ofFolder: inner, for: 815) == .foreign(userID: owner))
        #expect(throws: SystemError("stat", code: ENOENT)) {
            try PrivateFiles.exposure(ofFolder: folder.path("nowhere"))
        }
    }

    @Test func `a lock is held by one, until he lets go`() throws {
        let path = folder.path("lock")
        var lock = try FileLock(path)
        #expect(lock != nil)
        #expect(try FileLock(path) == nil)
        lock = nil
        #expect(try FileLock(path) != nil)
    }

    @Test func `a lock holds against other processes, and ends with them`() throws {
        let path = folder.path("lock")
        let other = try ChildProcess([
            "python3", "-c",
            """
            import fcntl, sys
            lock = open(sys.argv[1], "w")
            fcntl.flock(lock, fcntl.LOCK_EX)
            print("locked", flush=True)
            sys.stdin.read()
            """, path,
        ])
        while !other.output.contains("locked") {
            try other.checkPatience()
            try #require(other.isRunning, "\(other.output)")
        }
        #expect(try FileLock(path) == nil)
        other.end()
        try other.wait()
        #expect(try FileLock(path) != nil)
    }
}
