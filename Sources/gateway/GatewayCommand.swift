import ArgumentParser
import Control
import Transport

/// The commands, and the one place where the process ends.
@main
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "A reverse proxy for realtime apps.",
        version: "0.1.0",
        subcommands: [
            RunCommand.self, CheckCommand.self, ReloadCommand.self, TokenCommand.self,
            SessionsCommand.self, DemoCommand.self,
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

/// A command is over and has said what there was to say; the process ends with this code.
struct CommandEnd: Error {
    /// One of `Control.ExitCode`.
    var code: Int32
}
