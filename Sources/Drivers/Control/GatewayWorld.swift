package import Generations
package import Settings

/// What the process gives the gateway: configuration, files, words. Only the executable reads the
/// environment, so that tests can run a gateway without one.
package struct GatewayWorld: Sendable {
    /// The configuration as it is now; called at start and for every reload.
    package var load: @Sendable () -> LoadedSettings
    /// The content of a certificate or key file; nil when it cannot be read.
    package var readFile: @Sendable (String) -> [UInt8]?
    /// An error in the words of a diagnostic, with line and caret.
    package var render: @Sendable (Generation.BuildError) -> String
    /// The version of the executable.
    package var version: String
    /// Tells the service manager (sd_notify(3)).
    package var notify: @Sendable (String) -> Void

    package init(
        load: @escaping @Sendable () -> LoadedSettings,
        readFile: @escaping @Sendable (String) -> [UInt8]?,
        render: @escaping @Sendable (Generation.BuildError) -> String, version: String,
        notify: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.load = load
        self.readFile = readFile
        self.render = render
        self.version = version
        self.notify = notify
    }
}

/// What reading the configuration came to.
package struct LoadedSettings: Sendable {
    /// Nil when there was an error.
    package var settings: Settings?
    /// Errors and warnings, rendered, for standard error; empty when there are none.
    package var report: String

    package init(settings: Settings?, report: String) {
        self.settings = settings
        self.report = report
    }
}
