import Bookkeeping
import Clients
import Clock
import Peers
import Relays
import Testing
import Transport

/// Connections behind their last answers.
@Suite struct ClientLingeringTests {
    /// A client whose answer does not wait for all it has to send.
    private func early(_ limits: String) throws -> ClientDialogue {
        let dialogue = try ClientDialogue(limits: limits)
        dialogue.send(.post("/a", "Content-Length: 100000000"))
        #expect(try dialogue.hear() == ["POST /a"])
        #expect(dialogue.answer("no", status: 413) == [])
        return dialogue
    }

    @Test func `who has sent all closes next, and is not read on from`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/a", "Connection: close"))
        #expect(try dialogue.hear() == ["GET /a"])
        #expect(dialogue.answer("all") == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
        #expect(dialogue.counters.lingering.connections == 0)
    }

    @Test func `who was answered early is read on from, and does not lose the answer`() throws {
        let dialogue = try early("lingering_timeout 1h")
        let sent = Octets.pattern(1_000_000)
        dialogue.client.send(sent)
        let words = try dialogue.run { _ in
            dialogue.counters.lingering.octets >= UInt64(sent.count)
        }
        #expect(words == [])
        #expect(dialogue.counters.lingering.connections == 1)
        #expect(dialogue.counters.lingering.octets == UInt64(sent.count))
        #expect(dialogue.client.ending == .end(0))
        #expect(dialogue.client.text.hasSuffix("Connection: close\r\n\r\nno"))
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
        #expect(!dialogue.client.isBroken)
    }

    @Test func `not for longer than it is silent, nor for longer than all in all`() throws {
        let silent = try early("lingering_timeout 200ms\nlingering_time 1h")
        #expect(try silent.hear() == ["over"])
        let busy = try early("lingering_timeout 1h\nlingering_time 300ms")
        #expect(try busy.hear(sending: "more") == ["over"])
        #expect(busy.counters.lingering.octets > 0)
    }

    @Test func `it is read from no faster than is allowed`() throws {
        let dialogue = try early("lingering_rate 1m\nlingering_timeout 1h\nlingering_time 1h")
        let start = SystemClock.now()
        dialogue.client.send(Octets.pattern(1 << 20))
        _ = try dialogue.run { _ in dialogue.counters.lingering.octets >= 1 << 20 }
        // A quarter at once, and what one read may take besides.
        #expect(SystemClock.now() - start > .milliseconds(500))
    }

    @Test(arguments: [("lingering_time off", false), ("lingering_time 1h", true)])
    func `nobody is read on from where that is off, or the process stops`(
        limits: String, stops: Bool
    ) throws {
        let dialogue = try ClientDialogue(limits: limits)
        dialogue.send(.post("/a", "Content-Length: 100000000"))
        #expect(try dialogue.hear() == ["POST /a"])
        if stops { #expect(dialogue.connection.stop() == nil) }
        #expect(dialogue.answer("no", status: 413) == [])
        #expect(dialogue.counters.lingering.connections == 0)
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }

    @Test func `what was not taken soon of a last answer is seen to be missing`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        dialogue.client.isReading = false
        let answer = ClientDialogue.large
        dialogue.begin(length: answer.count)
        dialogue.request.send(answer.span)
        dialogue.request.end()
        #expect(dialogue.ended(dialogue.connection.finishSoon()) == [])
        #expect(try dialogue.hear(through: "over with reset").last == "over with reset")
    }

    @Test func `as long as the answer waits to be taken the connection stays`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/a", "Connection: close"))
        #expect(try dialogue.hear() == ["GET /a"])
        #expect(dialogue.answerAtLength() == [])
        dialogue.finishSending()
        #expect(try dialogue.lookAtClient() == [])
        #expect(dialogue.request.waiting > 0)
        dialogue.client.isReading = true
        #expect(try dialogue.hear() == ["over"])
        _ = try dialogue.run { $0.ending != nil }
        #expect(dialogue.client.ending == .end(0))
        #expect(dialogue.clientHasLarge)
    }

    @Test func `a client that breaks meanwhile is lost`() throws {
        let dialogue = try early("lingering_timeout 1h")
        dialogue.client.stream.close(reset: true)
        #expect(try dialogue.hearWithoutClient() == ["lost"])
    }

    @Test func `what was held is for nobody`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1", "Connection: close") + .get("/2"))
        #expect(try dialogue.hear() == ["GET /1", "held"])
        #expect(dialogue.answer() == [])
        #expect(!dialogue.connection.isHolding)
        #expect(dialogue.resume() == [])
    }

    @Test(arguments: [("1", 10, "over"), ("0", nil, "over with reset")])
    func `an answer that is broken off does not look whole`(
        version: String, length: Int?, word: String
    ) throws {
        for end in [HTTP1Client.cut, HTTP1Client.finish, nil] {
            let dialogue = try ClientDialogue()
            dialogue.send("GET /a HTTP/1.\(version)\r\nHost: a\r\n\r\n")
            #expect(try dialogue.hear() == ["GET /a"])
            dialogue.begin(length: length)
            dialogue.request.send("half".utf8.span)
            dialogue.request.flush()
            _ = try dialogue.clientHears("half")
            if let end {
                var words = dialogue.ended(end(dialogue.connection)())
                // Where the length says enough, `finish` waits for the client.
                dialogue.finishSending()
                if words.isEmpty { words = try dialogue.hear() }
                #expect(words == [word])
            } else {
                dialogue.request.breakOff()
                #expect(dialogue.goOn() == [word])
            }
            _ = try dialogue.run { $0.ending != nil }
            let isReset = dialogue.client.ending == .failed(.connection)
            #expect(isReset == (word == "over with reset"))
        }
    }

    @Test func `who takes his time is given what he takes soon`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        dialogue.begin(length: 10)
        dialogue.request.send("half".utf8.span)
        dialogue.request.flush()
        #expect(dialogue.ended(dialogue.connection.finishSoon()) == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.text.hasSuffix("half"))
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }
}
