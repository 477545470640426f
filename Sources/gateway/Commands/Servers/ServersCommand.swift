import ArgumentParser
import JSON

/// `gateway servers`: the servers behind the gateway, and whether each is used.
struct ServersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "servers",
        abstract: "List the servers of all backends: state, why, since when, live exchanges.",
        discussion: """
            A server is 'up', 'down' (it cannot be reached), 'draining' (an operator ordered it, \
            and exchanges are still under way) or 'drained' (none is: it can be replaced).
            """)

    @OptionGroup var console: ConsoleOptions

    @Option(help: "Only the servers of this backend.")
    var backend: String?

    func run() throws {
        try console.ask(try console.settings()) { client throws(ConsoleClient.Failure) in
            try client.ask("GET", ["servers"], [("backend", backend)])
        } show: { answer in
            let table = ServerTable.table(Shown(answer).list("servers"))
            return table.isEmpty ? "no servers" : table.text
        }
    }
}

/// Servers as people read them.
enum ServerTable {
    static func table(_ servers: [Shown]) -> TextTable {
        var table = TextTable([
            "BACKEND", "ADDRESS", "STATE", "WHY", "SINCE (UTC)", "EXCHANGES", "WEIGHT",
        ])
        for server in servers {
            let isBackup = server.object["backup"]?.bool ?? false
            table.add([
                server.text("backend"), server.text("address"), server.text("state"),
                server.text("why"), server.date("since"), server.text("exchanges"),
                isBackup ? "backup" : server.text("weight"),
            ])
        }
        return table
    }
}

/// Which server is meant.
struct ServerArguments: ParsableArguments {
    @Argument(help: "The name of the backend.")
    var backend: String

    @Argument(help: "The address of the server, as the configuration writes it.")
    var address: String

    var path: [String] { ["servers", backend, address, "drain"] }

    /// What became of the server, and a warning where no other one is left.
    func text(_ answer: JSONObject) -> String {
        let left = answer["left"]?.number?.int64 ?? 0
        let warning =
            left == 0 ? "\nno server of '\(backend)' is up: requests wait, or fail" : ""
        return ServerTable.table(Shown(answer).list("servers")).text + warning
    }
}
