import ArgumentParser
import Control
import Glibc
import Settings
import Transport

/// `gateway reload`: asks the running server to take over the configuration as it is now.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Tell a running gateway to read its configuration again.",
        discussion: """
            The configuration is checked first: when it has an error, nothing is sent. Secrets \
            from the environment are read from the environment of this command; use --no-check \
            when only the gateway's has them. Exits with 1 also when no gateway is found.
            """)

    @OptionGroup var option: ConfigurationOption

    @Option(help: "The process ID of the gateway to reload.")
    var pid: Int32?

    @Option(name: .long, help: "The file that 'gateway run --pid-file' wrote the process ID to.")
    var pidFile: String?

    @Flag(inversion: .prefixedNo, help: "Check the configuration first.")
    var check = true

    func validate() throws {
        if pid != nil, pidFile != nil {
            throw ValidationError("Give either --pid or --pid-file, not both.")
        }
        if let pid, pid <= 1 { throw ValidationError("\(pid) cannot be the process of a gateway.") }
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
                    ? "there is no process \(process) (give the ID of a running gateway)"
                    : "cannot send the signal to process \(process): \(error.reason)")
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
            "no running gateway has written its process ID for '\(file.path)' (looked for"
                + " \(places)): name the process with --pid, or the file of 'gateway run"
                + " --pid-file' with --pid-file")
    }

    private static func process(in path: String) throws -> Int32 {
        let file = PIDFile(path: path)
        if let found = file.runningGateway { return found }
        guard let number = file.read() else {
            try fail(
                file.isThere
                    ? "'\(path)' contains no process ID"
                    : "there is no file '\(path)': name the file that 'gateway run --pid-file' was"
                        + " given"
            )
        }
        try fail("'\(path)' names process \(number), which is not a running gateway")
    }

    private static func fail(_ message: String) throws(CommandEnd) -> Never {
        Terminal.complain("gateway: \(message)")
        throw CommandEnd(code: Control.ExitCode.configuration)
    }
}
