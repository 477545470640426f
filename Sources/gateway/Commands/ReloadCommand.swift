import ArgumentParser
import Glibc
import Proxy
import Settings
import Transport

/// `gateway reload`: asks the running server to take over the configuration as it is now.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Make a running gateway read its configuration again.",
        discussion: """
            The configuration is checked first: when it is broken, nothing is sent. Secrets from \
            the environment are looked for in this command's own; use --no-check when only the \
            server's has them. Exits with 1 as well when no gateway is found.
            """)

    @OptionGroup var option: ConfigurationOption

    @Option(help: "The process to tell.")
    var pid: Int32?

    @Option(name: .long, help: "Where 'gateway run --pid-file' left the process ID.")
    var pidFile: String?

    @Flag(inversion: .prefixedNo, help: "Check the configuration before.")
    var check = true

    func validate() throws {
        if pid != nil, pidFile != nil {
            throw ValidationError("Give either --pid or --pid-file, not both.")
        }
        if let pid, pid <= 1 { throw ValidationError("\(pid) is no process of a gateway.") }
    }

    func run() throws {
        let file = option.file
        if check {
            let settings = try file.loadForCommand(showsWarnings: true)
            try file.build(settings)
        }
        let process = try process(for: file)
        do throws(SystemError) {
            try Signal.hangUp.send(to: process)
        } catch {
            try Self.fail(
                error.code == ESRCH
                    ? "there is no process \(process)"
                    : "process \(process) cannot be told: \(error.reason)")
        }
        print("told process \(process) to reload")
    }

    private func process(for file: ConfigurationFile) throws -> Int32 {
        if let pid { return pid }
        let files = pidFile.map { [PIDFile(path: $0)] } ?? PIDFile.candidates(for: file)
        let numbers = files.compactMap { $0.read() }
        if let found = numbers.first(where: Self.runsGateway) { return found }
        if let pidFile {
            guard let number = numbers.first else {
                try Self.fail("'\(pidFile)' holds no process ID")
            }
            try Self.fail("'\(pidFile)' names process \(number), which is no running gateway")
        }
        try Self.fail("no gateway runs with '\(file.path)', or it left no process ID (try --pid)")
    }

    /// True when the process bears the name of this one: a number that was left behind may belong
    /// to somebody else by now, whom the signal would end.
    private static func runsGateway(_ process: Int32) -> Bool {
        guard let name = name(of: "\(process)") else { return false }
        return name == Self.name(of: "self")
    }

    private static func name(of process: String) -> [UInt8]? {
        try? SystemConfigurationFiles().read("/proc/\(process)/comm", limit: 64)
    }

    private static func fail(_ message: String) throws(CommandEnd) -> Never {
        Terminal.complain("gateway: \(message)")
        throw CommandEnd(code: Proxy.ExitCode.configuration)
    }
}
