import ArgumentParser
import Clock
import JSON
import Settings
import Transport

/// `gateway sessions policy`: limits of single stores.
struct SessionsPolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Show, set or remove the policy of a store: how many devices it may have.",
        subcommands: [Get.self, Set.self, Clear.self])

    /// The store whose policy is meant.
    struct Target: ParsableArguments {
        @Option(help: "The name of the 'sessions' block; may be left out when there is only one.")
        var block: String?

        @Option(help: "The name of the store.")
        var store: String

        func path(_ settings: Settings) throws -> [String] {
            ["stores", try SessionFilterOptions.block(block, in: settings), store]
        }
    }

    struct Get: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the limits of a store, and where they come from.")

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
            return table.text + "\nnow: \(devices) devices with a seat, \(sessions) sessions"
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set how many devices a store may have.")

        @OptionGroup var console: ConsoleOptions
        @OptionGroup var target: Target

        @Option(help: "The limited role that the policy is for; by default all limited roles.")
        var role: String?

        @Option(help: "The most devices that may be connected at once.")
        var devices: Int

        @Option(help: "What happens when one more device arrives: block_new or eject_old.")
        var policy: String

        @Option(
            name: .customLong("for"),
            help: "How long the policy stays, such as 30m, 8h, 7d; by default until it is removed.")
        var lifetime: TokenLifetime?

        @Option(help: "A note for people, such as the reason.")
        var note: String?

        @Flag(help: "End the sessions of devices above the limit at once.")
        var now = false

        @Flag(help: "Change nothing; show which sessions --now would end.")
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
            let said = dryRun ? "nothing was changed" : "the policy is set"
            guard count > 0 else {
                return "\(said); no session \(dryRun ? "would be" : "was") ended"
            }
            let table = SessionsListCommand.table(outcome.list("sessions"))
            let verb = dryRun ? "would be" : "were"
            return "\(said); sessions that \(verb) ended: \(count)\n" + table.text
        }
    }

    struct Clear: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a policy: the configuration is in force again.")

        @OptionGroup var console: ConsoleOptions
        @OptionGroup var target: Target

        @Option(help: "The role that the policy was set for.")
        var role: String?

        func run() throws {
            let settings = try console.settings()
            let path = try target.path(settings) + ["policy"]
            try console.ask(settings) { client throws(ConsoleClient.Failure) in
                try client.ask("DELETE", path, [("role", role)])
            } show: { _ in
                "the policy is removed"
            }
        }
    }
}
