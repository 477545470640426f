import Clock
import EventStream
import Relays
import Settings
import Testing

@testable import Proxy

@Suite struct EventRelayTests {
    @Test func `behind an event that does not end only the last words wait`() throws {
        let route = try Generation.reading(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { backend app }
            """
        ).routes[0].settings
        var relay = EventRelay(isOpaque: false, lastSent: .zero, sendQueue: SendQueueLimit(route))
        for number in 0..<100 { relay.wait(Array("event \(number)".utf8)) }
        let waiting = relay.takeWaiting()
        #expect(waiting.count == EventRelay.waitingLimit)
        #expect(waiting.first == Array("event 84".utf8))
        #expect(waiting.last == Array("event 99".utf8))
        let more = relay.takeWaiting()
        #expect(more.isEmpty)
    }

    @Test func `a byte order mark is left out, and nothing else`() throws {
        var relay = try Self.relay()
        _ = relay.boundary.scan("\u{FEFF}data: x\n\n".utf8.span)
        #expect(relay.skippedCount() == 3)
        #expect(relay.skippedCount() == 0)
        relay = try Self.relay()
        _ = relay.boundary.scan("data: x\n\n".utf8.span)
        #expect(relay.skippedCount() == 0)
    }

    @Test func `nothing is put into what is compressed, or into half an event`() throws {
        var relay = try Self.relay()
        #expect(!relay.isClosed)
        relay.isInsideEvent = true
        #expect(relay.isClosed)
        #expect(try Self.relay(isOpaque: true).isClosed)
    }

    private static func relay(isOpaque: Bool = false) throws -> EventRelay {
        let generation = try Generation.reading("listen 127.0.0.1:1; route / { respond 200 }")
        return EventRelay(
            isOpaque: isOpaque, lastSent: .zero,
            sendQueue: SendQueueLimit(generation.routes[0].settings))
    }
}
