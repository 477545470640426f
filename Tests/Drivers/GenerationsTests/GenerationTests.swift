import Entry
import JWT
import Peers
import Settings
import TLS
import Testing
import Upstreams

@testable import Generations

/// Building what a configuration needs, and what is said when its files do not fit.
@Suite struct GenerationTests {
    private static let identities = Result {
        let folder = try TemporaryFolder()
        return try ["a", "b"].map { try CertificateAuthority.selfSigned($0, in: folder) }
    }

    /// Two certificates with their keys, and what may be wrong with a file.
    private var files: [String: [UInt8]] {
        get throws {
            let made = try Self.identities.get()
            return [
                "a.pem": made[0].certificate, "a.key": made[0].key,
                "b.pem": made[1].certificate, "b.key": made[1].key,
                "empty": [], "garbage": Array("garbage".utf8),
            ]
        }
    }

    private func build(
        _ settings: Settings, counting reads: inout [String: Int]
    ) throws -> Generation {
        let files = try files
        var counted: [String: Int] = [:]
        defer { reads = counted }
        // Called during `init` only.
        return try withoutActuallyEscaping(
            { (path: String) -> [UInt8]? in
                counted[path, default: 0] += 1
                return files[path]
            },
            do: { readFile in
                try Generation(
                    settings, number: 7, registry: UpstreamRegistry(), tickets: TicketKeys(),
                    readFile: readFile)
            })
    }

    /// One group with `sticky cookie`, and with or without a secret of its own.
    private func sticky(_ secret: Secret?) -> Settings {
        var backend = BackendSettings(name: "app", servers: [.init(address: .unix(path: "/a"))])
        backend.choice.sticky = .cookie(name: "place", secret: secret)
        backend.position = SourcePosition(file: "gateway.conf", line: 5, column: 1)
        var settings = Settings()
        settings.backends = [backend]
        return settings
    }

    @Test func `without any secret nobody is told his server`() throws {
        let state = UpstreamRegistry().state(group: "x", address: .unix(path: "/x"))
        do {
            _ = try build(sticky(nil))
            Issue.record("the registry of this test has no key")
        } catch let error as Generation.BuildError {
            #expect(error.position.line == 5)
            #expect(error.message.contains("'sticky cookie'"))
        }
        let group = try build(sticky(Secret(Array("sixteen octets or more".utf8)))).groups[0]
        let wish = ServerWish()
        #expect(group.cookie(for: state, wish, isSecure: false) == nil, "of another group")
        let cookie = group.cookie(
            for: group.members.servers[0].state, wish, isSecure: false)
        #expect(cookie?.hasPrefix("place=") == true)
    }

    private func build(_ settings: Settings) throws -> Generation {
        var reads: [String: Int] = [:]
        return try build(settings, counting: &reads)
    }

    private func listener(
        _ port: UInt16, _ certificate: TLSSettings.Certificate?, hosts: [TLSSettings.Host] = []
    ) -> ListenerSettings {
        var tls = certificate.map { TLSSettings(certificate: $0) }
        tls?.hosts = hosts
        return ListenerSettings(
            address: .ip(address: "127.0.0.1", port: port), tls: tls,
            position: SourcePosition(file: "gateway.conf", line: Int(port), column: 1))
    }

    private func host(_ name: String, _ chain: String, _ key: String) -> TLSSettings.Host {
        TLSSettings.Host(
            name: name, certificate: .files(chain: chain, key: key),
            position: SourcePosition(file: "gateway.conf", line: 99, column: 5))
    }

    private func refusal(_ listener: ListenerSettings) throws -> Generation.BuildError {
        var settings = Settings()
        // One that works stands before it.
        settings.listeners = [self.listener(1, .files(chain: "a.pem", key: "a.key")), listener]
        return try #require(throws: Generation.BuildError.self) { try build(settings) }
    }

    @Test func `listeners are found by their address, with TLS or without`() throws {
        var settings = Settings()
        settings.listeners = [
            listener(80, nil), listener(443, .files(chain: "a.pem", key: "a.key")),
            listener(444, .selfSigned),
        ]
        let generation = try build(settings)
        #expect(generation.number == 7)
        #expect(generation.entrances.count == 3)
        for (port, isTLS) in [(80, false), (443, true), (444, true)] as [(UInt16, Bool)] {
            let key = ListenerKey(address: .ip(address: "127.0.0.1", port: port))
            let entrance = try #require(generation.entrances[key])
            #expect((entrance.tls != nil) == isTLS)
            #expect(entrance.settings.position.line == Int(port))
        }
    }

