import Glibc
import Peers
import Testing
import Transport

@Suite struct PollerTests {
    private let poller: Poller
    private let near: Stream
    private let far: Stream

    init() throws {
        poller = try Poller()
        (near, far) = try Listener.loopback().pair()
    }

    private func wait(_ milliseconds: Int32 = 2_000) -> [UInt64: Readiness] {
        (0..<poller.wait(milliseconds: milliseconds)).reduce(into: [:]) { found, index in
            let event = poller.event(index)
            found[event.token] = event.readiness
        }
    }

    @Test func `readiness comes with the token, again and again until it is used`() throws {
        let token = UInt64.max - 5
        try poller.add(near.descriptor.number, token: token, interest: .readable)
        #expect(wait(0) == [:])
        far.send("a".utf8.span)
        #expect(wait() == [token: .readable])
        #expect(wait() == [token: .readable])
        let buffer = ReadBuffer()
        #expect(near.receive(into: buffer) == .octets(1))
        #expect(wait(0) == [:])
    }

    @Test func `only what is wanted is told`() throws {
        let number = near.descriptor.number
        try poller.add(number, token: 1, interest: [])
        far.send("a".utf8.span)
        #expect(wait(50) == [:])
        poller.change(number, token: 2, interest: .writable)
        #expect(wait() == [2: .writable])
        poller.change(number, token: 3, interest: [.readable, .writable])
        // The octet may still be on its way.
        while wait()[3] != [.readable, .writable] {}
        poller.remove(number)
        #expect(wait(0) == [:])
    }

    @Test func `a reset is told whether anything is wanted or not`() throws {
        try poller.add(near.descriptor.number, token: 1, interest: [])
        far.close(reset: true)
        let readiness = try #require(wait()[1])
        #expect(readiness.isBroken)
        #expect(!readiness.isReadable && !readiness.isWritable)
    }

    @Test func `an end of sending is readable, and not broken`() throws {
        try poller.add(near.descriptor.number, token: 1, interest: .readable)
        far.finishSending()
        #expect(wait() == [1: .readable])
        // Both directions finished is a hang-up.
        near.finishSending()
        #expect(wait()[1]?.isBroken == true)
    }

    @Test func `an end of sending is told behind octets that nobody reads`() throws {
        let number = near.descriptor.number
        try poller.add(number, token: 1, interest: [])
        far.send("unread".utf8.span)
        far.finishSending()
        #expect(wait(50) == [:])
        poller.change(number, token: 1, interest: .finished)
        #expect(wait() == [1: .finished])
        #expect(wait() == [1: .finished], "until it is not asked for")
        poller.change(number, token: 1, interest: [])
        #expect(wait(0) == [:])
        let buffer = ReadBuffer()
        #expect(near.receive(into: buffer) == .octets(6))
    }

    @Test func `what is not watched is left alone`() throws {
        let number = near.descriptor.number
        poller.remove(number)
        try poller.add(number, token: 1, interest: .writable)
        poller.remove(number)
        poller.remove(number)
        #expect(wait(0) == [:])
    }

    @Test func `what cannot be watched is an error`() throws {
        let number = near.descriptor.number
        try poller.add(number, token: 1, interest: .readable)
        #expect(throws: SystemError("epoll_ctl", code: EEXIST)) {
            try poller.add(number, token: 1, interest: .readable)
        }
        #expect(throws: SystemError("epoll_ctl", code: EBADF)) {
            try poller.add(-1, token: 1, interest: .readable)
        }
    }

    @Test func `many are told at once, more than the capacity in turns`() throws {
        let listener = try Listener.loopback()
        var streams: [Stream] = []
        for token in 0..<Poller.capacity + 10 {
            let (accepted, connected) = try listener.pair()
            try poller.add(accepted.descriptor.number, token: UInt64(token), interest: .readable)
            connected.send("a".utf8.span)
            streams += [accepted, connected]
        }
        var seen: Set<UInt64> = []
        let buffer = ReadBuffer()
        while seen.count < Poller.capacity + 10 {
            let found = wait()
            try #require(!found.isEmpty && found.count <= Poller.capacity)
            for token in found.keys {
                #expect(streams[Int(token) * 2].receive(into: buffer) == .octets(1))
                #expect(seen.insert(token).inserted)
            }
        }
    }
}
