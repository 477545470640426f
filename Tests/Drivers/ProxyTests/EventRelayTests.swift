import Clock
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
        var relay = EventRelay(isOpaque: false, lastSent: .zero, sendQueue: SendQueue(route))
        for number in 0..<100 { relay.wait(Array("event \(number)".utf8)) }
        let waiting = relay.takeWaiting()
        #expect(waiting.count == EventRelay.waitingLimit)
        #expect(waiting.first == Array("event 84".utf8))
        #expect(waiting.last == Array("event 99".utf8))
        let more = relay.takeWaiting()
        #expect(more.isEmpty)
    }
}
