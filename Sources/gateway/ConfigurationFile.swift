import ArgumentParser
import Control
import Generations
import Identity
import Settings

/// Where the configuration is: an option of every command that needs it.
struct ConfigurationOption: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
    var path = "gateway.conf"

    var file: ConfigurationFile { ConfigurationFile(path: path, isColored: Terminal.wantsColor) }
}

/// The configuration on disk, and what is wrong with it in the words of a compiler.
struct ConfigurationFile: Sendable {
    /// As the command line has it; diagnostics show it so.
    let path: String
    let isColored: Bool

    /// A certificate with its whole chain has a few kilobytes.
    static let keyFileLimit = 1024 * 1024

    private static var reader: SettingsReader { SettingsReader(files: SystemConfigurationFiles()) }

    /// Reads it as it is now; the report ends with a line break unless it is empty.
    func load() -> LoadedSettings {
        let result = Self.reader.read(path)
        return LoadedSettings(settings: result.settings, report: render(result.diagnostics))
    }

    /// As `load()`, with the report on standard error.
    /// - Throws: `CommandEnd` when there is an error in it.
    func loadForCommand(showsWarnings: Bool) throws(CommandEnd) -> Settings {
        let result = Self.reader.read(path)
        let errors = result.diagnostics.count { $0.severity == .error }
        let warnings = result.diagnostics.count { $0.severity == .warning }
        guard let settings = result.settings else {
            let count = [Self.count(errors, "error"), Self.count(warnings, "warning")]
            Terminal.complain(render(result.diagnostics) + "\(path): " + Self.list(count))
            throw CommandEnd(code: ExitCode.configuration)
        }
        if showsWarnings {
            for diagnostic in result.diagnostics {
                Terminal.complain(diagnostic.rendered(color: isColored))
            }
        }
        return settings
    }

    /// Makes everything ready that the settings need, as a start would.
    /// - Throws: `CommandEnd` when something in the files they name does not fit.
    func build(_ settings: Settings) throws {
        do {
            for warning in try Gateway.check(settings, readFile: readFile) {
                Terminal.complain(rendered(warning))
            }
        } catch let error as Generation.BuildError {
            throw complain(error)
        }
    }

    /// Looks whether a start would get the files and addresses that the settings name.
    /// - Throws: `CommandEnd` after saying which it would not.
    func checkStart(_ settings: Settings) throws(CommandEnd) {
        let isRunning = PIDFile.candidates(for: self).contains { $0.runningGateway != nil }
        let findings = Gateway.checkStart(settings, isRunning: isRunning)
        for finding in findings { Terminal.complain(rendered(finding)) }
        let errors = findings.count { $0.severity == .error }
        guard errors > 0 else { return }
        let warnings = Self.count(findings.count - errors, "warning")
        Terminal.complain("\(path): " + Self.list([Self.count(errors, "error"), warnings]))
        throw CommandEnd(code: ExitCode.configuration)
    }

    /// The keys of a rule as they are now, but for those that are fetched.
    /// - Throws: `CommandEnd` when something in the files it names does not fit.
    func keys(of rule: TokenSettings) throws(CommandEnd) -> KeyRing {
        do throws(Generation.BuildError) {
            return try KeyFiles(readFile: readFile).keys(of: rule)
        } catch {
            throw complain(error)
        }
    }

    /// The content of a file that the command line names.
    static func read(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        try SystemConfigurationFiles().read(path, limit: keyFileLimit)
    }

    private func complain(_ error: Generation.BuildError) -> CommandEnd {
        Terminal.complain(rendered(error) + "\n\(path): 1 error")
        return CommandEnd(code: ExitCode.configuration)
    }

    /// What the gateway asks of the world, all but the service manager.
    func world(notify: @escaping @Sendable (String) -> Void) -> GatewayWorld {
        GatewayWorld(
            load: { load() }, readFile: readFile, render: { rendered($0) + "\n" },
            version: Self.version, notify: notify)
    }

    /// The version of the executable, which is the only one that reads such files.
    static let version = "0.1.0"

    /// The parts that are there, as a list: `1 listener, 3 routes`.
    static func list(_ parts: [String?]) -> String {
        parts.compactMap(\.self).joined(separator: ", ")
    }

    /// `3 routes`; nil for none.
    static func count(_ number: Int, _ noun: String) -> String? {
        number == 0 ? nil : "\(number) \(noun)" + (number == 1 ? "" : "s")
    }

    private var readFile: @Sendable (String) -> [UInt8]? {
        { try? Self.read($0) }
    }

    /// Without a line break at its end.
    private func rendered(_ error: Generation.BuildError) -> String {
        ([error] + error.notes).map { part in
            Self.reader.complaint(part.message, at: part.position, severity: part.severity)
                .rendered(color: isColored)
        }.joined(separator: "\n")
    }

    private func render(_ diagnostics: [Diagnostic]) -> String {
        diagnostics.map { $0.rendered(color: isColored) + "\n" }.joined()
    }
}
