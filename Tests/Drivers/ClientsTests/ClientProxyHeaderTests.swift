import Clients
import Peers
import Rates
import TLS
import Testing
import Transport

/// Connections that trusted proxies hand on.
@Suite struct ClientProxyHeaderTests {
    private static let listener = "listen 127.0.0.1:1 { proxy_protocol on }"
    private static let trust = "trust 10.0.0.0/8"
    private static let line = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n"
    private static let told = "proxied 192.0.2.1:1000"

    private func dialogue(from address: String = "10.0.0.1") throws -> ClientDialogue {
        try ClientDialogue(
            Self.listener, limits: "request_head 200ms", rest: Self.trust, from: address)
    }

    @Test(arguments: [1, 5, 1000])
    func `the header is read however it comes, and not an octet beyond it`(size: Int) throws {
        let dialogue = try ClientDialogue(Self.listener, rest: Self.trust, from: "10.0.0.1")
        #expect(dialogue.connection.origin.addressText == "10.0.0.1")
        let octets = Array((Self.line + .get("/a")).utf8)
        var words: [String] = []
        for start in stride(from: 0, to: octets.count, by: size) {
            dialogue.client.send(Array(octets[start..<min(start + size, octets.count)]))
            words += try dialogue.lookAtClient()
        }
        while words.count < 2 { words += try dialogue.hear() }
        #expect(words == [Self.told, "GET /a"])
        #expect(dialogue.request.origin.addressText == "192.0.2.1")
        #expect(dialogue.request.serverAddress?.text == "192.0.2.2:443")
        #expect(!dialogue.request.origin.isSecure)
        #expect(dialogue.answer("for whom it speaks") == [])
        _ = try dialogue.clientHears("for whom it speaks")
    }

    @Test func `of the proxy's own connection the socket's address counts`() throws {
        let dialogue = try dialogue()
        dialogue.send("PROXY UNKNOWN\r\n" + .get("/a"))
        #expect(try dialogue.hear(through: "GET /a") == ["proxied 10.0.0.1:7", "GET /a"])
        #expect(dialogue.request.serverAddress?.text.hasPrefix("127.0.0.1:") == true)
    }

    @Test func `from others a header is a malformed request`() throws {
        let dialogue = try dialogue(from: "203.0.113.1")
        dialogue.send(Self.line)
        #expect(try dialogue.hear() == ["unreadable 400"])
        #expect(dialogue.connection.origin.addressText == "203.0.113.1")
    }

    @Test(
        arguments: [
            (String.get("/a"), "it sent no PROXY header"),
            ("PROXY TCP4 192.0.2.1 x 1 2\r\n", "its PROXY header is malformed (version 1)"),
            ("PROXY " + String(repeating: "a", count: 200), "its PROXY header is too long"),
        ])
    func `without a proper header nothing is read`(text: String, reason: String) throws {
        let dialogue = try dialogue()
        dialogue.send(text)
        #expect(try dialogue.hear() == ["without header: \(reason)"])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .failed(.connection))
        #expect(dialogue.client.received == [])
    }

    @Test func `a header that does not become whole ends without a word`() throws {
        let ended = try dialogue()
        ended.send("PROXY TCP4")
        #expect(try ended.lookAtClient() == [])
        ended.finishSending()
        #expect(try ended.hear() == ["over with reset"])
        let late = try dialogue()
        late.send("PROXY TCP4")
        #expect(try late.hear() == ["over"])
        #expect(late.client.received == [])
        // Who sends no octet has no more time.
        #expect(try dialogue().hear() == ["over"])
    }

    @Test func `behind a header the request has the time that is left, then that of a head`() throws
    {
        let dialogue = try dialogue()
        dialogue.send(Self.line)
        #expect(try dialogue.hear() == [Self.told])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        let partial = try self.dialogue()
        partial.send(Self.line + "GET ")
        #expect(try partial.hear() == [Self.told])
        #expect(try partial.hear() == ["head timed out"])
    }

    @Test func `a place in the count of an address is given back at the end`() throws {
        let table = ConnectionTable()
        let lease = try #require(table.enter(1, most: 1))
        let dialogue = try ClientDialogue(
            Self.listener, rest: Self.trust, from: "10.0.0.1", lease: lease)
        #expect(table.count(of: 1) == 1)
        dialogue.send(Self.line)
        #expect(try dialogue.hear() == [Self.told])
        let other = try #require(table.enter(2, most: 1))
        dialogue.connection.admitted(dialogue.connection.origin, other)
        #expect(dialogue.connection.close())
        #expect(table.count(of: 2) == 0)
    }

    @Test func `TLS may follow a header`() throws {
        let (authority, files) = try ClientTLSTests.made.get()
        let dialogue = try ClientDialogue(
            "listen 127.0.0.1:1 { proxy_protocol on; \(ClientTLSTests.tls) }", rest: Self.trust,
            others: files, from: "10.0.0.1", before: Array(Self.line.utf8)
        ) { try ClientTLSTests.client($0, believing: authority) }
        #expect(try dialogue.hear() == [Self.told])
        _ = try dialogue.run { $0.stream.isEstablished }
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["GET /a"])
        #expect(dialogue.request.origin.isSecure && dialogue.request.isTLS)
        #expect(dialogue.request.origin.addressText == "192.0.2.1")
    }
}
