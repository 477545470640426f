import KeySets
import Peers
import Prepared
import Settings
import Testing

@testable import Generations

/// Who makes the gates anew, and who notices.
@Suite struct GatesTests {
    /// RFC 7517, A.1, for whatever use.
    private static let keys = """
        {"keys":[{"kty":"EC","crv":"P-256","kid":"1",
        "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}
        """

    private let folder: TemporaryFolder
    private let generation: Generation

    init() throws {
        folder = try TemporaryFolder()
        generation = try Generation.reading(
            """
            listen 127.0.0.1:1
            jwt app { algorithms ES256; jwks file:\(folder.path("keys.json")) }
            backend app { server 127.0.0.1:2 }
            route /in { auth app; backend app }
            route /open { backend app }
            """, others: [folder.path("keys.json"): Array(Self.keys.utf8)])
    }

    private func service(_ document: String) throws -> KeySetService {
        _ = try folder.write(Array(document.utf8), to: "keys.json")
        let service = try KeySetService { _ in }
        service.use(generation.keySetSources)
        return service
    }

    @Test func `a route without auth has no gate`() {
        let gates = generation.gates.snapshot
        #expect(gates.gate(ofRoute: 0) != nil)
        #expect(gates.gate(ofRoute: 1) == nil)
    }

    @Test func `they are made anew when keys have changed, and only then`() throws {
        let before = generation.gates.snapshot
        #expect(before.version == 0 && generation.gates.version == 0)
        let service = try service(Self.keys)
        generation.gates.renew(by: service)
        let after = generation.gates.snapshot
        #expect(after !== before)
        #expect(after.version == service.version && generation.gates.version == service.version)
        generation.gates.renew(by: service)
        #expect(generation.gates.snapshot === after)
        service.stop()
    }

    @Test func `a worker has the newest at hand, of the generation it asks`() throws {
        var atHand = GatesAtHand()
        let first = atHand.newest(of: generation.gates)
        #expect(atHand.newest(of: generation.gates) === first)
        let service = try service(Self.keys)
        generation.gates.renew(by: service)
        let second = atHand.newest(of: generation.gates)
        #expect(second !== first && second === generation.gates.snapshot)
        let other = Gates(
            generation.settings, try Gates.authenticators(generation.settings))
        #expect(atHand.newest(of: other) === other.snapshot)
        #expect(atHand.newest(of: generation.gates) === second)
        service.stop()
    }
}
