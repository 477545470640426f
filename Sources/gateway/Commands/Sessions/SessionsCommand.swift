import ArgumentParser
import Bytes
import Control
import JSON
import Settings
import Transport

/// `gateway sessions …`: what the console of a running gateway says of sessions, and does to them.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List and end live sessions, show past sessions, set the policies of stores.",
        discussion: """
            Asks the console of the running gateway, by the address and the token that the \
            configuration says. Exits with 1 when the console refuses, or does not answer.
            """,
        subcommands: [
            SessionsListCommand.self, SessionsKickCommand.self, SessionsHistoryCommand.self,
            SessionsPolicyCommand.self,
        ])
}

/// How the console is found, and how its answers are shown.
struct ConsoleOptions: ParsableArguments {
    @OptionGroup var option: ConfigurationOption

    @Flag(help: "Print the answer of the console as JSON, for scripts.")
    var json = false

    func settings() throws(CommandEnd) -> Settings {
        try option.file.loadForCommand(showsWarnings: false)
    }

    /// Asks, and prints what came: as it is, or as `show` writes it for people.
    func ask(
        _ settings: Settings,
        _ request: (ConsoleClient) throws(ConsoleClient.Failure) ->
            ConsoleClient.Answer, show: (JSONObject) -> String
    ) throws(CommandEnd) {
        do throws(ConsoleClient.Failure) {
            guard let console = settings.console else {
                throw ConsoleClient.Failure(text: "\(option.path) has no 'console'")
            }
            let answer = try request(try ConsoleClient(console))
            let text = json ? answer.text : show(answer.object)
            if !text.isEmpty { print(text) }
        } catch {
            Terminal.complain("gateway: \(error.text)")
            throw CommandEnd(code: Control.ExitCode.configuration)
        }
    }
}

/// Which sessions are meant.
struct SessionFilterOptions: ParsableArguments {
    @Option(help: "The name of the 'sessions' block.")
    var block: String?

    @Option(help: "The name of the store.")
    var store: String?

    @Option(help: "The ClientId of the device.")
    var device: String?

    var query: [(name: String, value: String?)] {
        [("block", block), ("store", store), ("device", device)]
    }

    /// The block that was named, or the only one there is.
    static func block(_ named: String?, in settings: Settings) throws -> String {
        if let named { return named }
        guard settings.sessions.count == 1 else {
            let names = settings.sessions.map { "'\($0.name)'" }.joined(separator: ", ")
            throw ValidationError(
                names.isEmpty
                    ? "The configuration has no 'sessions' block."
                    : "There are several 'sessions' blocks, name one with --block: \(names)")
        }
        return settings.sessions[0].name
    }
}

/// Which part of a long list.
struct PageOptions: ParsableArguments {
    @Option(help: "The most entries to print.")
    var limit: Int?

    @Option(help: "Print the next page; the last line of the page before says the value.")
    var after: String?

    var query: [(name: String, value: String?)] {
        [("limit", limit.map { String($0) }), ("after", after)]
    }

    /// The table, and how to go on.
    static func text(_ table: TextTable, _ page: JSONObject, noun: String) -> String {
        if table.isEmpty { return "no \(noun)" }
        guard let next = page["next"]?.string else { return table.text }
        return table.text + "\nmore with --after \(next.printable())"
    }
}

/// Members of what the console says, as people read them.
struct Shown {
    let object: JSONObject

    init(_ value: JSONValue) { object = value.object ?? JSONObject() }
    init(_ object: JSONObject) { self.object = object }

    var isSeated: Bool { object["seated"]?.bool ?? false }

    func text(_ name: String) -> String? { object[name]?.comparableText }

    /// `2026-11-21 02:00:00`.
    func date(_ name: String) -> String? {
        object[name]?.string.map { text in
            String(text.prefix(19)).split(separator: "T").joined(separator: " ")
        }
    }

    /// The ClientId of a device, and what people call it.
    var device: String? {
        let device = Shown(object["device"] ?? .null)
        guard let id = device.text("client_id") else { return nil }
        return device.text("name").map { "\(id) (\($0))" } ?? id
    }

    /// `1h05m`, `12.3s`.
    func length(_ name: String) -> String? {
        guard let milliseconds = object[name]?.number?.int64 else { return nil }
        let seconds = milliseconds / 1000
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch seconds {
        case ..<60: return "\(seconds).\(milliseconds % 1000 / 100)s"
        case ..<3600: return "\(seconds / 60)m\(two(seconds % 60))s"
        case ..<86_400: return "\(seconds / 3600)h\(two(seconds / 60 % 60))m"
        case _: return "\(seconds / 86_400)d\(two(seconds / 3600 % 24))h"
        }
    }

    /// `12`, `3.4k`, `5.6M`.
    func size(_ name: String) -> String? {
        guard let octets = object[name]?.number?.int64 else { return nil }
        var (number, units) = (octets * 10, ["", "k", "M", "G", "T"][...])
        if octets < 1024 { return String(octets) }
        while number >= 10_240, units.count > 1 {
            number /= 1024
            units.removeFirst()
        }
        return "\(number / 10).\(number % 10)\(units.first ?? "")"
    }

    func list(_ name: String) -> [Shown] { (object[name]?.array ?? []).map { Shown($0) } }
}
