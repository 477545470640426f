import Clients
import Clock
import HTTP1
import Loop
import Peers
import TLS
import Testing
import Transport

/// Clients of listeners that speak TLS.
@Suite struct ClientTLSTests {
    static let tls = "tls { certificate chain.pem; key chain.key }"

    /// Whom clients believe, and the files of a configuration.
    static let made = Result {
        let authority = try CertificateAuthority()
        let identity = try authority.issue("localhost")
        let files = ["chain.pem": identity.certificate, "chain.key": identity.key]
        return (authority: authority.root.certificate, files: files)
    }

    static func client(_ plain: Stream, believing authority: [UInt8]) throws -> Stream {
        try Stream(
            plain.descriptor, client: TLSClientContext(authority: authority), host: "localhost",
            engine: TLSEngine())
    }

    /// A client that has nothing to do with TLS yet.
    private func raw(limits: String = "") throws -> ClientDialogue {
        try ClientDialogue(
            "listen 127.0.0.1:1 { \(Self.tls) }", limits: limits, others: Self.made.get().files)
    }

    /// A client that has shaken hands.
    static func established(limits: String = "") throws -> ClientDialogue {
        let (authority, files) = try made.get()
        let dialogue = try ClientDialogue(
            "listen 127.0.0.1:1 { \(tls) }", limits: limits, others: files
        ) { try client($0, believing: authority) }
        #expect(try dialogue.run { $0.stream.isEstablished } == [])
        return dialogue
    }

    @Test func `requests are read and answered`() throws {
        let dialogue = try Self.established()
        dialogue.send(.get("/1") + .get("/2"))
        #expect(try dialogue.hear() == ["GET /1", "held"])
        #expect(dialogue.request.isTLS && dialogue.request.origin.isSecure)
        #expect(dialogue.answer("one") == ["GET /2"])
        #expect(dialogue.answer("two") == [])
        _ = try dialogue.clientHears("two")
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
        _ = try dialogue.run { $0.ending != nil }
        #expect(dialogue.client.ending == .end(0))
    }

    @Test(arguments: [[], [0x16, 3, 1, 0, 200, 1], [0x16]] as [[UInt8]])
    func `hands have to be shaken in time`(octets: [UInt8]) throws {
        let dialogue = try raw(limits: "tls_handshake 200ms\nrequest_head 1h")
        dialogue.client.send(octets)
        #expect(try dialogue.hear() == ["over"])
        _ = try dialogue.run { $0.ending != nil }
        #expect(dialogue.client.received == [])
    }

    @Test func `the first head has its time from the handshake on`() throws {
        let dialogue = try Self.established(limits: "tls_handshake 1h\nrequest_head 100ms")
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        let slow = try Self.established(limits: "tls_handshake 200ms\nrequest_head 1h")
        slow.mark(after: .milliseconds(500))
        #expect(try slow.hear() == ["due heartbeat"], "the handshake is over")
    }

    @Test func `who speaks HTTP instead is told, unencrypted`() throws {
        let dialogue = try raw()
        dialogue.send(.get("/a"))
        #expect(try dialogue.hear() == ["plain HTTP"])
        dialogue.request.sendUnencrypted("HTTP/1.1 400 Bad Request\r\n\r\n".utf8.span)
        #expect(dialogue.ended(dialogue.connection.finish()) == [])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        #expect(dialogue.client.text == "HTTP/1.1 400 Bad Request\r\n\r\n")
    }

    @Test func `who speaks neither reads why in an alert`() throws {
        let dialogue = try raw()
        dialogue.client.send([0x16, 3, 1, 0, 4, 1, 0, 0, 0])
        #expect(try dialogue.run { $0.ending != nil } == [])
        #expect(dialogue.client.ending == .end(0))
        // The content type of alerts (RFC 8446 §5.1).
        #expect(dialogue.client.received.first == 21)
        dialogue.finishSending()
        #expect(try dialogue.hear() == ["over"])
    }

    @Test(arguments: [true, false])
    func `a record that is none ends the connection, and what is done for it`(
        isInUse: Bool
    ) throws {
        let dialogue = try Self.established()
        if isInUse {
            dialogue.send(.get("/a"))
            #expect(try dialogue.hear() == ["GET /a"])
        }
        Stream(dialogue.client.stream.descriptor).send([23, 3, 3, 0, 3, 1, 2, 3].span)
        if isInUse {
            #expect(try dialogue.hear() == ["lost"])
        } else {
            #expect(try dialogue.run { $0.ending != nil } == [])
            #expect(!dialogue.connection.isBetweenRequests)
        }
    }

    @Test func `requests that come with the end of the input are served, however much waits`()
        throws
    {
        let dialogue = try Self.established()
        dialogue.send(.get("/1"))
        #expect(try dialogue.hear() == ["GET /1"])
        #expect(dialogue.answerAtLength() == [])
        _ = dialogue.turn()
        // One segment, so that both are received at once.
        dialogue.send(.get("/2"))
        dialogue.finishSending()
        var words = try dialogue.lookAtClient()
        #expect(dialogue.connection.isHolding)
        dialogue.client.isReading = true
        while !words.contains("GET /2"), words.last != "over" { words += try dialogue.hear() }
        #expect(words.contains("GET /2"))
        #expect(!words.contains("over"))
    }
}
