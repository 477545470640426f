import ArgumentParser
import Settings

/// `gateway check`: what a start would say, without starting.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration and everything it names.",
        discussion: """
            Exits with 0 when the gateway would start with it, on this machine and as this user, \
            and with 1 when not. Nothing is created or changed. An address that is in use is a \
            warning, unless a gateway runs with this configuration.
            """)

    @OptionGroup var option: ConfigurationOption

    func run() throws {
        let file = option.file
        let settings = try file.loadForCommand(showsWarnings: true)
        try file.build(settings)
        try file.checkStart(settings)
        print("\(file.path): ok (\(Self.summary(of: settings)))")
    }

    private static func summary(of settings: Settings) -> String {
        let servers = settings.backends.reduce(0) { $0 + $1.servers.count }
        return ConfigurationFile.list([
            ConfigurationFile.count(settings.listeners.count, "listener"),
            ConfigurationFile.count(settings.routes.count, "route"),
            ConfigurationFile.count(settings.rewrites.count, "rewrite"),
            ConfigurationFile.count(settings.tokens.count, "token rule"),
            ConfigurationFile.count(settings.sessions.count, "session rule"),
            ConfigurationFile.count(settings.backends.count, "backend"),
            ConfigurationFile.count(servers, "server"),
        ])
    }
}
