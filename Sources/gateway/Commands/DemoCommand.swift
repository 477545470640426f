import ArgumentParser
import Control
import Transport

/// `gateway demo`: an app to stand behind the gateway.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a small demo app to try the gateway out.",
        discussion: """
            The app serves a page at /, WebSockets at /ws/echo, /ws/queue/ID, /ws/journey and \
            /ws/admin, an event stream at /api/sse/stream?store_id=ID, and shows every request \
            to /echo as it came.
            """)

    @Option(help: "ADDRESS:PORT, [IPV6]:PORT or unix:PATH.")
    var listen = ListenAddress.standard

    func run() throws {
        Signal.block()
        System.raiseFileLimit()
        let signals = try Mailbox<Signal>(capacity: 16)
        let server = try bind(signals)
        try System.startThread(name: "signals") {
            while true { signals.post(Signal.next()) }
        }
        Terminal.complain("demo app on http://\(server.address.text)")
        server.run()
    }

    private func bind(_ signals: Mailbox<Signal>) throws -> DemoServer {
        do throws(SystemError) {
            return try DemoServer(listen.address, signals: signals)
        } catch {
            Terminal.complain("cannot listen on \(listen.address.text): \(error.reason)")
            throw CommandEnd(code: Control.ExitCode.bind)
        }
    }
}

/// An address on the command line.
struct ListenAddress: ExpressibleByArgument {
    let address: SocketAddress

    static let standard = ListenAddress(.ip4(octets: [127, 0, 0, 1], port: 8000))

    private init(_ address: SocketAddress) { self.address = address }

    init?(argument: String) {
        if argument.hasPrefix("unix:") {
            self.init(.unix(path: String(argument.dropFirst(5))))
            return
        }
        guard let colon = argument.lastIndex(of: ":"),
            let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        var host = String(argument[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { host = "127.0.0.1" }
        guard let address = SocketAddress(numeric: host, port: port) else { return nil }
        self.init(address)
    }

    var defaultValueDescription: String { address.text }
}
