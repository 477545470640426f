/// The world as a configuration sees it: files and the environment. `SystemConfigurationFiles` is
/// the real one; tests use a dictionary.
package protocol ConfigurationFiles {
    /// The octets of the file at `path`; a file of more than `limit` octets is refused before it
    /// is read.
    func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8]
    /// The paths that match `glob`, sorted by name. A relative pattern is meant relative to
    /// `directory` (empty for the working directory) and answered joined with it.
    func expand(glob: String, relativeTo directory: String) -> [String]
    /// The value of an environment variable, nil when it is not set.
    func environment(_ name: String) -> String?
    /// True when something is there, links followed.
    func exists(_ path: String) -> Bool
}

/// Why a file could not be read.
package enum ConfigurationFileError: Error, Sendable {
    case notFound
    case notAllowed
    /// A directory, a device, a pipe.
    case notAFile
    case tooLarge
    case unreadable

    /// The end of the sentence "cannot read the file: …".
    package func reason(limit: Int) -> String {
        switch self {
        case .notFound: "no such file"
        case .notAllowed: "permission denied"
        case .notAFile: "not a regular file"
        case .tooLarge: "larger than \(Quantity.size.written(limit))"
        case .unreadable: "reading failed"
        }
    }
}
