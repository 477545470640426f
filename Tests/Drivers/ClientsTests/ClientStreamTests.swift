import Bytes
import Clients
import Endings
import HTTP1
import Peers
import Testing

/// What whoever serves a request reads and writes, whatever connection carries it.
@Suite struct ClientStreamTests {
    private func asked(_ head: String = .get("/a")) throws -> ClientDialogue {
        let dialogue = try ClientDialogue()
        dialogue.send(head)
        #expect(try dialogue.hear().count == 1)
        return dialogue
    }

    private func write(_ pieces: [String], to dialogue: ClientDialogue) {
        for piece in pieces { dialogue.request.send(piece.utf8.span) }
        dialogue.request.end()
        dialogue.request.flush()
    }

    // MARK: Bodies of answers

    @Test func `a body of unknown length goes in chunks`() throws {
        let dialogue = try asked()
        dialogue.begin(length: nil)
        write(["one", "", "three"], to: dialogue)
        _ = try dialogue.clientHears("3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")
        #expect(dialogue.client.text.contains("Transfer-Encoding: chunked\r\n"))
        #expect(!dialogue.client.text.contains("Content-Length"))
    }

    @Test func `pieces of all sizes keep their order`() throws {
        let dialogue = try asked()
        // The middle one is sent for itself, and not behind the others.
        let pieces = ["<", String(repeating: "x", count: 20_000), ">"]
        dialogue.begin(length: 20_002)
        write(pieces, to: dialogue)
        _ = try dialogue.clientHears("x>")
        #expect(dialogue.client.text.hasSuffix("\r\n\r\n" + pieces.joined()))
    }

    @Test func `nothing is sent before it is flushed`() throws {
        let dialogue = try asked()
        dialogue.begin(length: 2)
        #expect(dialogue.request.waiting == 0)
        #expect(try dialogue.lookAtNothing() == "")
        write(["ok"], to: dialogue)
        _ = try dialogue.clientHears("\r\n\r\nok")
    }

    @Test func `HEAD is answered with all but the body`() throws {
        let dialogue = try asked("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n")
        dialogue.begin(length: 5)
        write(["hello"], to: dialogue)
        _ = try dialogue.clientHears("\r\n\r\n")
        #expect(dialogue.client.text.contains("Content-Length: 5\r\n"))
        #expect(dialogue.goOn() == [])
        dialogue.send(.get("/b"))
        #expect(try dialogue.hear() == ["GET /b"])
    }

    @Test func `an answer that breaks off is seen to lack some`() throws {
        let dialogue = try asked()
        dialogue.begin(length: nil)
        dialogue.request.send("abc".utf8.span)
        dialogue.request.flush()
        dialogue.request.breakOff()
        #expect(dialogue.request.isLast)
        #expect(dialogue.goOn().first?.hasPrefix("over") == true)
        try dialogue.client.run { $0.ending != nil }
        #expect(!dialogue.client.text.hasSuffix("0\r\n\r\n"))
    }

    // MARK: Bodies of requests

    @Test func `a body that says it is too large is refused before it is read`() throws {
        let dialogue = try asked(.post("/a", "Content-Length: 100"))
        #expect(dialogue.request.lacksBody)
        let refusal = #expect(throws: Refusal.self) {
            try dialogue.request.wantBody(atMost: 99)
        }
        #expect(refusal?.status == 413)
        try dialogue.request.wantBody(atMost: 100)
    }

    @Test func `who asks whether to send its body is told once`() throws {
        let dialogue = try asked(.post("/a", "Content-Length: 4", "Expect: 100-continue"))
        dialogue.readsRequest = true
        try dialogue.request.wantBody(atMost: 4)
        dialogue.request.allowBody()
        dialogue.request.allowBody()
        _ = try dialogue.clientHears("\r\n\r\n")
        dialogue.send("body")
        #expect(try dialogue.hear(through: "end") == ["data body", "end"])
        #expect(dialogue.client.text == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(!dialogue.request.lacksBody)
    }

    @Test func `what a body lacks is known while it comes`() throws {
        let dialogue = try asked(.post("/a", "Content-Length: 10"))
        dialogue.readsRequest = true
        try dialogue.request.wantBody(atMost: 10)
        dialogue.send("1234")
        #expect(try dialogue.hear() == ["data 1234"])
        #expect(dialogue.request.missingBody(hasAllCome: true) != nil)
        dialogue.send("567890")
        #expect(try dialogue.hear(through: "end") == ["data 567890", "end"])
        #expect(dialogue.request.missingBody(hasAllCome: true) == nil)
    }

    @Test func `behind a body that nobody wants no more is read`() throws {
        let dialogue = try asked(.post("/a", "Content-Length: 4"))
        dialogue.request.discardBody()
        #expect(dialogue.request.isLast)
        let octets = Array(("body" + .get("/b")).utf8)
        var index = 0
        dialogue.request.skip(octets.span, at: &index)
        #expect(index == octets.count)
    }

    // MARK: Tunnels

    @Test func `behind a 101 frames go as they are`() throws {
        let dialogue = try asked(.get("/a", "Connection: Upgrade", "Upgrade: websocket"))
        #expect(dialogue.request.beginHead(status: 101))
        #expect(dialogue.request.endHead(length: nil, namesUpgrade: true))
        dialogue.request.flush()
        dialogue.request.sendFrames("one".utf8.span)
        var frames = Array("two".utf8)
        dialogue.request.sendFrames(of: &frames)
        #expect(frames.isEmpty)
        dialogue.request.sendFrames(of: &frames)
        _ = try dialogue.clientHears("\r\n\r\nonetwo")
        // A tunnel has no request behind it whose octets could be thrown away.
        var index = 0
        dialogue.request.skip("three".utf8.span, at: &index)
        #expect(index == 0)
    }
}

extension ClientDialogue {
    /// What the client has, a turn later.
    fileprivate func lookAtNothing() throws -> String {
        _ = turn()
        return client.text
    }
}
