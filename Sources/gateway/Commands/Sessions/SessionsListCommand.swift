import ArgumentParser
import JSON

/// `gateway sessions list`: who is connected now.
struct SessionsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List live sessions.")

    @OptionGroup var console: ConsoleOptions
    @OptionGroup var filter: SessionFilterOptions
    @OptionGroup var page: PageOptions

    @Option(help: "The role.")
    var role: String?

    @Option(help: "The user, as the token says.")
    var user: String?

    @Option(help: "How it is connected: websocket or event_stream.")
    var transport: String?

    func run() throws {
        let query =
            filter.query + page.query + [
                ("role", role), ("user", user), ("transport", transport),
            ]
        try console.ask(try console.settings()) { client throws(ConsoleClient.Failure) in
            try client.ask("GET", ["sessions"], query)
        } show: { answer in
            Self.text(answer)
        }
    }

    private static func text(_ answer: JSONObject) -> String {
        PageOptions.text(table(Shown(answer).list("sessions")), answer, noun: "sessions")
    }

    static func table(_ sessions: [Shown]) -> TextTable {
        var table = TextTable([
            "STORE", "DEVICE", "ROLE", "USER", "ADDRESS", "TRANSPORT", "SINCE (UTC)", "IN", "OUT",
            "ID",
        ])
        for session in sessions {
            table.add([
                session.text("store"), session.device, session.text("role"),
                session.text("user"), session.text("address"), session.text("transport"),
                session.date("connected_since"), session.size("octets_in"),
                session.size("octets_out"), session.text("id"),
            ])
        }
        return table
    }
}
