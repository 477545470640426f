import ArgumentParser
import JSON

/// `gateway sessions list`: who is connected now, with a seat or without.
struct SessionsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List live WebSockets, event streams and streamed downloads.",
        discussion: """
            All routes' are listed. SEAT is 'yes' for those that a 'sessions' block counts or \
            could count; --block, --store and --device mean those only.
            """)

    @OptionGroup var console: ConsoleOptions
    @OptionGroup var filter: SessionFilterOptions
    @OptionGroup var page: PageOptions

    @Option(help: "The role of the user.")
    var role: String?

    @Option(help: "The user that the token names.")
    var user: String?

    @Option(help: "The kind of connection: websocket, event_stream or stream.")
    var transport: String?

    @Option(help: "The path of the route, as the configuration writes it.")
    var route: String?

    @Option(help: "Only sessions with a seat (yes), or without (no).")
    var seated: Answer?

    enum Answer: String, ExpressibleByArgument, CaseIterable {
        case yes
        case no
    }

    func run() throws {
        let query =
            filter.query + page.query + [
                ("role", role), ("user", user), ("transport", transport), ("route", route),
                ("seated", seated.map { $0 == .yes ? "true" : "false" }),
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
            "STORE", "DEVICE", "ROLE", "USER", "ADDRESS", "TRANSPORT", "ROUTE", "SEAT",
            "SINCE (UTC)", "IN", "OUT", "ID",
        ])
        for session in sessions {
            table.add([
                session.text("store"), session.device, session.text("role"),
                session.text("user"), session.text("address"), session.text("transport"),
                session.text("route"), session.isSeated ? "yes" : "no",
                session.date("connected_since"), session.size("octets_in"),
                session.size("octets_out"), session.text("id"),
            ])
        }
        return table
    }
}
