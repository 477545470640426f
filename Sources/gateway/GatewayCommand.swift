import ArgumentParser
import Control
import Transport

/// The commands, and the one place where the process ends.
@main
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "A reverse proxy for realtime apps.",
        version: ConfigurationFile.version,
        subcommands: [
            RunCommand.self, CheckCommand.self, ReloadCommand.self, TokenCommand.self,
            SessionsCommand.self, ServersCommand.self, DrainCommand.self, UpCommand.self,
            StatusCommand.self, DemoCommand.self,
        ])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let end as CommandEnd {
            System.exit(end.code)
        } catch {
            finish(error)
        }
    }

    /// Help and version are answers; everything else the parser throws is about usage.
    private static func finish(_ error: any Error) -> Never {
        let text = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            print(text)
            System.exit(Control.ExitCode.success)
        case .validationFailure:
            Terminal.complain(text)
            System.exit(Control.ExitCode.usage)
        case let other:
            Terminal.complain(text)
            System.exit(other == .failure ? Control.ExitCode.internalError : other.rawValue)
        }
    }
}
