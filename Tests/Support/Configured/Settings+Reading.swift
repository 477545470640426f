package import Settings

/// One file, `gateway.conf`, one secret, and others.
private struct OneFile: ConfigurationFiles {
    var text: String
    var others: [String: [UInt8]] = [:]

    func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
        guard path == "gateway.conf" else { throw .notFound }
        return Array(text.utf8)
    }

    func expand(glob: String, relativeTo directory: String) -> [String] { [] }

    func environment(_ name: String) -> String? {
        name == "SECRET" ? String(repeating: "staple-", count: 10) : nil
    }

    func exists(_ path: String) -> Bool { others[path] != nil }
}

package struct WrongConfiguration: Error, CustomStringConvertible {
    package var description: String
}

extension Settings {
    /// The settings that this text of a `gateway.conf` says.
    ///
    /// - Parameter others: files that it names.
    /// - Throws: what is wrong with it.
    package static func reading(
        _ text: String, others: [String: [UInt8]] = [:]
    ) throws -> Settings {
        let files = OneFile(text: text, others: others)
        let result = SettingsReader(files: files).read("gateway.conf")
        guard let settings = result.settings else {
            throw WrongConfiguration(description: "\(result.diagnostics)")
        }
        return settings
    }
}
