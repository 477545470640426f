import ArgumentParser
import JSON
import Settings

/// `gateway sessions kick`: ends one session, with a seat or without, a device or a store.
struct SessionsKickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kick",
        abstract:
            "End one session by the ID that 'list' shows, or all sessions of a store or of a"
            + " device."
    )

    @OptionGroup var console: ConsoleOptions

    @Argument(help: "The ID of one session, with a seat or without.")
    var id: String?

    @OptionGroup var filter: SessionFilterOptions

    @Option(help: "With --device: end only the sessions of this user.")
    var user: String?

    @Option(help: "The text that the user is shown; by default the usual text.")
    var message: String?

    @Option(help: "Whether the front end may reconnect: yes, no, or after this many seconds.")
    var reconnect: String?

    func validate() throws {
        let isOne = id != nil
        let isMany = filter.store != nil
        guard isOne != isMany else {
            throw ValidationError("Give either the ID of a session or --store.")
        }
        if isOne, filter.device != nil || filter.block != nil {
            throw ValidationError("With an ID, leave --block and --device out.")
        }
        if user != nil, filter.device == nil {
            throw ValidationError("--user needs --device.")
        }
        if let reconnect, reconnect != "yes", reconnect != "no", UInt32(reconnect) == nil {
            throw ValidationError("--reconnect must be yes, no or a number of seconds.")
        }
    }

    func run() throws {
        let settings = try console.settings()
        let path = try path(settings)
        try console.ask(settings) { client throws(ConsoleClient.Failure) in
            try client.ask(
                "DELETE", path,
                [("user", user), ("message", message), ("reconnect", reconnect)])
        } show: { answer in
            let count = answer["ended"]?.number?.int64 ?? 0
            return count == 1 ? "ended 1 session" : "ended \(count) sessions"
        }
    }

    private func path(_ settings: Settings) throws -> [String] {
        if let id { return ["sessions", id] }
        let place = [
            "stores", try SessionFilterOptions.block(filter.block, in: settings),
            filter.store ?? "",
        ]
        guard let device = filter.device else { return place + ["sessions"] }
        return place + ["devices", device, "sessions"]
    }
}