    @Test func `a file is read once, however many use it`() throws {
        var settings = Settings()
        let files = TLSSettings.Certificate.files(chain: "a.pem", key: "a.key")
        settings.listeners = [
            listener(1, files), listener(2, files, hosts: [host("a.test", "a.pem", "a.key")]),
            listener(3, files, hosts: [host("b.test", "b.pem", "b.key")]),
        ]
        var reads: [String: Int] = [:]
        _ = try build(settings, counting: &reads)
        #expect(reads == ["a.pem": 1, "a.key": 1, "b.pem": 1, "b.key": 1])
    }

    @Test(arguments: [
        ("none.pem", "a.key", 1, "cannot read the certificate 'none.pem' (is it a file"),
        ("a.pem", "none.key", 2, "cannot read the key 'none.key' (is it a file"),
        ("empty", "a.key", 1, "'empty' is empty, but no certificate"),
        ("garbage", "a.key", 1, "'garbage' contains something else, but no certificate"),
        ("a.key", "a.key", 1, "'a.key' contains a private key instead of the certificate"),
        ("a.pem", "empty", 2, "'empty' is empty, but no private key"),
        ("a.pem", "a.pem", 2, "'a.pem' contains a certificate instead of the private key"),
        ("a.pem", "b.key", 2, "the private key in 'b.key' does not belong to the certificate in"),
        ("a.key", "a.pem", 1, "'a.key' holds a private key, and 'a.pem' the certificate: they"),
    ])
    func `a certificate that cannot be used is reported at the word that names it`(
        chain: String, key: String, column: Int, message: String
    ) throws {
        func at(_ line: Int) -> TLSSettings.Words {
            .init(
                certificate: .init(file: "gateway.conf", line: line, column: 1),
                key: .init(file: "gateway.conf", line: line, column: 2))
        }
        var listener = listener(2, .files(chain: chain, key: key))
        listener.tls?.words = at(2)
        let ofListener = try refusal(listener)
        #expect(ofListener.message.hasPrefix(message), "\(ofListener.message)")
        #expect(ofListener.position == .init(file: "gateway.conf", line: 2, column: column))
        var host = host("a.test", chain, key)
        host.words = at(99)
        let ofHost = try refusal(self.listener(2, .selfSigned, hosts: [host]))
        #expect(ofHost.message == ofListener.message)
        #expect(ofHost.position == .init(file: "gateway.conf", line: 99, column: column))
    }

    @Test func `a listener without a TLS version is reported at its line`() throws {
        var listener = listener(2, .selfSigned)
        listener.tls?.versions = []
        let error = try refusal(listener)
        #expect(error.message == "no TLS version is allowed")
        #expect(error.position.line == 2)
    }

    @Test func `a token rule whose key cannot be used is reported at its line`() throws {
        var settings = Settings()
        var rule = TokenSettings(name: "app", algorithms: [.hs256], secret: Secret([]))
        rule.position.line = 12
        settings.tokens = [rule]
        let error = try #require(throws: Generation.BuildError.self) { try build(settings) }
        #expect(error.position.line == 12)
        #expect(error.message.contains("the secret is empty"))
    }

    @Test func `query parameters that carry tokens are kept out of logs`() throws {
        var settings = Settings()
        let secret = Secret([UInt8](repeating: 7, count: 32))
        var rule = TokenSettings(name: "app", algorithms: [.hs256], secret: secret)
        rule.from = [.bearer, .query("auth_ticket")]
        settings.tokens = [rule]
        let names = try build(settings).rules.redactedQueryNames
        #expect(names.contains("auth_ticket"))
        #expect(names.contains("token"))
    }

    @Test(
        arguments: [
            ([], false, "/"), ([.literal("ws")], false, "/ws"), ([.literal("ws")], true, "/ws/"),
            ([.literal("ws"), .capture("id")], false, "/ws/{id}"),
        ] as [([PathPattern.Segment], Bool, String)])
    func `a route is named by its path`(
        segments: [PathPattern.Segment], hasTrailingSlash: Bool, text: String
    ) {
        let pattern = PathPattern(segments: segments, hasTrailingSlash: hasTrailingSlash)
        #expect(pattern.text == text)
        let rest = PathPattern(segments: segments, rest: "rest").text
        #expect(rest == (text.hasSuffix("/") ? text : text + "/") + "{rest...}")
    }
}
