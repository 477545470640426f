import Clock
import Foundation
import Peers
import Testing
import Transport

@Suite struct FileStampTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `a file that was written, replaced or linked elsewhere shows it`() throws {
        let path = try folder.write([1], to: "file")
        let first = FileStamp(of: path)
        #expect(first != nil)
        #expect(FileStamp(of: path) == first)
        _ = try folder.write([1, 2], to: "file")
        let second = FileStamp(of: path)
        #expect(second != first)
        // Same size and times, another file.
        try FileManager.default.copyItem(atPath: path, toPath: folder.path("copy"))
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(
            atPath: path, withDestinationPath: folder.path("copy"))
        #expect(FileStamp(of: path) != second)
        #expect(FileStamp(of: path) == FileStamp(of: folder.path("copy")))
    }

    @Test(arguments: ["", "nothing", "a\0b"])
    func `what is not there has none`(name: String) {
        #expect(FileStamp(of: name.isEmpty ? "" : folder.path("") + name) == nil)
    }

    @Test func `a stamp is worth nothing while the clock has not moved on`() throws {
        let stamp = FileStamp(of: try folder.write([1], to: "file"))
        let now = SystemClock.wallTime()
        #expect(stamp?.isSettled(at: now) == false)
        #expect(stamp?.isSettled(at: WallTime(seconds: now.seconds + 4)) == true)
    }
}
