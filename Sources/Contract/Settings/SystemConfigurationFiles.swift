import FoundationEssentials

/// The files and the environment of this process.
package struct SystemConfigurationFiles: ConfigurationFiles {
    package init() {}

    package func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
        // Secrets are often links (a Kubernetes volume is made of them), so look behind them.
        let url = URL(filePath: path).resolvingSymlinksInPath()
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
            // A device or a pipe has no size to check and may never end.
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw ConfigurationFileError.notAFile
            }
            guard Self.size(attributes) ?? 0 <= limit else {
                throw ConfigurationFileError.tooLarge
            }
            let octets = [UInt8](try Data(contentsOf: url))
            guard octets.count <= limit else { throw ConfigurationFileError.tooLarge }
            return octets
        } catch let error as ConfigurationFileError {
            throw error
        } catch let error as CocoaError {
            throw Self.reason(error)
        } catch {
            throw .unreadable
        }
    }

    /// The size of the file at `path`, not following links; nil when there is none.
    package func size(of path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path)).flatMap(Self.size)
    }

    /// The attribute is a `UInt`, or an `NSNumber` in a process that has loaded all of Foundation.
    private static func size(_ attributes: [FileAttributeKey: Any]) -> Int? {
        let size = attributes[.size] as? UInt ?? (attributes[.size] as? UInt64).map(UInt.init)
        return size.map { Int(clamping: $0) }
    }

    package func expand(glob: String, relativeTo directory: String) -> [String] {
        let path = FilePaths.join(directory, glob)
        var found = [path.hasPrefix("/") ? "/" : ""]
        for component in path.split(separator: "/").map(String.init) {
            found = found.flatMap { step(from: $0, to: component) }
        }
        return found.filter(exists).sorted()
    }

    package func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }

    package func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// What `component`, a name or a pattern, stands for inside `directory`.
    private func step(from directory: String, to component: String) -> [String] {
        guard Glob.isPattern(component) else { return [FilePaths.join(directory, component)] }
        let listed = directory.isEmpty ? "." : directory
        let names = (try? FileManager.default.contentsOfDirectory(atPath: listed)) ?? []
        return names.filter { Glob.matches($0, component) }
            .map { FilePaths.join(directory, $0) }
    }

    private static func reason(_ error: CocoaError) -> ConfigurationFileError {
        switch error.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: .notFound
        case .fileReadNoPermission: .notAllowed
        default: .unreadable
        }
    }
}
