import Clock
import Endings
import Entry
import Generations
import HTTP
import Identities
import Identity
import Prepared
import Sessions
import Settings
import Testing

@testable import Proxy

/// Until when a live connection stays that the newest rules do not let stay.
@Suite struct LiveStateTests {
    private let live: LiveState
    private let old: Generation
    private let new: Generation
    private let identity: VerifiedIdentity

    init() throws {
        let text = """
            listen 127.0.0.1:1
            jwt app { algorithms HS256; secret env:SECRET }
            backend app { server 127.0.0.1:2 }
            route / { auth app; backend app }
            """
        old = try Generation.reading(text)
        new = try Generation.reading(text, number: 2)
        identity = try .of(#"{"sub":"7"}"#)
        let lease = LiveTable().register(
            LiveConnection(
                id: SessionID(high: 1, low: 2),
                connection: ConnectionAddress(worker: 0, connection: 1),
                facts: LiveConnection.Facts(
                    transport: .webSocket, isSeated: false, route: "/", generation: 1,
                    address: "192.0.2.1", since: .zero),
                token: LiveConnection.Token(identity)))
        live = LiveState(
            lease: lease, request: try request(), generation: old, route: 0,
            expiry: ExpirySchedule(
                expires: nil, onExpiry: .close, notice: nil, now: WallTime(seconds: 0)))
    }

    private func at(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }

    private func adopt(_ refusal: Refusal?, leavingAt seconds: Int64?) {
        live.adopt(
            Rulebook.Standing(route: 0, identity: identity, refusal: refusal), of: new,
            leavingAt: seconds.map(at))
    }

    @Test func `who may stay stays`() {
        adopt(nil, leavingAt: 5)
        #expect(live.takeLeaving(at: at(100)) == nil)
        #expect(live.generation === new)
    }

    @Test func `who may not ends at its moment, once`() {
        adopt(.routeIsGone, leavingAt: 5)
        #expect(live.takeLeaving(at: at(4)) == nil)
        #expect(live.takeLeaving(at: at(5)) == .routeIsGone)
        #expect(live.takeLeaving(at: at(6)) == nil)
    }

    @Test func `reloads that follow each other do not put it off, but may bring it forward`() {
        adopt(.routeIsGone, leavingAt: 5)
        adopt(.routeIsGone, leavingAt: 9)
        #expect(live.takeLeaving(at: at(5)) == .routeIsGone)
        adopt(.routeIsGone, leavingAt: 20)
        adopt(.routeIsGone, leavingAt: 12)
        #expect(live.takeLeaving(at: at(12)) == .routeIsGone)
    }

    @Test func `a reload that lets it stay saves it, and so does one that lets all stay`() {
        adopt(.routeIsGone, leavingAt: 5)
        adopt(nil, leavingAt: 9)
        #expect(live.takeLeaving(at: at(100)) == nil)
        adopt(.routeIsGone, leavingAt: 5)
        adopt(.routeIsGone, leavingAt: nil)
        #expect(live.takeLeaving(at: at(100)) == nil)
    }

    @Test func `so does a token that the rules let in`() {
        adopt(.routeIsGone, leavingAt: 5)
        live.adopt(route: 0, of: new)
        #expect(live.takeLeaving(at: at(100)) == nil)
    }
}

private func request() throws -> LiveRequest {
    LiveRequest(
        RequestHead(
            method: .get, target: 4..<5, minorVersion: 1,
            fields: Fields(bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8), lines: [])),
        authority: nil, isWebSocket: true, without: TokenStripping([]))
}
