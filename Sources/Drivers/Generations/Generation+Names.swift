package import Settings
package import Upstreams

/// Servers that are found by their names.
extension Generation {
    /// Names stand for other servers now. Called by the control thread alone.
    ///
    /// - Returns: the names of the groups that have others.
    package func resolve(_ names: [ServerName: [ServerEndpoint]]) -> Set<String> {
        Set(groups.filter { $0.resolve(names) }.map(\.settings.name))
    }

    /// A warning for every name that stands for no server.
    ///
    /// - Throws: `BuildError` for one that has to.
    static func unresolved(
        _ settings: Settings, _ names: [ServerName: NameRecord]
    ) throws(BuildError) -> [BuildError] {
        var warnings: [BuildError] = []
        for (server, name) in settings.namedServers {
            guard let record = names[name], record.endpoints.isEmpty else { continue }
            let reason = record.trouble?.reason ?? "no name server has answered yet"
            let message = "\(name.text) does not resolve: \(reason)"
            if server.mustResolve {
                throw BuildError(position: server.namePosition, message: message)
            }
            warnings.append(
                BuildError(
                    position: server.namePosition,
                    message: message + " (the server counts as down until it does)",
                    severity: .warning))
        }
        return warnings
    }

    /// What every name of the configuration stands for, to be said at its place.
    package static func resolutions(
        _ settings: Settings, _ names: [NameRecord]
    ) -> [BuildError] {
        settings.namedServers.compactMap { server, name in
            guard let record = names.first(where: { $0.name == name }), !record.endpoints.isEmpty
            else { return nil }
            return BuildError(
                position: server.namePosition,
                message: "\(name.text) resolves to \(NameRecord.list(record.endpoints))",
                severity: .note)
        }
    }
}

extension Settings {
    fileprivate var namedServers: [(server: BackendSettings.Server, name: ServerName)] {
        backends.flatMap(\.servers).compactMap { server in server.name.map { (server, $0) } }
    }

    /// Every name that a server has.
    package var serverNames: Set<ServerName> { Set(namedServers.map(\.name)) }
}
