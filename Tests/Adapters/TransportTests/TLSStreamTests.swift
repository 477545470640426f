import Peers
import TLS
import Testing
import Transport

/// Streams with TLS, between `openssl s_client` or `curl` and the socket.
@Suite struct TLSStreamTests {
    private let folder: TemporaryFolder
    private let context: TLSContext

    init() throws {
        folder = try TemporaryFolder()
        context = try TLSContext(
            certificate: TLSCertificate(selfSignedFor: "localhost"), hosts: [],
            versions: [.v12, .v13], tickets: TicketKeys())
    }

    // MARK: Exchange

    @Test func `octets go both ways once hands are shaken`() throws {
        let visit = try TLSVisit(to: context, ["-quiet"])
        #expect(!visit.server.stream.isEstablished)
        let wasTakenBefore = visit.server.send("too early")
        #expect(!wasTakenBefore)
        #expect(try visit.shakeHands())
        visit.server.isEchoing = true
        visit.client.write("one\n")
        try visit.server.run { $0.text == "one\n" }
        visit.server.isEchoing = false
        visit.server.send("two\n")
        try visit.finish()
        #expect(visit.client.output.contains("one\ntwo\n"))
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `ten megabytes wait for a client that does not read, and arrive when it does`(
        version: String
    ) throws {
        let visit = try TLSVisit(to: context, ["-quiet", version])
        try visit.shakeHands()
        visit.client.pause()
        let octets = Octets.pattern(10 << 20)
        #expect(visit.server.send(octets))
        #expect(visit.server.stream.pendingCount > 1 << 20)
        #expect(visit.server.send("the end\n"))
        visit.client.goOn()
        try visit.finish()
        #expect(visit.server.stream.pendingCount == 0)
        let suffix = visit.client.outputOctets.suffix(octets.count + 8)
        #expect(isSame(suffix, octets + Array("the end\n".utf8)))
    }

    private func isSame(_ one: ArraySlice<UInt8>, _ other: [UInt8]) -> Bool {
        one[...] == other[...]
    }

    @Test func `a kernel that takes a little at a time cuts records anywhere`() throws {
        let visit = try TLSVisit(to: context, ["-quiet"])
        visit.server.setSmallSendBuffer()
        try visit.shakeHands()
        let octets = Octets.pattern(600_000)
        var rest = octets[...]
        // Odd portions, so that queue and kernel are full at every place of a record.
        while !rest.isEmpty {
            #expect(visit.server.send(Array(rest.prefix(3_001))))
            rest = rest.dropFirst(3_001)
        }
        try visit.finish()
        #expect(isSame(visit.client.outputOctets.suffix(octets.count), octets))
    }

    @Test func `megabytes from a client arrive whole`() throws {
        let octets = Octets.pattern(4 << 20)
        let file = try folder.write(octets, to: "sent")
        let listener = try Listener.loopback()
        let port = listener.address.port ?? 0
        let client = try ChildProcess([
            "sh", "-c",
            "exec openssl s_client -connect 127.0.0.1:\(port) -nocommands < \(file)",
        ])
        let stream = try Stream(listener.next(), tls: context, engine: TLSEngine())
        let server = try StreamDriver(stream)
        try server.run { $0.ending != nil }
        #expect(server.hasReceived(octets))
        if case .end = server.ending {
        } else {
            Issue.record("\(String(describing: server.ending))")
        }
        // Some receives gave more than a socket's read can.
        #expect(server.portions.allSatisfy { $0 <= ReadBuffer.capacity })
        stream.finishSending()
        try client.wait()
    }

    // MARK: What TLS says itself

    private static let keyUpdate = "<<< TLS 1.3, Handshake [length 0005], KeyUpdate"

    @Test func `who asks for new keys is answered at once, though there is nothing to send`() throws
    {
        let visit = try TLSVisit(to: context, ["-tls1_3", "-msg"])
        try visit.shakeHands()
        for count in 1...3 {
            visit.client.write("K\n")
            try visit.server.run { _ in
                try visit.client.checkPatience()
                return visit.client.output.split(separator: "\n").count {
                    $0.hasPrefix(Self.keyUpdate)
                } == count
            }
        }
        #expect(visit.server.received.isEmpty)
        visit.server.isEchoing = true
        visit.client.write("still here\n")
        try visit.server.run { _ in visit.client.output.contains("still here\n") }
        try visit.finish()
    }

    private static let ticket = "<<< TLS 1.3, Handshake"

    @Test func `a client is asked whether it is there, and its program does not notice`() throws {
        let visit = try TLSVisit(to: context, ["-tls1_3", "-msg"])
        try visit.shakeHands()
        func tickets() -> Int {
            visit.client.output.split(separator: "\n").count {
                $0.hasPrefix(Self.ticket) && $0.hasSuffix("NewSessionTicket")
            }
        }
        for count in 2...4 {
            try visit.server.run { _ in
                try visit.client.checkPatience()
                return tickets() == count - 1
            }
            let wasAsked = visit.server.stream.ask()
            #expect(wasAsked)
        }
        visit.server.isEchoing = true
        visit.client.write("still here\n")
        try visit.server.run { _ in visit.client.output.contains("still here\n") }
        visit.server.isEchoing = false
        try visit.finish()
        let wasAsked = visit.server.stream.ask()
        #expect(!wasAsked, "nothing may follow our close_notify")
    }

    @Test func `a client that has gone answers with a reset, whatever of its own is not received`()
        throws
    {
        let visit = try TLSVisit(to: context, ["-tls1_3", "-quiet"])
        try visit.shakeHands()
        visit.server.isReading = false
        visit.client.end()
        try visit.server.run { _ in !visit.client.isRunning }
        // The reset is told to whoever sends or looks next, once.
        try visit.server.run { !$0.stream.ask() || $0.stream.peek() == .broken }
    }

    @Test func `before TLS 1.3, and in a handshake, nobody can be asked`() throws {
        let early = try TLSVisit(to: context, ["-quiet"])
        let wasAskedEarly = early.server.stream.ask()
        #expect(!wasAskedEarly)
        let visit = try TLSVisit(to: context, ["-tls1_2", "-quiet"])
        try visit.shakeHands()
        let wasAsked = visit.server.stream.ask()
        #expect(!wasAsked)
        visit.server.send("goes on\n")
        try visit.finish()
        #expect(visit.client.output.contains("goes on\n"))
    }

    @Test func `new keys that nobody asks to be answered are not answered`() throws {
        let visit = try TLSVisit(to: context, ["-tls1_3", "-msg"])
        try visit.shakeHands()
        visit.server.isEchoing = true
        visit.client.write("k\n")
        let own = Self.keyUpdate.replacing("<<<", with: ">>>")
        try visit.server.run { _ in visit.client.output.contains(own) }
        visit.client.write("text\n")
        try visit.server.run { _ in visit.client.output.contains("text\n") }
        #expect(!visit.client.output.contains(Self.keyUpdate))
        try visit.finish()
    }

    @Test func `the answer waits behind what a client has not taken`() throws {
        let visit = try TLSVisit(to: context, ["-tls1_3", "-msg"])
        try visit.shakeHands()
        visit.client.pause()
        visit.server.send([UInt8](repeating: 0x61, count: 8 << 20))
        let waiting = visit.server.stream.pendingCount
        #expect(waiting > 0)
        visit.client.goOn()
        visit.client.write("K\n")
        try visit.server.run { _ in visit.client.output.contains(Self.keyUpdate) }
        #expect(visit.server.stream.pendingCount == 0)
        try visit.finish()
    }

    // MARK: Ends

    @Test func `an end of sending waits for what waits, and is said inside TLS`() throws {
        let visit = try TLSVisit(to: context, ["-quiet", "-msg"])
        try visit.shakeHands()
        visit.client.pause()
        // Text, because it is looked for below.
        visit.server.send([UInt8](repeating: 0x61, count: 8 << 20))
        visit.server.stream.finishSending()
        #expect(visit.server.stream.pendingCount > 0)
        let wasTaken = visit.server.send("more")
        #expect(!wasTaken)
        visit.client.goOn()
        try visit.finish()
        #expect(visit.client.output.contains("warning close_notify"))
    }

    @Test func `a client that says close_notify still gets its answer`() throws {
        let visit = try TLSVisit(to: context, ["-quiet"], input: "question\n")
        try visit.server.run { $0.text == "question\n" }
        visit.client.closeInput()
        // -quiet: s_client goes on reading after the end of its input.
        #expect(visit.server.send("answer\n"))
        try visit.finish()
        #expect(visit.client.output.contains("answer\n"))
    }

    @Test func `a client that goes away without a word ends the stream`() throws {
        let visit = try TLSVisit(to: context, ["-quiet"])
        try visit.shakeHands()
        visit.client.end()
        try visit.server.run { $0.ending != nil }
        #expect(visit.server.ending == .end(0) || visit.server.ending == .failed(.connection))
        // It is noticed by sending at the latest.
        let octets = Octets.pattern(1 << 20)
        var attempts = 0
        while visit.server.send(octets), attempts < 100 { attempts += 1 }
        #expect(attempts < 100)
        #expect(visit.server.stream.pendingCount == 0)
        visit.server.stream.finishSending()
        visit.server.stream.close()
    }

    @Test func `a reset in the middle of everything is a failure`() throws {
        let (served, connected) = try Listener.loopback().pair(tls: context)
        // The beginning of a hello.
        connected.send([0x16, 0x03, 0x01, 0x02].span)
        let server = try StreamDriver(served)
        try server.run { _ in connected.pendingCount == 0 }
        connected.close(reset: true)
        try server.run { $0.ending != nil }
        #expect(server.ending == .failed(.connection))
        #expect(!served.flush())
    }

    @Test func `closing early leaves nothing for the next stream of the engine`() throws {
        let engine = TLSEngine()
        let first = try TLSVisit(to: context, engine: engine, ["-quiet"])
        try first.shakeHands()
        first.client.pause()
        first.server.send(Octets.pattern(1 << 20))
        first.server.stream.close()
        first.client.goOn()
        let second = try TLSVisit(to: context, engine: engine, ["-quiet"])
        try second.shakeHands()
        second.server.send("second\n")
        try second.finish()
        #expect(second.client.output.hasSuffix("second\n"))
        try first.client.wait()
    }

    // MARK: What is no TLS

    @Test(arguments: [100, 3 << 20])
    func `a client that speaks plain HTTP can be told so`(size: Int) throws {
        let file = try folder.write(Octets.pattern(size), to: "body")
        let listener = try Listener.loopback()
        let port = listener.address.port ?? 0
        let client = try ChildProcess([
            "curl", "-sS", "--max-time", "15", "-H", "Expect:", "--data-binary", "@\(file)",
            "http://127.0.0.1:\(port)/",
        ])
        let stream = try Stream(listener.next(), tls: context, engine: TLSEngine())
        let server = try StreamDriver(stream)
        try server.run { $0.ending != nil }
        #expect(server.ending == .failed(.tls(.plainHTTP)))
        let answer =
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n"
            + "Connection: close\r\n\r\nHTTPS!"
        System.write(answer.utf8.span, to: stream.descriptor.number)
        stream.finishSending()
        // What still comes is read and thrown away, or the answer would be lost to a reset.
        let buffer = ReadBuffer()
        while client.isRunning {
            try client.checkPatience()
            let result = stream.receive(into: buffer)
            #expect(result == .octets(0) || result == .end(0))
        }
        #expect(client.output == "HTTPS!")
        let wasTaken = stream.send("encrypted?".utf8.span)
        #expect(!wasTaken)
    }

    @Test func `whoever speaks something else gets an alert, then the end`() throws {
        let (served, connected) = try Listener.loopback().pair(tls: context)
        let (server, client) = (try StreamDriver(served), try StreamDriver(connected))
        client.send([0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00])
        try server.run { $0.ending != nil }
        #expect(server.ending == .failed(.tls(.protocolError)))
        served.finishSending()
        try client.run { $0.ending != nil }
        #expect(client.ending == .end(0))
        // RFC 8446 §6: content type 21, level fatal.
        #expect(client.received.first == 21)
        #expect(client.received.count == 7)
        #expect(client.received.dropFirst(5).first == 2)
    }
}
