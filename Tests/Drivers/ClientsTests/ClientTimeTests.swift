import Clients
import Clock
import Loop
import Peers
import Testing
import Transport

/// How long a client is waited for between requests and within heads, and what else is due.
@Suite struct ClientTimeTests {
    /// What is heard when nothing else was due before.
    private static let onlyMark = ["due heartbeat"]

    @Test func `who begins no request in time hears nothing, and the connection ends`() throws {
        let dialogue = try ClientDialogue(limits: "request_head 100ms")
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        #expect(dialogue.client.received == [])
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }

    @Test func `who does not end the head in time is told, and octets put nothing off`() throws {
        let dialogue = try ClientDialogue(limits: "request_head 200ms")
        dialogue.send("GET /a HTTP/1.1\r\nHost: a\r\nA: ")
        #expect(try dialogue.hear(sending: "a") == ["head timed out"])
        #expect(dialogue.answer("late", status: 408) == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.text.hasPrefix("HTTP/1.1 408 "))
        #expect(dialogue.client.text.hasSuffix("Connection: close\r\n\r\nlate"))
    }

    @Test func `the next request has the time of keep_alive from the answer on`() throws {
        let dialogue = try ClientDialogue(limits: "keep_alive 100ms")
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        dialogue.mark(after: .milliseconds(300))
        #expect(try dialogue.hear() == Self.onlyMark, "it runs while a request is served")
        #expect(dialogue.answer("one") == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        #expect(dialogue.client.text.hasSuffix("\r\n\r\none"))
    }

    @Test func `the first octet of a head ends the time of keep_alive`() throws {
        let dialogue = try ClientDialogue(limits: "keep_alive 200ms\nrequest_head 1h")
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        #expect(dialogue.answer() == [])
        dialogue.send("GET ")
        #expect(try dialogue.lookAtClient() == [])
        dialogue.mark(after: .milliseconds(500))
        #expect(try dialogue.hear() == Self.onlyMark)
        dialogue.send("/2 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try dialogue.hear() == ["GET /2"])
    }

    @Test func `every head has its own time`() throws {
        let dialogue = try ClientDialogue(limits: "keep_alive 1h\nrequest_head 100ms")
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        dialogue.mark(after: .milliseconds(250))
        #expect(try dialogue.hear() == Self.onlyMark, "the time of its head is over")
        #expect(dialogue.answer() == [])
        dialogue.send("GET ")
        #expect(try dialogue.hear() == ["head timed out"])
    }

    @Test func `what a request has set is told by itself, in order, until it is cleared`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        let now = SystemClock.now()
        let request = dialogue.request
        request.set(.flow, at: now + .milliseconds(60))
        request.set(.connect, at: now + .milliseconds(50))
        request.set(.phase, at: now + .milliseconds(10))
        // Moved, once later and once to an earlier time.
        request.set(.phase, at: now + .milliseconds(300))
        request.set(.flow, at: now + .milliseconds(40))
        request.set(.heartbeat, at: now + .milliseconds(20))
        request.clear(.heartbeat)
        var words: [String] = []
        while words.count < 3 { words += try dialogue.hear() }
        #expect(words == ["due flow", "due connect", "due phase"])
    }

    @Test func `what was set for one part of a request is not told in the next`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        for begin in [
            dialogue.connection.beginPart, dialogue.connection.beginExchange,
            dialogue.connection.beginTunnel,
        ] {
            for timer in [ClientTimer.phase, .connect, .flow, .heartbeat] {
                dialogue.request.set(timer, at: dialogue.loop.now)
            }
            begin()
            dialogue.mark(after: .milliseconds(150))
            #expect(try dialogue.hear() == Self.onlyMark)
        }
        dialogue.request.set(.flow, at: dialogue.loop.now)
        #expect(dialogue.connection.close())
        for _ in 0..<15 { _ = try dialogue.run { _ in true } }
        #expect(!dialogue.connection.isDue())
    }

    @Test func `it is known when octets last came`() throws {
        let dialogue = try ClientDialogue()
        let accepted = dialogue.connection.lastHeard
        dialogue.mark(after: .milliseconds(100))
        #expect(try dialogue.hear() == Self.onlyMark)
        #expect(dialogue.connection.lastHeard == accepted)
        dialogue.send("GET ")
        #expect(try dialogue.lookAtClient() == [])
        #expect(dialogue.connection.lastHeard >= accepted + .milliseconds(100))
        #expect(dialogue.request.lastHeard == dialogue.connection.lastHeard)
    }
}
