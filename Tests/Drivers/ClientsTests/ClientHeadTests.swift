import Clients
import Endings
import HTTP1
import Peers
import Relays
import Testing
import Transport

/// Heads of requests, and what comes behind them.
@Suite struct ClientHeadTests {
    @Test(arguments: [1, 2, 7, 1000])
    func `a head is told when it is whole, however it comes`(size: Int) throws {
        let dialogue = try ClientDialogue()
        let octets = Array(String.get("/a").utf8)
        var words: [String] = []
        for start in stride(from: 0, to: octets.count, by: size) {
            #expect(words == [])
            dialogue.client.send(Array(octets[start..<min(start + size, octets.count)]))
            words += try dialogue.lookAtClient()
        }
        #expect(words == ["GET /a"])
        #expect(!dialogue.connection.isBetweenRequests)
    }

    @Test func `requests behind one another wait for the answers, in the order they came`() throws {
        let dialogue = try ClientDialogue()
        dialogue.useOfRequests = .request(wantsInput: true)
        dialogue.send(.get("/1") + .get("/2") + .get("/3"))
        #expect(try dialogue.hear() == ["GET /1", "held"])
        #expect(dialogue.connection.isHolding)
        #expect(dialogue.answer("one") == ["GET /2", "held"])
        // Not read before what is held was used.
        dialogue.send(.get("/4"))
        #expect(dialogue.turn() == [])
        #expect(dialogue.answer("two") == ["GET /3"])
        #expect(!dialogue.connection.isHolding)
        #expect(dialogue.answer("three") == [])
        #expect(dialogue.connection.isBetweenRequests)
        #expect(try dialogue.hear() == ["GET /4"])
        #expect(dialogue.answer("four") == [])
        #expect(try dialogue.clientHears("four") == [])
        let answers = dialogue.client.text.split(separator: "HTTP/1.1 200 OK")
        #expect(
            answers.map { $0.split(separator: "\r\n").last } == ["one", "two", "three", "four"])
    }

    @Test func `octets behind a request that waits are kept in order, and only so many`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.post("/a", "Content-Length: 1000000"))
        #expect(try dialogue.hear() == ["POST /a"])
        try dialogue.request.wantBody(atMost: .max)
        let body = (0..<10_000).map { "[\($0)]" }.joined()
        dialogue.send(body + String(repeating: ".", count: 1_000_000 - body.utf8.count))
        var words: [String] = []
        while dialogue.connection.counted < 16 * 1024 { words += try dialogue.hear() }
        #expect(Set(words) == ["held"])
        for _ in 0..<5 { #expect(dialogue.turn() == []) }
        #expect(dialogue.connection.counted < 16 * 1024 + ReadBuffer.capacity)
        dialogue.readsRequest = true
        dialogue.use = .request(wantsInput: true)
        var text = ""
        var heard = dialogue.resume()
        while heard.last != "end" {
            text += heard.map { $0.dropFirst("data ".count) }.joined()
            heard = try dialogue.hear()
        }
        text += heard.dropLast().map { $0.dropFirst("data ".count) }.joined()
        #expect(text.utf8.count == 1_000_000)
        #expect(text.hasPrefix(body), "octets are lost, or out of order")
    }

    @Test func `nobody is asked for more while too much of his answers waits`() throws {
        let dialogue = try ClientDialogue()
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        #expect(dialogue.answerAtLength() == [])
        #expect(dialogue.request.waiting > Flow.highWater)
        dialogue.send(.get("/2"))
        #expect(try dialogue.lookAtClient() == [])
        #expect(dialogue.connection.isHolding)
        #expect(dialogue.connection.isBetweenRequests)
        dialogue.client.isReading = true
        let words = try dialogue.hear(through: "GET /2")
        #expect(Set(words) == ["drained", "GET /2"])
        #expect(dialogue.request.waiting < Flow.highWater)
        #expect(dialogue.answer("two") == [])
        _ = try dialogue.clientHears("two")
    }

    @Test(
        arguments: [
            ("GET\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            (.get("/" + String(repeating: "a", count: 9000)), 414),
            (.get("/", "A: " + String(repeating: "a", count: 40_000)), 431),
            (.post("/", "Transfer-Encoding: gzip"), 501),
            (.post("/", "Content-Length: 1", "Content-Length: 2"), 400),
        ] as [(String, Int)])
    func `what cannot be read is answered, and nothing behind it is`(
        text: String, status: Int
    ) throws {
        let dialogue = try ClientDialogue()
        dialogue.send(text + .get("/behind"))
        #expect(try dialogue.hear() == ["unreadable \(status)"])
        #expect(dialogue.answer("no", status: status) == [])
        dialogue.send(.get("/later"))
        #expect(try dialogue.run { $0.ending == .end(0) } == [])
        #expect(dialogue.client.text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(dialogue.client.text.hasSuffix("Connection: close\r\n\r\nno"))
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }

    @Test(arguments: [
        (HeadError.targetTooLong, EndReason.tooBig, 414), (.headTooLarge, .tooBig, 431),
        (.tooManyFields, .tooBig, 431), (.missingHost, .protocolError, 400),
        (.unsupportedVersion, .protocolError, 505),
        (.unsupportedTransferCoding, .protocolError, 501),
    ])
    func `how a request ends says what is wrong with it`(
        error: HeadError, reason: EndReason, status: Int
    ) {
        let refusal = RequestError.head(error).refusal
        #expect(refusal.reason == reason && refusal.status == status)
        #expect(refusal.message == error.message)
        #expect(RequestError.bodyTooLarge.refusal.status == 413)
        #expect(RequestError.body(.malformedChunk).refusal.reason == .protocolError)
    }

    @Test func `the limits of the newest configuration hold for a head that begins`() throws {
        let dialogue = try ClientDialogue(limits: "head_size 1k")
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        let large = String.get("/2", "A: " + String(repeating: "a", count: 4096))
        dialogue.newest = try .serving(ClientDialogue.plain, limits: "head_size 8k")
        #expect(dialogue.answer() == [])
        dialogue.send(large)
        #expect(try dialogue.hear() == ["GET /2"])
        #expect(dialogue.answer() == [])
        dialogue.newest = try .serving(ClientDialogue.plain, limits: "head_size 1k")
        dialogue.send(large)
        #expect(try dialogue.hear() == ["unreadable 431"])
    }
}
