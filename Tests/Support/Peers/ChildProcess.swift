import Clock
import Foundation
import Transport

/// Another program at the far end of a socket. It lives at most `patience`: whoever waits longer
/// for it ends it, by its own process id, and gets an error.
package final class ChildProcess {
    package struct TookTooLong: Error {
        package var command: [String]
        package var output: String
    }

    package static let patience: Duration = .seconds(20)

    private let process = Process()
    private let folder: TemporaryFolder
    private let input = Pipe()
    private let command: [String]
    private let started = SystemClock.now()

    /// - Parameters:
    ///   - command: the program, found as a shell finds it, and its arguments.
    ///   - input: what it reads; it sees the end of it only after `closeInput()`.
    package init(_ command: [String], input text: String = "") throws {
        self.command = command
        folder = try TemporaryFolder()
        let output = folder.path("output")
        try Data().write(to: URL(filePath: output))
        let file = try FileHandle(forWritingTo: URL(filePath: output))
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = input
        process.standardOutput = file
        process.standardError = file
        try process.run()
        try file.close()
        write(text)
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    package var isRunning: Bool { process.isRunning }

    /// Everything it printed so far.
    package var output: String { String(decoding: outputOctets, as: UTF8.self) }

    package var outputOctets: [UInt8] {
        [UInt8](FileManager.default.contents(atPath: folder.path("output")) ?? Data())
    }

    /// Stops it where it is, so that it neither reads nor answers.
    package func pause() { _ = process.suspend() }

    package func goOn() { _ = process.resume() }

    /// Ends it without giving it time for a last word.
    package func end() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    package func write(_ text: String) {
        if !text.isEmpty { input.fileHandleForWriting.write(Data(text.utf8)) }
    }

    package func closeInput() { try? input.fileHandleForWriting.close() }

    /// Waits until it is over.
    /// - Returns: its exit code.
    @discardableResult
    package func wait() throws -> Int32 {
        while process.isRunning {
            try checkPatience()
            Thread.sleep(forTimeInterval: 0.005)
        }
        return process.terminationStatus
    }

    package func checkPatience() throws {
        guard process.isRunning, SystemClock.now() - started > Self.patience else { return }
        process.terminate()
        throw TookTooLong(command: command, output: output)
    }

    /// Runs `command` to its end.
    /// - Returns: what it printed.
    @discardableResult
    package static func run(_ command: [String], input: String = "") throws -> String {
        let child = try ChildProcess(command, input: input)
        child.closeInput()
        let code = try child.wait()
        guard code == 0 else { throw Failed(command: command, code: code, output: child.output) }
        return child.output
    }

    package struct Failed: Error {
        package var command: [String]
        package var code: Int32
        package var output: String
    }
}

/// A folder that is removed with whoever holds it.
package final class TemporaryFolder {
    private let url: URL

    package init() throws {
        // Short, because the path of a Unix socket has at most 107 octets.
        let name = "peers-" + UUID().uuidString.prefix(8)
        url = FileManager.default.temporaryDirectory.appending(path: name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    package func path(_ name: String) -> String { url.appending(path: name).path }

    package func write(_ octets: [UInt8], to name: String) throws -> String {
        try Data(octets).write(to: url.appending(path: name))
        return path(name)
    }

    package func read(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: url.appending(path: name)))
    }
}
