import Testing

@Suite struct ImportRuleTests {
    private let rule = ImportRule(
        rooms: [
            "CZlib": .shims, "Bytes": .ground, "HTTP": .protocols, "HTTP1": .protocols,
            "WebSocket": .protocols, "Deflate": .adapters, "Settings": .contract,
            "Sessions": .policy, "Routing": .policy, "Proxy": .drivers,
        ], neighbours: [["HTTP1", "HTTP"]],
        modules: ["Glibc": [.adapters, .gateway], "Synchronization": [.policy]],
        foundationEssentials: ["Sources/Drivers/Proxy/A.swift"])

    @Test(arguments: [
        ("Sources/Policy/Sessions/A.swift", "Settings", true),
        ("Sources/Policy/Sessions/A.swift", "Deflate", true),
        ("Sources/Policy/Sessions/A.swift", "Synchronization", true),
        ("Sources/Policy/Sessions/A.swift", "Routing", false),
        ("Sources/Policy/Sessions/A.swift", "Proxy", false),
        ("Sources/Policy/Sessions/A.swift", "Glibc", false),
        ("Sources/Policy/Sessions/A.swift", "Foundation", false),
        ("Sources/Policy/Sessions/A.swift", "FoundationEssentials", false),
        ("Sources/Policy/Sessions/A.swift", "SomethingElse", false),
        ("Sources/Policy/Sessions/A.swift", "CZlib", false),
        ("Sources/Protocols/HTTP1/A.swift", "HTTP", true),
        ("Sources/Protocols/HTTP/A.swift", "HTTP1", false),
        ("Sources/Protocols/WebSocket/A.swift", "HTTP", false),
        ("Sources/Protocols/WebSocket/A.swift", "Deflate", false),
        ("Sources/Adapters/Deflate/A.swift", "CZlib", true),
        ("Sources/Adapters/Deflate/A.swift", "Glibc", true),
        ("Sources/Adapters/Deflate/A.swift", "Settings", false),
        ("Sources/Drivers/Proxy/A.swift", "Sessions", true),
        ("Sources/Drivers/Proxy/A.swift", "FoundationEssentials", true),
        ("Sources/Drivers/Proxy/B.swift", "FoundationEssentials", false),
        ("Sources/Drivers/Proxy/A.swift", "CZlib", false),
        ("Sources/gateway/main.swift", "Proxy", true),
        ("Sources/gateway/main.swift", "Glibc", true),
        ("Sources/gateway/main.swift", "CZlib", false),
    ])
    func `floors and lists decide`(path: String, module: String, isAllowed: Bool) {
        let file = SourceFile(path: path, "// \(module)\npackage import \(module)\n")
        let findings = rule.findings(in: file)
        #expect(findings.isEmpty == isAllowed)
        #expect(findings.allSatisfy { $0.line == 2 && $0.message.contains(module) })
    }

    @Test func `an exception that nobody uses is found`() {
        #expect(
            rule.unusedExceptions(in: []) == ["HTTP1 HTTP", "Sources/Drivers/Proxy/A.swift"])
        let users = [
            SourceFile(path: "Sources/Protocols/HTTP1/A.swift", "package import HTTP"),
            SourceFile(path: "Sources/Drivers/Proxy/A.swift", "import FoundationEssentials"),
        ]
        #expect(rule.unusedExceptions(in: users) == [])
        #expect(rule.unusedExceptions(in: [users[0]]) == ["Sources/Drivers/Proxy/A.swift"])
    }

    @Test func `a file outside the rooms is found`() {
        let stray = SourceFile(path: "Sources/Policy/Stray.swift", "import Bytes")
        #expect(rule.findings(in: stray).map(\.line) == [0])
        let cellar = SourceFile(path: "Sources/Cellar/Wine/A.swift", "")
        #expect(rule.findings(in: cellar).map(\.line) == [0])
    }

    @Test(
        arguments: [
            ("import Bytes", "Bytes"), ("package import Bytes", "Bytes"),
            ("@testable import Bytes", "Bytes"), ("@_exported public import Bytes", "Bytes"),
            ("import struct Bytes.ASCII", "Bytes"), ("  import  Bytes ;", "Bytes"),
            ("let import = 1", nil), ("importing", nil), ("", nil),
        ] as [(String, String?)])
    func `imports are read in every form`(line: String, module: String?) {
        #expect(ImportRule.importedModule(line) == module)
    }

    @Test func `rooms are the folders of the floors`() {
        let rooms = House.rooms(in: [
            "Sources/Ground/Bytes/ASCII.swift", "Sources/Shims/CZlib/include/CZlib.h",
            "Sources/gateway/main.swift", "Sources/README.md", "Tests/Ground/BytesTests/A.swift",
        ])
        #expect(rooms == ["Bytes": .ground, "CZlib": .shims, "gateway": .gateway])
    }
}
