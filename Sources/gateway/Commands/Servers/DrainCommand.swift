import ArgumentParser
import JSON

/// `gateway drain`: takes a server out of use before it is replaced.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Take a server out of use: nothing new is sent to it, and what lives there ends.",
        discussion: """
            WebSockets and event streams of the server end one by one, spread over 'limits { drain \
            }', and are told when to come back, which leads them to another server; requests \
            finish. 'gateway servers' says 'drained' when nothing is left. It holds, also over \
            reloads, until 'gateway up', or until the gateway restarts.
            """)

    @OptionGroup var console: ConsoleOptions
    @OptionGroup var server: ServerArguments

    @Flag(help: "Let the WebSockets and event streams of the server stay.")
    var keep = false

    func run() throws {
        try console.ask(try console.settings()) { client throws(ConsoleClient.Failure) in
            try client.ask("PUT", server.path, [("keep", keep ? "true" : nil)])
        } show: { answer in
            server.text(answer)
        }
    }
}
