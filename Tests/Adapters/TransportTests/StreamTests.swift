import Bytes
import Glibc
import Peers
import Testing
import Transport

/// Streams without TLS; most of it over TCP and over a Unix socket.
@Suite struct StreamTests {
    enum Kind: CaseIterable, Sendable { case tcp, unix }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func pair(_ kind: Kind) throws -> (accepted: StreamDriver, connected: StreamDriver) {
        let listener =
            switch kind {
            case .tcp: try Listener.loopback()
            case .unix: try Listener(.unix(path: folder.path("a.sock")))
            }
        let (accepted, connected) = try listener.pair()
        return (try StreamDriver(accepted), try StreamDriver(connected))
    }

    // MARK: Exchange

    @Test(arguments: Kind.allCases)
    func `octets arrive as they were sent`(kind: Kind) throws {
        let (near, far) = try pair(kind)
        #expect(near.stream.isEstablished)
        #expect(near.send("hello"))
        #expect(near.send([UInt8]()))
        #expect(near.send(", world"))
        try far.run { $0.text == "hello, world" }
        far.send("back")
        try near.run { $0.text == "back" }
        #expect(near.stream.pendingCount == 0)
    }

    @Test(arguments: Kind.allCases)
    func `what is looked at is there until it is skipped`(kind: Kind) throws {
        let (near, far) = try pair(kind)
        let buffer = ReadBuffer()
        #expect(far.stream.peek(into: buffer, limit: 4) == .octets(0))
        near.send("header, and more")
        #expect(poll(far.stream.descriptor.number))
        for _ in 0..<2 {
            #expect(far.stream.peek(into: buffer, limit: 4) == .octets(4))
            let shown = buffer.octets.array
            #expect(shown == Array("head".utf8))
        }
        far.stream.skip(8, with: buffer)
        far.stream.skip(0, with: buffer)
        try far.run { $0.text == "and more" }
        near.stream.finishSending()
        #expect(poll(far.stream.descriptor.number))
        #expect(far.stream.peek(into: buffer, limit: 4) == .end(0))
        far.stream.skip(1, with: buffer)
    }

