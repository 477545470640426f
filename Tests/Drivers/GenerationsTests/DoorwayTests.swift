import Prepared
import Settings
import Testing

@testable import Generations

/// What becomes of a connection when its listener is another one.
@Suite struct DoorwayTests {
    private let key = ListenerKey(address: .ip(address: "127.0.0.1", port: 1))

    private func generation(_ listener: String) throws -> Generation {
        try Generation.reading(
            """
            listen 127.0.0.1:2
            \(listener)
            route / { respond 200 "" }
            """)
    }

    private func doorway(_ listener: String) throws -> Doorway {
        let generation = try generation(listener)
        return Doorway(key, try #require(generation.entrances[key]), generation: generation)
    }

    private static let plain = "listen 127.0.0.1:1"
    private static let redirecting = "listen 127.0.0.1:1 { redirect https }"
    private static let tls = "listen 127.0.0.1:1 { tls { certificate self_signed } }"

    @Test(arguments: [
        (plain, redirecting, false), (redirecting, plain, false), (tls, tls, false),
        (plain, "", true), (tls, "", true), (plain, tls, true), (tls, plain, true),
    ])
    func `it is closed when nobody could come in like that`(
        before: String, after: String, isClosed: Bool
    ) throws {
        var doorway = try doorway(before)
        let newest = try generation(after)
        let hasMoved = doorway.follow(newest)
        #expect(hasMoved && doorway.isClosed == isClosed)
        #expect(doorway.generation === newest)
        let moreover = doorway.follow(newest)
        #expect(!moreover)
        _ = doorway.follow(try generation(before))
        #expect(!doorway.isClosed)
    }

    @Test func `what the listener is set up for counts from the next request on`() throws {
        var doorway = try doorway(Self.plain)
        #expect(doorway.entrance.settings.redirectToHTTPS == nil)
        _ = doorway.follow(try generation(Self.redirecting))
        #expect(doorway.entrance.settings.redirectToHTTPS == .standard)
        // Who is here when the listener goes was redirected last, and is.
        _ = doorway.follow(try generation(""))
        #expect(doorway.entrance.settings.redirectToHTTPS == .standard)
    }
}
