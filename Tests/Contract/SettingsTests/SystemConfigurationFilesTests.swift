import Settings
import Testing

/// The repository's root, seen from this file.
let repository: String = {
    let parts = #filePath.split(separator: "/").dropLast(4)
    return "/" + parts.joined(separator: "/")
}()

@Suite("The files of this machine")
struct SystemConfigurationFilesTests {
    private let files = SystemConfigurationFiles()

    @Test("A file is read whole") func reading() throws {
        let octets = try files.read(repository + "/gateway.conf", limit: 1 << 20)
        #expect(String(decoding: octets, as: UTF8.self).contains("listen 127.0.0.1:8443 {"))
        #expect(files.exists(repository + "/gateway.conf"))
        #expect(!files.exists(repository + "/no-such.conf"))
    }

    @Test(
        "What cannot be read says why",
        arguments: [
            ("/no-such.conf", 1024, ConfigurationFileError.notFound),
            ("/Sources", 1024, .notAFile), ("/gateway.conf", 10, .tooLarge),
        ])
    func refusing(path: String, limit: Int, reason: ConfigurationFileError) {
        #expect(throws: reason) { try files.read(repository + path, limit: limit) }
    }

    @Test("The size is known before the file is read") func size() throws {
        let path = repository + "/gateway.conf"
        let octets = try files.read(path, limit: 1 << 20)
        #expect(files.size(of: path) == octets.count)
        #expect(files.size(of: "/no-such.conf") == nil)
    }

    @Test("A device is no file, however small it says it is") func device() {
        #expect(throws: ConfigurationFileError.notAFile) { try files.read("/dev/zero", limit: 10) }
    }

    @Test("A pattern matches names in order, in one directory or through several")
    func expanding() {
        let root = repository + "/Sources/Contract"
        let one = files.expand(glob: "Settings/*Settings.swift", relativeTo: root)
        #expect(
            one
                == [
                    "Backend", "Console", "Health", "Path", "Rewrite", "Route", "ServerTLS",
                    "Session", "", "State", "Token",
                ].map { root + "/Settings/\($0)Settings.swift" }.sorted())
        let several = files.expand(glob: "*/E?dReason.swift", relativeTo: root)
        #expect(several == [root + "/Endings/EndReason.swift"])
        #expect(files.expand(glob: root + "/nothing/*.conf", relativeTo: "/etc").isEmpty)
    }

    @Test("Variables come from the environment") func variables() {
        #expect(files.environment("PATH") != nil)
        #expect(files.environment("GATEWAY_NO_SUCH_VARIABLE") == nil)
    }
}

@Suite("Shell patterns")
struct GlobTests {
    @Test(
        "They match as a shell does",
        arguments: [
            ("a.conf", "*.conf", true), ("a.conf", "*", true), (".a.conf", "*.conf", false),
            (".a.conf", ".*.conf", true), ("a.conf.bak", "*.conf", false), ("ab", "a?", true),
            ("a", "a?", false), ("abcbc", "a*bc", true), ("abcbd", "a*bc", false), ("", "*", true),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*a*b", false),
        ])
    func matching(name: String, pattern: String, matches: Bool) {
        #expect(Glob.matches(name, pattern) == matches)
    }
}
