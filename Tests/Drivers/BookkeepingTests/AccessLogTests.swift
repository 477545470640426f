import Foundation
import Peers
import Settings
import Testing
import Transport

@testable import Bookkeeping

/// Files that change under workers that write.
@Suite struct AccessLogTests {
    private let folder: TemporaryFolder
    private let log = AccessLog(log: EventLog())

    init() throws { folder = try TemporaryFolder() }

    private func sink(_ name: String) throws -> AccessLog.Sink {
        try AccessLog.Sink(.file(folder.path(name)), losses: log.losses)
    }

    /// The file holds this, as soon as the writer's thread has had its turn.
    private func expect(_ name: String, holds text: String) async throws {
        for _ in 0..<1000 where try folder.read(name) != Array(text.utf8) {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try folder.read(name) == Array(text.utf8))
    }

    @Test func `lines go where it was opened last, and nowhere before that`() async throws {
        #expect(!log.isOn)
        log.write("lost".utf8.span, count: 1)
        log.use(try sink("one"))
        #expect(log.isOn)
        log.write("one".utf8.span, count: 1)
        try await expect("one", holds: "one")
        try FileManager.default.moveItem(atPath: folder.path("one"), toPath: folder.path("moved"))
        log.write("+".utf8.span, count: 1)
        try log.reopen()
        log.write("new".utf8.span, count: 1)
        try await expect("moved", holds: "one+")
        try await expect("one", holds: "new")
        log.use(try AccessLog.Sink(.off, losses: log.losses))
        #expect(!log.isOn)
    }

    @Test func `a file that cannot be opened leaves the one at hand`() throws {
        log.use(try sink("one"))
        try FileManager.default.removeItem(atPath: folder.path("one"))
        try FileManager.default.createDirectory(
            atPath: folder.path("one"), withIntermediateDirectories: false)
        #expect(throws: SystemError.self) { try log.reopen() }
        #expect(log.isOn)
    }

    @Test func `standard output by its other name is standard output`() throws {
        log.use(try AccessLog.Sink(.file("/dev/stdout"), losses: log.losses))
        #expect(log.isOn)
    }

    /// A pipe that is open for reading here, and holds 64 KiB.
    private func pipe(_ name: String) throws -> FileHandle {
        // Paths of text, shown for the length of the calls.
        let made = unsafe mkfifo(folder.path(name), 0o600)
        try #require(made == 0)
        let reader = unsafe open(folder.path(name), O_RDWR)
        try #require(reader >= 0)
        return FileHandle(fileDescriptor: reader)
    }

    private static let line = Array(repeating: UInt8(ascii: "a"), count: 99) + [0x0A]
    private static let lines = Array(repeating: line, count: 1000).flatMap { $0 }

    @Test func `what a pipe takes later comes there, however often the place was changed since`()
        async throws
    {
        let reader = try pipe("pipe")
        log.use(try sink("pipe"))
        for _ in 0..<10 { log.write(Self.lines.span, count: 1000) }
        for name in ["one", "two", "three"] {
            log.use(try sink(name))
            log.write("own".utf8.span, count: 1)
        }
        for name in ["one", "two", "three"] { try await expect(name, holds: "own") }
        // Whoever comes later than a busy machine lets it, finds the rest among the losses.
        var count = 0
        while count + Self.line.count * Int(log.losses.count) < 10 * Self.lines.count {
            guard System.isReadable(reader.fileDescriptor, within: 100) else { continue }
            count += reader.availableData.count
        }
        #expect(count + Self.line.count * Int(log.losses.count) == 10 * Self.lines.count)
        try reader.close()
    }

    @Test func `a pipe that nobody reads holds nobody up, and what does not fit is counted`()
        async throws
    {
        let reader = try pipe("pipe")
        log.use(try sink("pipe"))
        let began = ContinuousClock.now
        for _ in 0..<200 { log.write(Self.lines.span, count: 1000) }
        #expect(ContinuousClock.now - began < .seconds(5))
        let lost = log.losses.count
        #expect(lost >= 200_000 - 50_000 && lost.isMultiple(of: 1000))
        // Whole lines, and all that were taken.
        var count = 0
        while count < 100 * (200_000 - Int(lost)) {
            let octets = try #require(try reader.read(upToCount: 100))
            #expect(Array(octets) == Self.line)
            count += octets.count
        }
        log.write("more\n".utf8.span, count: 1)
        #expect(try reader.read(upToCount: 5) == Data("more\n".utf8))
        try reader.close()
    }

    @Test func `the end does not wait for a pipe that nobody reads`() throws {
        let reader = try pipe("pipe")
        log.use(try sink("pipe"))
        for _ in 0..<10 { log.write(Self.lines.span, count: 1000) }
        let began = ContinuousClock.now
        log.close()
        #expect(ContinuousClock.now - began < .seconds(15))
        #expect(log.losses.count > 9000)
        try reader.close()
    }

    @Test func `the end waits for what a file still takes`() throws {
        log.use(try sink("file"))
        for _ in 0..<30 { log.write(Self.lines.span, count: 1000) }
        log.close()
        #expect(try folder.read("file").count == 30 * Self.lines.count)
        #expect(log.losses.count == 0)
    }
}
