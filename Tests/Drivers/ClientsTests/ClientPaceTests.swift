import Clients
import Clock
import Peers
import Settings
import Testing
import Transport

/// Clients that send bodies, or take what waits for them, too slowly.
@Suite struct ClientPaceTests {
    /// A client whose body is read.
    private func uploading(_ fields: String = "Accept: a") throws -> ClientDialogue {
        let dialogue = try ClientDialogue(limits: "body_rate 1k over 1s")
        dialogue.useOfRequests = .request(wantsInput: true)
        dialogue.readsRequest = true
        dialogue.duty.body = .wanted
        dialogue.send(.post("/a", "Content-Length: 1000000000", fields))
        #expect(try dialogue.hear() == ["POST /a"])
        try dialogue.request.wantBody(atMost: .max)
        dialogue.connection.beginExchange()
        return dialogue
    }

    @Test func `who sends nothing of a body that is wanted is too slow`() throws {
        #expect(try uploading().hear() == ["sends too slowly"])
    }

    @Test func `who sends fast enough is not, however long that takes`() throws {
        let dialogue = try uploading()
        dialogue.mark(after: .milliseconds(2300))
        let kilobyte = String(repeating: ".", count: 1024)
        var words: [String] = []
        while !words.contains(where: { !$0.hasPrefix("data ") }) {
            words += try dialogue.hear(sending: kilobyte)
        }
        #expect(words.last { !$0.hasPrefix("data ") } == "due heartbeat")
    }

    @Test func `no time of a client's runs while its body is held back, or waits to be asked for`()
        throws
    {
        let held = try uploading()
        held.duty.body = .heldBack
        held.use = .request(wantsInput: false)
        let asking = try uploading("Expect: 100-continue")
        let unread = try uploading()
        unread.use = .request(wantsInput: false)
        let dialogues = [held, asking, unread]
        for dialogue in dialogues { dialogue.mark(after: .milliseconds(1400)) }
        for heard in try ClientDialogue.hear(all: dialogues) {
            #expect(heard.words == ["due heartbeat"])
        }
        asking.request.allowBody()
        held.duty.body = .wanted
        held.use = .request(wantsInput: true)
        for heard in try ClientDialogue.hear(all: [held, asking]) {
            #expect(heard.words == ["sends too slowly"])
        }
    }

    /// A client that has not taken all of an answer, and takes nothing.
    private func downloading(
        _ change: (ClientDialogue) -> Void = { _ in }
    ) throws -> ClientDialogue {
        let dialogue = try ClientDialogue(limits: "response_rate 1k over 1s")
        dialogue.useOfRequests = .request(wantsInput: true)
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        change(dialogue)
        dialogue.client.isReading = false
        dialogue.begin(length: 100_000_000)
        let octets = ClientDialogue.large
        dialogue.request.send(octets.span)
        return dialogue
    }

    @Test func `who takes nothing of what waits is too slow, between requests as well`() throws {
        let within = try downloading()
        let between = try ClientDialogue(limits: "response_rate 1k over 1s")
        between.send(.get("/a"))
        #expect(try between.hear() == ["GET /a"])
        #expect(between.answerAtLength() == [])
        #expect(between.connection.isBetweenRequests)
        let patient = try downloading { $0.duty.slow = .wait }
        patient.mark(after: .milliseconds(1500))
        let heard = try ClientDialogue.hear(all: [within, between, patient])
        #expect(heard[0].words == ["takes too slowly"])
        #expect(heard[1].words == ["takes too slowly"])
        #expect(heard[2].words == ["due heartbeat"])
        // What it has waited so far is another matter for what comes now.
        between.connection.forgetTaking()
        #expect(between.turn() == [])
        #expect(try between.hear() == ["takes too slowly"])
    }

    @Test func `an event stream, and a tunnel, begin with their own time`() throws {
        let stream = try downloading()
        let tunnel = try downloading()
        _ = (stream.turn(), tunnel.turn())
        let dialogues = [stream, tunnel]
        for dialogue in dialogues { dialogue.mark(after: .milliseconds(600)) }
        for heard in try ClientDialogue.hear(all: dialogues) {
            #expect(heard.words == ["due heartbeat"])
        }
        stream.request.becomeEventStream(userTimeoutMilliseconds: 10_000)
        tunnel.connection.beginTunnel()
        for dialogue in dialogues { dialogue.duty.slow = .wait }
        for dialogue in dialogues {
            _ = dialogue.turn()
            dialogue.mark(after: .milliseconds(900))
        }
        for heard in try ClientDialogue.hear(all: dialogues) {
            #expect(heard.words == ["due heartbeat"])
        }
    }

    @Test func `who takes what waits is not too slow, and is told when it is taken`() throws {
        let dialogue = try downloading()
        _ = dialogue.turn()
        #expect(dialogue.connection.isBlocked)
        dialogue.client.isReading = true
        var words: [String] = []
        while dialogue.request.waiting > 0 { words += try dialogue.hear() }
        #expect(Set(words) == ["drained"])
        dialogue.attend()
        #expect(!dialogue.connection.isBlocked)
        dialogue.mark(after: .milliseconds(1400))
        #expect(try dialogue.hear(through: "due heartbeat") == ["due heartbeat"])
    }
}
