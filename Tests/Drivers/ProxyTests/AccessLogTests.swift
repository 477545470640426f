import Foundation
import Peers
import Settings
import Testing
import Transport

@testable import Proxy

/// Files that change under workers that write.
@Suite struct AccessLogTests {
    private let folder: TemporaryFolder
    private let log = AccessLog()

    init() throws { folder = try TemporaryFolder() }

    @Test func `lines go where it was opened last, and nowhere before that`() throws {
        #expect(!log.isOn)
        log.write("lost".utf8.span)
        log.use(try AccessLog.Sink(.file(folder.path("one"))))
        #expect(log.isOn)
        log.write("one".utf8.span)
        try FileManager.default.moveItem(atPath: folder.path("one"), toPath: folder.path("moved"))
        log.write("+".utf8.span)
        try log.reopen()
        log.write("new".utf8.span)
        #expect(try folder.read("moved") == Array("one+".utf8))
        #expect(try folder.read("one") == Array("new".utf8))
        log.use(try AccessLog.Sink(.off))
        #expect(!log.isOn)
    }

    @Test func `a file that cannot be opened leaves the one at hand`() throws {
        log.use(try AccessLog.Sink(.file(folder.path("one"))))
        try FileManager.default.removeItem(atPath: folder.path("one"))
        try FileManager.default.createDirectory(
            atPath: folder.path("one"), withIntermediateDirectories: false)
        #expect(throws: SystemError.self) { try log.reopen() }
        #expect(log.isOn)
    }

    @Test func `standard output by its other name is standard output`() throws {
        log.use(try AccessLog.Sink(.file("/dev/stdout")))
        #expect(log.isOn)
    }

    /// The number of a file that was closed would be the next one's that is opened.
    @Test func `who is held up in a line finishes it in its file, however often that changes`()
        async throws
    {
        let pipe = folder.path("pipe")
        // Paths of text, shown for the length of the calls.
        let made = unsafe mkfifo(pipe, 0o600)
        try #require(made == 0)
        let reader = unsafe open(pipe, O_RDWR)
        try #require(reader >= 0)
        let log = log
        log.use(try AccessLog.Sink(.file(pipe)))
        let line = [UInt8](repeating: 0x61, count: 1 << 20)
        let writer = Task.detached { log.write(line.span) }
        let lines = FileHandle(fileDescriptor: reader)
        // The pipe is full: the writer is in the midst of it.
        var count = 0
        while count == 0 { count += try lines.read(upToCount: 1)?.count ?? 0 }
        for name in ["one", "two", "three"] {
            log.use(try AccessLog.Sink(.file(folder.path(name))))
            log.write("own".utf8.span)
        }
        while count < line.count {
            count += try lines.read(upToCount: min(1 << 16, line.count - count))?.count ?? 0
        }
        await writer.value
        #expect(count == line.count)
        for name in ["one", "two", "three"] {
            #expect(try folder.read(name) == Array("own".utf8))
        }
        try lines.close()
    }
}
