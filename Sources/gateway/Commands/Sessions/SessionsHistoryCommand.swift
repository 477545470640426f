import ArgumentParser
import JSON

/// `gateway sessions history`: who was connected, and how that ended.
struct SessionsHistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List past sessions, the latest first.")

    @OptionGroup var console: ConsoleOptions
    @OptionGroup var filter: SessionFilterOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        let query = filter.query + page.query
        try console.ask(try console.settings()) { client throws(ConsoleClient.Failure) in
            try client.ask("GET", ["history"], query)
        } show: { answer in
            Self.text(answer)
        }
    }

    private static func text(_ answer: JSONObject) -> String {
        var table = TextTable([
            "ENDED (UTC)", "STORE", "DEVICE", "ROLE", "USER", "ADDRESS", "LASTED", "HOW", "IN",
            "OUT",
        ])
        for session in Shown(answer).list("history") {
            let how = [session.text("reason"), session.text("rule")].compactMap(\.self)
            table.add([
                session.date("ended"), session.text("store"), session.device,
                session.text("role"), session.text("user"), session.text("address"),
                session.length("duration_ms"), how.joined(separator: ", "),
                session.size("octets_in"), session.size("octets_out"),
            ])
        }
        return PageOptions.text(table, answer, noun: "past sessions")
    }
}
