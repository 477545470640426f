import Bytes
import Control
import Crypto
import FoundationEssentials
import Settings
import Transport

/// Where a running gateway leaves its process ID, so that `gateway reload` finds it.
struct PIDFile: Sendable {
    let path: String

    /// The file for this configuration in the first directory that takes it: the service's own,
    /// the user's, the system's. Nil when there is none.
    static func standard(for file: ConfigurationFile) -> PIDFile? {
        candidates(for: file).first { candidate in
            let directory = URL(filePath: candidate.path).deletingLastPathComponent()
            return FileManager.default.isWritableFile(atPath: directory.path)
        }
    }

    /// Where a gateway with this configuration may have left it, wherever it was started.
    static func candidates(for file: ConfigurationFile) -> [PIDFile] {
        let absolute = URL(filePath: file.path).standardizedFileURL.path
        guard let digest = try? Digest.sha256(absolute.utf8.span) else { return [] }
        var name: [UInt8] = []
        for octet in digest.prefix(8) {
            if octet < 16 { name.append(hexadecimal: 0) }
            name.append(hexadecimal: Int(octet))
        }
        let file = "gateway-\(String(decoding: name, as: UTF8.self)).pid"
        return directories.map { PIDFile(path: "\($0)/\(file)") }
    }

    /// systemd may name several, with colons between them.
    private static var directories: [String] {
        let world = SystemConfigurationFiles()
        let ours = world.environment("RUNTIME_DIRECTORY")?.split(separator: ":").first
        let users = world.environment("XDG_RUNTIME_DIR")
        return [ours.map(String.init), users, "/run", "/run/gateway"]
            .compactMap(\.self).filter { !$0.isEmpty }
    }

    /// Leaves the number of this process, whatever was there before.
    func write() {
        do {
            try Data("\(System.processID)\n".utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            Terminal.complain(
                "warning: cannot write the process ID to '\(path)'; reload with 'gateway reload"
                    + " --pid \(System.processID)'")
        }
    }

    /// Tries whether it could be written.
    /// - Throws: `CommandEnd` after saying why not.
    func check() throws(CommandEnd) {
        do throws(SystemError) {
            try PathCheck.canAppend(to: path)
            // The new file replaces the old one, so its folder must be writable.
            try PathCheck.canMakeFile(at: path)
        } catch {
            Terminal.complain(
                "gateway: cannot write --pid-file '\(path)': \(error.advice(writing: path))")
            throw CommandEnd(code: Control.ExitCode.configuration)
        }
    }

    /// The running gateway that is named there; nil when there is none.
    var runningGateway: Int32? { read().flatMap { Self.runsGateway($0) ? $0 : nil } }

    var isThere: Bool { FileManager.default.fileExists(atPath: path) }

    /// True when the process has the name of this one: a number that was left behind may belong to
    /// another program by now, which a signal would end.
    private static func runsGateway(_ process: Int32) -> Bool {
        guard let name = name(of: "\(process)") else { return false }
        return name == Self.name(of: "self")
    }

    private static func name(of process: String) -> [UInt8]? {
        try? SystemConfigurationFiles().read("/proc/\(process)/comm", limit: 64)
    }

    /// The process named there; nil when there is none or it is not a number.
    func read() -> Int32? {
        guard let octets = try? SystemConfigurationFiles().read(path, limit: 64) else { return nil }
        let text = String(decoding: octets.prefix { $0 != ASCII.lineFeed }, as: UTF8.self)
        return Int32(text).flatMap { $0 > 1 ? $0 : nil }
    }

    /// Takes it away unless another process has put its own number there.
    func remove() {
        guard read() == System.processID else { return }
        try? FileManager.default.removeItem(atPath: path)
    }
}