    /// There is something to read, soon.
    private func poll(_ number: Int32) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        // One entry, as its count says.
        return unsafe Glibc.poll(&entry, 1, 20_000) == 1
    }

    @Test func `a stream knows where the other side is connected to`() throws {
        let listener = try Listener.loopback()
        let (accepted, _) = try listener.pair()
        #expect(accepted.localAddress == listener.address)
        let path = folder.path("a.sock")
        let (other, _) = try Listener(.unix(path: path)).pair()
        #expect(other.localAddress == .unix(path: path))
    }

    @Test func `without octets there is nothing to receive`() throws {
        let (near, far) = try Listener.loopback().pair()
        let buffer = ReadBuffer()
        #expect(near.receive(into: buffer) == .octets(0))
        #expect(buffer.count == 0)
        #expect(far.pendingCount == 0)
    }

    @Test(arguments: Kind.allCases)
    func `a look takes nothing away`(kind: Kind) throws {
        let (near, far) = try pair(kind)
        #expect(far.stream.peek() == .quiet)
        near.send("hello")
        for _ in 0..<2 {
            #expect(far.stream.peek() == .octets)
            #expect(far.stream.peek(3) == [UInt8]("hel".utf8))
            #expect(far.stream.peek(9) == [UInt8]("hello".utf8))
        }
        try far.run { $0.text == "hello" }
        #expect(far.stream.peek() == .quiet)
        near.send("!")
        near.stream.finishSending()
        #expect(far.stream.peek() == .octets, "the end is behind them")
        try far.run { $0.ending != nil }
        #expect(far.stream.peek() == .end)
        #expect(far.stream.peek(9) == [])
        far.stream.close()
        #expect(far.stream.peek() == .broken)
    }

    @Test(arguments: Kind.allCases)
    func `what was not received is counted, without the end behind it`(kind: Kind) throws {
        let (near, far) = try pair(kind)
        #expect(far.stream.unreadCount == 0)
        near.send("hello")
        near.send("!")
        #expect(far.stream.unreadCount == 6)
        near.stream.finishSending()
        #expect(far.stream.unreadCount == 6)
        try far.run { $0.ending != nil }
        #expect(far.stream.unreadCount == 0)
        far.stream.close()
        #expect(far.stream.unreadCount == .max, "it cannot be told")
        #expect(!near.stream.ask(), "without TLS there is no way to ask")
    }

    @Test func `a look sees a reset`() throws {
        let (near, far) = try pair(.tcp)
        near.stream.close(reset: true)
        #expect(far.stream.peek() == .broken)
    }

    @Test(arguments: Kind.allCases)
    func `ten megabytes wait for a reader that does not read, and arrive when it does`(
        kind: Kind
    ) throws {
        let (near, far) = try pair(kind)
        let octets = Octets.pattern(10 << 20)
        far.isReading = false
        #expect(near.send(octets))
        let waiting = near.stream.pendingCount
        // The kernel takes some, never all of it.
        #expect(waiting > 1 << 20 && waiting < octets.count)
        #expect(near.send("the end"))
        #expect(near.stream.pendingCount == waiting + 7)
        far.isReading = true
        try StreamDriver.run(near, far) { far.received.count == octets.count + 7 }
        #expect(near.stream.pendingCount == 0)
        #expect(far.received.dropLast(7).elementsEqual(octets))
        #expect(far.received.suffix(7).elementsEqual("the end".utf8))
    }

    // MARK: Ends

    @Test(arguments: Kind.allCases)
    func `an end of sending leaves the other direction open`(kind: Kind) throws {
        let (near, far) = try pair(kind)
        near.send("question")
        near.stream.finishSending()
        near.stream.finishSending()
        #expect(!near.send("more"))
        try far.run { $0.ending != nil }
        #expect(far.ending == .end(0))
        #expect(far.text == "question")
        #expect(far.send("answer"))
        far.stream.finishSending()
        try near.run { $0.ending != nil }
        #expect(near.text == "answer")
        // The end is told as often as it is asked for.
        let buffer = ReadBuffer()
        #expect(near.stream.receive(into: buffer) == .end(0))
        #expect(near.stream.receive(into: buffer) == .end(0))
    }

    @Test(arguments: Kind.allCases)
    func `an end of sending waits for what waits`(kind: Kind) throws {
        let (near, far) = try pair(kind)
        let octets = Octets.pattern(8 << 20)
        near.send(octets)
        near.stream.finishSending()
        #expect(near.stream.pendingCount > 0)
        try StreamDriver.run(near, far) { far.ending != nil }
        #expect(far.ending == .end(0))
        #expect(far.hasReceived(octets))
        #expect(near.stream.pendingCount == 0)
    }

    @Test func `closing loses what waits, and the other side sees an end or a reset`() throws {
        let (near, far) = try pair(.tcp)
        near.send(Octets.pattern(8 << 20))
        near.stream.close()
        #expect(near.stream.pendingCount == 0)
        try far.run { $0.ending != nil }
        #expect(far.received.count < 8 << 20)
    }

    @Test func `a closed stream does nothing any more, least of all to whoever has its number`()
        throws
    {
        let (near, _) = try Listener.loopback().pair()
        near.close()
        #expect(near.descriptor.number == -1)
        near.close(reset: true)
        near.finishSending()
        near.setUserTimeout(milliseconds: 100)
        let wasSent = near.send("a".utf8.span)
        #expect(!wasSent)
        #expect(!near.flush())
        #expect(near.receive(into: ReadBuffer()) == .failed(.connection))
        #expect(throws: SystemError.self) { try near.finishConnecting() }
    }

    @Test(arguments: [true, false])
    func `a reset is a failure, for good`(wasReading: Bool) throws {
        let (near, far) = try pair(.tcp)
        far.stream.close(reset: true)
        if wasReading {
            try near.run { $0.ending != nil }
            #expect(near.ending == .failed(.connection))
        }
        while near.send("into the void") {}
        #expect(!near.stream.flush())
        #expect(!near.send("again"))
        // Whatever it tried before: nothing is kept for nobody.
        #expect(near.stream.pendingCount == 0)
    }

    @Test func `a reader that goes away breaks a stream with a full queue`() throws {
        let (near, far) = try pair(.tcp)
        near.send(Octets.pattern(8 << 20))
        #expect(near.stream.pendingCount > 0)
        far.stream.close(reset: true)
        try near.run { $0.isBroken || $0.ending == .failed(.connection) }
        #expect(!near.stream.flush())
        near.stream.finishSending()
    }

    @Test func `a close with unread octets is told as a reset, after what came before`() throws {
        let (near, far) = try pair(.tcp)
        near.send("unread")
        far.send("last words")
        try near.run { $0.text == "last words" }
        far.stream.close()
        try near.run { $0.ending != nil }
        #expect(near.ending == .failed(.connection))
    }

    // MARK: Connecting

    @Test func `what a write was told of a reset is not taken for a proper end`() throws {
        let (near, far) = try pair(.tcp)
        let buffer = ReadBuffer()
        far.send("said before")
        #expect(poll(near.stream.descriptor.number))
        far.stream.close(reset: true)
        while near.stream.send("more".utf8.span) {}
        #expect(near.stream.receive(into: buffer) == .octets(11))
        #expect(near.stream.receive(into: buffer) == .failed(.connection))
    }

    @Test func `a proper end stays one whatever becomes of what is sent`() throws {
        let (near, far) = try pair(.tcp)
        let buffer = ReadBuffer()
        far.send("all of it")
        far.stream.close()
        // The first octets are answered with a reset.
        while near.stream.send("more".utf8.span) {}
        #expect(near.stream.receive(into: buffer) == .octets(9))
        #expect(near.stream.receive(into: buffer) == .end(0))
    }

    @Test func `a connection is made in the background`() throws {
        let listener = try Listener.loopback()
        let (stream, isConnected) = try Stream.connect(to: listener.address)
        if !isConnected {
            let poller = try Poller()
            try poller.add(stream.descriptor.number, token: 1, interest: .writable)
            try #require(poller.wait(milliseconds: 5_000) == 1)
            #expect(poller.event(0).readiness == .writable)
        }
        try stream.finishConnecting()
        let served = try StreamDriver(Stream(try listener.next()))
        stream.send("hello".utf8.span)
        try served.run { $0.text == "hello" }
    }

    @Test func `a port where nobody listens refuses`() throws {
        let listener = try Listener.loopback()
        let address = listener.address
        listener.descriptor.close()
        do throws(SystemError) {
            let stream = try Stream.connect(to: address).stream
            let poller = try Poller()
            try poller.add(stream.descriptor.number, token: 1, interest: .writable)
            #expect(poller.wait(milliseconds: 5_000) == 1)
            try stream.finishConnecting()
            Issue.record("connected to nobody")
        } catch {
            #expect(error == SystemError("connect", code: ECONNREFUSED))
        }
    }

    @Test(arguments: [true, false])
    func `a path where nobody listens refuses at once`(exists: Bool) throws {
        let address = SocketAddress.unix(path: folder.path("a.sock"))
        if exists { try Listener(address).descriptor.close() }
        let error = #expect(throws: SystemError.self) { try Stream.connect(to: address) }
        #expect(error?.code == (exists ? ECONNREFUSED : ENOENT))
    }

    @Test func `unacknowledged octets break the connection after the time set`() throws {
        let (near, _) = try Listener.loopback().pair()
        near.setUserTimeout(milliseconds: 1_234)
        var value: Int32 = 0
        var size = socklen_t(4)
        // The result is an int of four octets.
        let result = unsafe getsockopt(
            near.descriptor.number, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &value, &size)
        #expect(result == 0)
        #expect(value == 1_234)
    }
}
