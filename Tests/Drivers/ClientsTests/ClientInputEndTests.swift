import Clients
import Peers
import Relays
import Testing
import Transport

/// The end of what a client sends, wherever it comes.
@Suite struct ClientInputEndTests {
    @Test(arguments: ["", "GET /a HTT"])
    func `between requests and within a head it ends the connection`(begun: String) throws {
        for isFirst in [true, false] {
            let dialogue = try ClientDialogue()
            if !isFirst {
                dialogue.send(.get("/1"))
                #expect(try dialogue.hear() == ["GET /1"])
                #expect(dialogue.answer() == [])
            }
            dialogue.send(begun)
            dialogue.finishSending()
            #expect(try dialogue.hear() == ["over"])
            _ = try dialogue.run { $0.ending != nil }
            #expect(dialogue.client.ending == .end(0))
        }
    }

    @Test func `what waits is still taken by a client that sends no more`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        #expect(dialogue.answerAtLength() == [])
        dialogue.finishSending()
        #expect(try dialogue.lookAtClient() == [])
        #expect(dialogue.connection.hasInputEnded)
        dialogue.client.isReading = true
        #expect(try dialogue.hear() == ["over"])
        _ = try dialogue.run { $0.ending != nil }
        #expect(dialogue.clientHasLarge)
        #expect(dialogue.client.ending == .end(0))
    }

    @Test func `within a request it is told, and the answer is the last`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1"))
        dialogue.finishSending()
        #expect(try dialogue.hear(through: "input ended") == ["GET /1", "input ended"])
        #expect(dialogue.request.hasInputEnded && dialogue.request.hasFinished)
        #expect(!dialogue.connection.owesInputEnd)
        #expect(dialogue.answer("one") == ["over"])
        _ = try dialogue.clientHears("Connection: close\r\n\r\none")
    }

    @Test func `requests in front of it are served`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1") + .get("/2"))
        dialogue.finishSending()
        let words = try dialogue.hear(through: "input ended")
        #expect(words == ["GET /1", "held", "input ended"])
        // The request at hand has nothing to do with it.
        #expect(!dialogue.connection.owesInputEnd)
        #expect(dialogue.answer("one") == ["GET /2", "input ended"])
        #expect(dialogue.answer("two") == ["over"])
        _ = try dialogue.clientHears("Connection: close\r\n\r\ntwo")
        #expect(dialogue.client.text.contains("Content-Length: 3\r\n\r\none"))
    }

    @Test func `behind octets that nobody reads it is told once`() throws {
        let dialogue = try ClientDialogue()
        dialogue.useOfRequests = .request(wantsInput: false)
        dialogue.send(.post("/a", "Content-Length: 10"))
        #expect(try dialogue.hear() == ["POST /a"])
        #expect(!dialogue.request.hasFinished)
        dialogue.send("0123456789")
        for _ in 0..<5 { #expect(dialogue.turn() == []) }
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["finished unread"])
        #expect(dialogue.request.hasFinished && !dialogue.request.hasInputEnded)
        dialogue.mark(after: .milliseconds(100))
        #expect(try dialogue.hear() == ["due heartbeat"])
        // It is read when somebody wants what comes before it.
        dialogue.readsRequest = true
        try dialogue.request.wantBody(atMost: 10)
        dialogue.use = .request(wantsInput: true)
        let words = try dialogue.hear(through: "input ended")
        #expect(words == ["data 0123456789", "end", "input ended"])
    }

    @Test func `of frames that nobody reads it is not told before it is read`() throws {
        let dialogue = try ClientDialogue()
        dialogue.useOfRequests = .frames(wantsInput: false)
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        dialogue.send("frames")
        dialogue.finishSending()
        dialogue.mark(after: .milliseconds(100))
        #expect(try dialogue.hear() == ["due heartbeat"])
        dialogue.use = .frames(wantsInput: true)
        #expect(try dialogue.hear() == ["held"])
    }

    @Test func `it is looked for behind what is unread when the process stops`() throws {
        let dialogue = try ClientDialogue()
        dialogue.useOfRequests = .request(wantsInput: false)
        dialogue.send(.post("/a", "Content-Length: 300000"))
        #expect(try dialogue.hear() == ["POST /a"])
        let count = 200_000
        dialogue.client.send(Octets.pattern(count))
        #expect(dialogue.turn() == [])
        dialogue.connection.lookAhead()
        dialogue.finishSending()
        let words = try dialogue.hear(through: "input ended")
        #expect(Set(words) == ["held", "input ended"])
        #expect(dialogue.connection.counted >= count)
        // Of the next part nothing is read ahead.
        dialogue.connection.beginPart()
        #expect(dialogue.turn() == [])
    }

    @Test(arguments: [(10, InputEnd.Standing.awaiting), (11, .body)])
    func `what has come and was not used may be the rest of a body`(
        size: Int, standing: InputEnd.Standing
    ) throws {
        for isHeld in [true, false] {
            let dialogue = try ClientDialogue()
            dialogue.useOfRequests = .request(wantsInput: false)
            dialogue.send(.post("/a", "Content-Length: \(size)"))
            #expect(try dialogue.hear() == ["POST /a"])
            dialogue.send("0123456789")
            if isHeld {
                dialogue.use = .waiting
                #expect(try dialogue.hear() == ["held"])
            } else {
                dialogue.finishSending()
                #expect(try dialogue.hear() == ["finished unread"])
            }
            let missing = dialogue.request.missingBody(hasAllCome: false)
            #expect(InputEnd.Standing(missing, isClosed: nil, isAnswered: false) == standing)
            let all = dialogue.request.missingBody(hasAllCome: true)
            #expect(InputEnd.Standing(all, isClosed: nil, isAnswered: false) == .body)
        }
        let whole = try ClientDialogue()
        whole.send(.get("/a"))
        #expect(try whole.hear() == ["GET /a"])
        #expect(whole.request.missingBody(hasAllCome: true) == nil)
    }

    @Test func `a connection that broke is told, also when the client is not read from`() throws {
        for use in [ClientUse.waiting, .request(wantsInput: false), .frames(wantsInput: false)] {
            let dialogue = try ClientDialogue()
            dialogue.useOfRequests = use
            dialogue.send(.get("/a"))
            #expect(try dialogue.hear() == ["GET /a"])
            dialogue.client.stream.close(reset: true)
            #expect(try dialogue.hearWithoutClient() == ["lost"])
        }
        let idle = try ClientDialogue()
        idle.client.stream.close(reset: true)
        #expect(try idle.hearWithoutClient() == ["lost"])
    }

    @Test func `what is closed is closed once, and hears nothing more`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        #expect(dialogue.connection.close(reset: true))
        #expect(!dialogue.connection.close())
        #expect(dialogue.happened(.readable) == [])
        #expect(dialogue.goOn() == [])
        #expect(!dialogue.connection.watch(for: .nothing))
        _ = try dialogue.run { $0.ending != nil }
        #expect(dialogue.client.ending == .failed(.connection))
    }
}
