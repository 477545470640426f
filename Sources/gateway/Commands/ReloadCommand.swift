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
                    ? "there is no process \(process) (name a gateway that runs)"
                    : "process \(process) cannot be told: \(error.reason)")
        }
        print("told process \(process) to reload")
    }

    private func process(for file: ConfigurationFile) throws -> Int32 {
        if let pid { return pid }
        if let pidFile { return try Self.process(in: pidFile) }
        let files = PIDFile.candidates(for: file)
        if let found = files.lazy.compactMap(\.runningGateway).first { return found }
        let places = files.map { "'\($0.path)'" }.joined(separator: ", ")
        try Self.fail(
            "no running gateway left its process ID for '\(file.path)' (looked for \(places)): say"
                + " which process with --pid, or where 'gateway run --pid-file' left its ID with"
                + " --pid-file")
    }

    private static func process(in path: String) throws -> Int32 {
        let file = PIDFile(path: path)
        if let found = file.runningGateway { return found }
        guard let number = file.read() else {
            try fail(
                file.isThere
                    ? "'\(path)' holds no process ID"
                    : "there is no '\(path)': name the file that 'gateway run --pid-file' was given"
            )
        }
        try fail("'\(path)' names process \(number), which is no running gateway")
    }

    private static func fail(_ message: String) throws(CommandEnd) -> Never {
        Terminal.complain("gateway: \(message)")
        throw CommandEnd(code: Proxy.ExitCode.configuration)
    }
}
