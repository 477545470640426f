import Clock
import Configured
import Generations
import Settings
import TLS
import Testing
import Upstreams

/// What a configuration is told of the names of its servers.
@Suite struct NamedServersTests {
    private let name = ServerName.host("app.internal", port: 8000)

    /// What is known of the name once this was answered; nothing was yet where that is nil.
    private func known(_ answer: NameAnswer?) -> [NameRecord] {
        var record = NameRecord(name, ResolverSettings(), now: .zero)
        if let answer { _ = record.answered(answer, at: .zero, chance: 0) }
        return [record]
    }

    private func settings(_ words: String = "") throws -> Settings {
        try .reading(
            """
            listen 127.0.0.1:1
            backend app { server app.internal:8000 \(words) }
            route / { backend app }
            """)
    }

    private func generation(_ settings: Settings, _ names: [NameRecord]) throws -> Generation {
        try Generation(
            settings, number: 1, registry: UpstreamRegistry(), tickets: TicketKeys(), names: names,
            readFile: { _ in nil })
    }

    private let found = NameAnswer.endpoints(
        [
            ServerEndpoint(
                address: .ip(address: "10.0.0.1", port: 8000), host: "app.internal")
        ], ttl: .seconds(60))

    @Test(
        arguments: [
            (nil, "no name server has answered yet"),
            (NameAnswer.failure("all name servers failed"), "all name servers failed"),
        ] as [(NameAnswer?, String)])
    func `a name that stands for nothing is a warning, or a mistake where it must`(
        answer: NameAnswer?, reason: String
    ) throws {
        let warning = try #require(generation(settings(), known(answer)).warnings.first)
        #expect(warning.severity == .warning && warning.position.line == 2)
        #expect(warning.message.hasPrefix("app.internal:8000 does not resolve: \(reason)"))
        let must = try settings("must_resolve")
        #expect(throws: Generation.BuildError.self) { try generation(must, known(answer)) }
        #expect(try Generation.resolutions(settings(), known(answer)).isEmpty)
    }

    @Test func `a name that stands for servers is none, and check says which they are`() throws {
        let settings = try settings("must_resolve")
        let generation = try generation(settings, known(found))
        #expect(generation.warnings.isEmpty)
        let note = try #require(Generation.resolutions(settings, known(found)).first)
        #expect(note.severity == .note && note.position.line == 2)
        #expect(note.message == "app.internal:8000 resolves to 10.0.0.1:8000")
    }

    @Test func `it is said which groups have other servers`() throws {
        let generation = try generation(settings(), known(nil))
        let endpoint = try #require(known(found).first?.endpoints.first)
        #expect(generation.resolve([name: [endpoint]]) == ["app"])
        #expect(generation.resolve([name: [endpoint]]).isEmpty)
        #expect(generation.resolve([:]) == ["app"])
    }
}
