import ArgumentParser
import JSON

/// `gateway up`: uses a server again that was drained.
struct UpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Use a server again that 'gateway drain' took out of use.",
        discussion: "What lives there and was not ended yet stays.")

    @OptionGroup var console: ConsoleOptions
    @OptionGroup var server: ServerArguments

    func run() throws {
        try console.ask(try console.settings()) { client throws(ConsoleClient.Failure) in
            try client.ask("DELETE", server.path)
        } show: { answer in
            server.text(answer)
        }
    }
}
