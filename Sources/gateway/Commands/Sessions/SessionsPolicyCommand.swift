import ArgumentParser
import Clock
import JSON
import Settings
import Transport

/// `gateway sessions policy`: limits of single stores.
struct SessionsPolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "See, set or take back how many devices a store may have.",
        subcommands: [Get.self, Set.self, Clear.self])

    /// Whose policy.
    struct Target: ParsableArguments {
        @Option(help: "The name of the 'sessions' block; may be left out when there is one only.")
        var block: String?

        @Option(help: "The store.")
        var store: String

        func path(_ settings: Settings) throws -> [String] {
            ["stores", try SessionFilterOptions.block(block, in: settings), store]
        }
    }

    struct Get: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what limits a store, and who said so.")

        @OptionGroup var console: ConsoleOptions
        @OptionGroup var target: Target

        func run() throws {
            let settings = try console.settings()
            let path = try target.path(settings)
            try console.ask(settings) { client throws(ConsoleClient.Failure) in
                try client.ask("GET", path)
            } show: { answer in
                Self.text(Shown(answer))
            }
        }

        private static func text(_ store: Shown) -> String {
            var table = TextTable(["ROLES", "DEVICES", "POLICY", "BY", "EXPIRES (UTC)"])
            for limit in store.list("limits") {
                let roles = (limit.object["roles"]?.array ?? []).compactMap(\.string)
                table.add([
                    roles.isEmpty ? "all others" : roles.joined(separator: " "),
                    limit.text("devices"), limit.text("policy"), limit.text("origin"),
                    limit.date("expires"),
                ])
            }
            let devices = store.text("devices") ?? "-"
            let sessions = store.text("sessions") ?? "-"
            return table.text + "\nnow: \(devices) devices that count, \(sessions) sessions"
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set how many devices a store may have.")

        @OptionGroup var console: ConsoleOptions
        @OptionGroup var target: Target

        @Option(help: "A role that is limited; by default all that are.")
        var role: String?

        @Option(help: "At most so many devices.")
        var devices: Int

        @Option(help: "What becomes of one more: block_new or eject_old.")
        var policy: String

        @Option(name: .customLong("for"), help: "For so long only, such as 30m, 8h, 7d.")
        var lifetime: TokenLifetime?

        @Option(help: "Why, for people.")
        var note: String?

        @Flag(help: "Whoever is too many goes at once.")
        var now = false

        @Flag(help: "Change nothing; show who would have to go.")
        var dryRun = false

        func run() throws {
            let settings = try console.settings()
            let path = try target.path(settings) + ["policy"]
            var body = JSONObject()
            body["devices"] = .number(JSONNumber(Int64(devices)))
            body["policy"] = .string(policy)
            if let lifetime {
                let end = SystemClock.wallTime().advanced(by: .seconds(lifetime.seconds))
                body["expires"] = .string(end.rfc3339())
            }
            if let note { body["note"] = .string(note) }
            let order = body
            try console.ask(settings) { client throws(ConsoleClient.Failure) in
                try client.ask(
                    "PUT", path,
                    [
                        ("role", role), ("dry_run", dryRun ? "true" : nil),
                        ("apply", now ? "now" : nil),
                    ], body: .object(order))
            } show: { answer in
                text(Shown(answer))
            }
        }

        private func text(_ outcome: Shown) -> String {
            let count = outcome.object["ended"]?.number?.int64 ?? 0
            let said = dryRun ? "nothing is changed" : "it is set"
            guard count > 0 else { return "\(said); nobody \(dryRun ? "would have" : "had") to go" }
            let table = SessionsListCommand.table(outcome.list("sessions"))
            let verb = dryRun ? "would have to go" : "had to go"
            return "\(said); sessions that \(verb): \(count)\n" + table.text
        }
    }

    struct Clear: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a policy back: what is configured holds again.")

        @OptionGroup var console: ConsoleOptions
        @OptionGroup var target: Target

        @Option(help: "The role it was set for.")
        var role: String?

        func run() throws {
            let settings = try console.settings()
            let path = try target.path(settings) + ["policy"]
            try console.ask(settings) { client throws(ConsoleClient.Failure) in
                try client.ask("DELETE", path, [("role", role)])
            } show: { _ in
                "it is taken back"
            }
        }
    }
}
