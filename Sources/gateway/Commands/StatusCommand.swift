import ArgumentParser
import Bytes
import JSON

/// `gateway status`: what runs, and how it is doing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what runs: configuration, listeners, certificates, servers, sessions.",
        discussion: """
            Asks the console of the running gateway, by the address and the token that the \
            configuration says. Exits with 1 when the console refuses, or does not answer.
            """)

    @OptionGroup var console: ConsoleOptions

    func run() throws {
        try console.ask(try console.settings()) { client throws(ConsoleClient.Failure) in
            try client.ask("GET", ["status"])
        } show: { answer in
            Self.text(Shown(answer))
        }
    }

    private static func text(_ status: Shown) -> String {
        var lines = [
            "gateway \(status.text("version") ?? ""), process \(status.text("pid") ?? ""),"
                + " \(status.text("workers") ?? "") workers, since"
                + " \(status.date("started") ?? "") UTC"
        ]
        lines += generation(Shown(status.object["generation"] ?? .null))
        if let sessions = status.object["sessions"]?.object.map({ Shown($0) }) {
            lines.append(
                "sessions: \(sessions.text("live") ?? "") live,"
                    + " \(sessions.text("seated") ?? "") with a seat")
        }
        lines += drains(Shown(status.object["drains"] ?? .null))
        lines += ["", listeners(status.list("listeners")).text]
        let servers = status.list("groups").flatMap { $0.list("servers") }
        if !servers.isEmpty { lines += ["", ServerTable.table(servers).text] }
        return lines.joined(separator: "\n")
    }

    private static func generation(_ generation: Shown) -> [String] {
        let number = generation.text("number") ?? ""
        let loaded =
            "configuration: generation \(number), since \(generation.date("loaded") ?? "") UTC"
        guard let refused = generation.object["refused"]?.object.map({ Shown($0) }) else {
            return [loaded]
        }
        let reason = (refused.text("reason") ?? "").split(separator: "\n").map {
            "    " + String($0).printable()
        }
        return [loaded, "  a newer one was refused at \(refused.date("at") ?? "") UTC:"] + reason
    }

    private static func drains(_ drains: Shown) -> [String] {
        guard let gateway = drains.object["gateway"]?.object.map({ Shown($0) }) else { return [] }
        return [
            "stopping: since \(gateway.date("since") ?? "") UTC, listeners closed at"
                + " \(gateway.date("closes") ?? ""), over at \(gateway.date("ends") ?? "")"
        ]
    }

    private static func listeners(_ listeners: [Shown]) -> TextTable {
        var table = TextTable(["LISTENER", "TLS", "HOST", "CERTIFICATE", "EXPIRES (UTC)", "DAYS"])
        for listener in listeners {
            let isTLS = listener.object["tls"]?.bool ?? false
            let certificates = listener.list("certificates")
            if certificates.isEmpty {
                table.add([listener.text("address"), isTLS ? "yes" : "no", nil, nil, nil, nil])
            }
            for certificate in certificates {
                table.add([
                    listener.text("address"), "yes", certificate.text("host") ?? "(any)",
                    certificate.text("file") ?? "(self-signed)", certificate.date("expires"),
                    certificate.text("days_left"),
                ])
            }
        }
        return table
    }
}
