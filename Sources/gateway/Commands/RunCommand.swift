import ArgumentParser
import Control
import Transport

/// `gateway run`: the server.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the gateway until a signal stops it.",
        discussion: """
            HUP reloads the configuration, TERM and QUIT let connections end and then stop, INT \
            stops at once, USR1 reopens the access log. Exits with 1 when the configuration has \
            an error, and with 3 when the gateway cannot listen on an address.
            """)

    @OptionGroup var option: ConfigurationOption

    @Option(name: .long, help: "A file to write the process ID to, besides the usual place.")
    var pidFile: String?

    func run() throws {
        let file = option.file
        let manager = ServiceManager()
        let named = pidFile.map { PIDFile(path: $0) }
        try named?.check()
        // A user who does not know of the option looks in the usual place.
        let written = [named, .standard(for: file)].compactMap(\.self)
        let world = file.world { text in
            if text == ServiceManager.ready { for file in written { file.write() } }
            manager?.notify(text)
        }
        let code = Gateway.run(world)
        for file in written { file.remove() }
        throw CommandEnd(code: code)
    }
}
