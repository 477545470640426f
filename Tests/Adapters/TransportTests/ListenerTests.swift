import Glibc
import Peers
import Testing
import Transport

@Suite struct ListenerTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func connect(_ address: SocketAddress) throws -> Stream {
        try Stream.connect(to: address).stream
    }

    private func accept(_ listener: Listener) -> SocketAddress? {
        if case .accepted(_, let address) = listener.accept() { address } else { nil }
    }

    @Test(arguments: ["127.0.0.1", "::1", "::"])
    func `port 0 becomes a port that can be connected to`(host: String) throws {
        let asked = try #require(SocketAddress(numeric: host, port: 0))
        let listener = try Listener(asked)
        #expect(listener.address.host == host)
        let port = try #require(listener.address.port)
        #expect(port != 0)
        #expect(accept(listener) == nil)
        let reached = try #require(SocketAddress(numeric: host == "::" ? "::1" : host, port: port))
        let client = try StreamDriver(try connect(reached))
        let served = try StreamDriver(Stream(try listener.next()))
        client.send("hello")
        try served.run { $0.text == "hello" }
    }

    @Test func `whoever connects is known by address, an IPv4 one on :: in its own form`() throws {
        let any = try #require(SocketAddress(numeric: "::", port: 0))
        let listener = try Listener(any)
        let port = try #require(listener.address.port)
        let four = try #require(SocketAddress(numeric: "127.0.0.1", port: port))
        let client = try connect(four)
        let poller = try Poller()
        try poller.add(listener.descriptor.number, token: 1, interest: .readable)
        #expect(poller.wait(milliseconds: 5_000) == 1)
        #expect(accept(listener)?.host == "127.0.0.1")
        #expect(client.isEstablished)
    }

    @Test func `several sockets share one address, and every connection reaches one`() throws {
        let first = try Listener.loopback()
        let listeners = [first, try first.another(), try Listener(first.address)]
        #expect(Set(listeners.map(\.address)).count == 1)
        #expect(Set(listeners.map(\.descriptor.number)).count == 3)
        let clients = try (0..<60).map { _ in try connect(first.address) }
        var accepted = [0, 0, 0]
        let poller = try Poller()
        for (index, listener) in listeners.enumerated() {
            try poller.add(listener.descriptor.number, token: UInt64(index), interest: .readable)
        }
        while accepted.reduce(0, +) < clients.count {
            try #require(poller.wait(milliseconds: 5_000) > 0)
            for (index, listener) in listeners.enumerated() {
                while accept(listener) != nil { accepted[index] += 1 }
            }
        }
        // By the hash of its address; that one gets all of 60 does not happen.
        #expect(accepted.allSatisfy { $0 < clients.count })
    }

    @Test func `a port that somebody else has alone is in use`() throws {
        // Bound without SO_REUSEPORT.
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #expect(listen(number, 1) == 0)
        let alone = Listener(DescriptorTransfer(Descriptor(number: number)))
        let port = try #require(alone.address.port)
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: port))
        let error = #expect(throws: SystemError.self) { try Listener(address) }
        #expect(error?.isAddressInUse == true)
        #expect(alone.descriptor.number == number)
    }

    @Test func `an address is free until somebody listens there, who would share it or not`()
        throws
    {
        let listener = try Listener.loopback()
        let address = listener.address
        #expect(throws: SystemError("bind", code: EADDRINUSE)) {
            try Listener.checkIsFree(address)
        }
        listener.descriptor.close()
        try Listener.checkIsFree(address)
        try Listener.checkIsFree(.unix(path: folder.path("app.sock")))
        // Trying leaves nothing behind.
        #expect(try Listener(address).address == address)
    }

    // MARK: Paths

    @Test func `a path is listened on, by several sockets that share one queue`() throws {
        let path = folder.path("app.sock")
        let first = try Listener(.unix(path: path))
        #expect(first.address == .unix(path: path))
        let second = try first.another()
        #expect(second.address == first.address)
        let clients = try (0..<2).map { _ in try connect(first.address) }
        #expect(accept(second) != nil)
        #expect(accept(first) != nil)
        #expect(accept(first) == nil)
        #expect(clients.count == 2)
        // The queue lives as long as one of them.
        first.descriptor.close()
        let late = try StreamDriver(try connect(.unix(path: path)))
        let served = try StreamDriver(Stream(try second.next()))
        served.send("hello")
        try late.run { $0.text == "hello" }
    }

    @Test func `a path that somebody serves is in use`() throws {
        let address = SocketAddress.unix(path: folder.path("app.sock"))
        let first = try Listener(address)
        #expect(throws: SystemError("bind", code: EADDRINUSE)) { try Listener(address) }
        _ = try connect(address)
        #expect(accept(first) != nil)
    }

    @Test func `a path whose server has no room for one more connection is in use`() throws {
        let address = SocketAddress.unix(path: folder.path("app.sock"))
        let first = try Listener(address, backlog: 0)
        var waiting: [Stream] = []
        while let stream = try? connect(address) { waiting.append(stream) }
        #expect(!waiting.isEmpty)
        #expect(throws: SystemError("bind", code: EADDRINUSE)) { try Listener(address) }
        #expect(accept(first) != nil)
        #expect(throws: Never.self) { try connect(address) }
    }

    @Test func `a socket file that a dead server left is replaced`() throws {
        let address = SocketAddress.unix(path: folder.path("app.sock"))
        try Listener(address).descriptor.close()
        #expect(throws: SystemError("connect", code: ECONNREFUSED)) { try connect(address) }
        let listener = try Listener(address)
        _ = try connect(address)
        #expect(accept(listener) != nil)
    }

    @Test func `a file that is no socket is left alone`() throws {
        let path = try folder.write(Array("precious".utf8), to: "app.conf")
        #expect(throws: SystemError("bind", code: EADDRINUSE)) {
            try Listener(.unix(path: path))
        }
        #expect(try folder.read("app.conf") == Array("precious".utf8))
    }

    @Test func `a folder that is not there is an error`() {
        #expect(throws: SystemError("bind", code: ENOENT)) {
            try Listener(.unix(path: folder.path("nowhere/app.sock")))
        }
    }

    // MARK: Transfer

    @Test func `a listener goes to another thread with whoever waits in its queue`() throws {
        let listener = try Listener.loopback()
        let address = listener.address
        let client = try StreamDriver(try connect(address))
        let transfer = listener.transfer()
        #expect(listener.descriptor.number == -1)
        let box = try Mailbox<SocketAddress>(capacity: 1)
        try System.startThread(name: "listening") {
            let taken = Listener(transfer)
            guard let descriptor = try? taken.next() else { return }
            Stream(descriptor).send("hello".utf8.span)
            box.post(taken.address)
        }
        try client.run { $0.text == "hello" && $0.ending != nil }
        #expect(box.take() == [address])
    }

    @Test func `a listener that was given away accepts nobody`() throws {
        let listener = try Listener.loopback()
        let transfer = listener.transfer()
        _ = try connect(listener.address)
        #expect(accept(listener) == nil)
        #expect(transfer.take().number >= 0)
    }
}
