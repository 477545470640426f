import Clock
import Endings
import Testing

@testable import Relays

/// Whether a client is there: `ping 25s; silence 60s`.
@Suite struct WebSocketLivenessTests {
    private let dead = [
        "client close 1001 silent", "upstream close 1001 timeout", "end timeout silent",
    ]

    private func isDead(_ lines: [String]) -> Bool {
        zip(lines, dead).allSatisfy { $0.hasPrefix($1) } && lines.count == 3
    }

    /// The pong of the ping that was sent last.
    private let pong = SocketFrame(opcode: 10, payload: [0x67, 0x77, 7, 0, 0, 0])

    // MARK: Pings

    @Test func `a quiet client is pinged, and its pong is not for the upstream`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        #expect(socket.at(24.9) == [])
        #expect(socket.at(25) == ["client ping ours"])
        #expect(socket.client(pong) == [])
        // It is the upstream's once it was taken.
        #expect(socket.client(pong) == ["upstream pong ours"])
        #expect(socket.at(49.9) == [])
        #expect(socket.at(50) == ["client ping ours"])
    }

    @Test func `who says something is not pinged`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        for step in 1...10 {
            #expect(socket.at(Double(step * 20)) == [])
            #expect(socket.client(.text("here")) == ["upstream text here"])
        }
        #expect(socket.at(224.9) == [] && socket.at(225) == ["client ping ours"])
    }

    @Test func `who says nothing any more is dead`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        #expect(socket.at(59.9) == ["client ping ours"], "one is enough")
        #expect(isDead(socket.at(60)))
    }

    @Test func `an answer that is no pong is one, too`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        _ = socket.at(26)
        _ = socket.client(.text("here"))
        #expect(socket.at(51) == ["client ping ours"])
        #expect(socket.at(84.9) == [] && isDead(socket.at(86)))
    }

    @Test(arguments: Cut.all) func `our pings stand between messages`(cut: Cut) throws {
        let socket = try SocketDialogue("ping 25s; silence 60s", cut: cut)
        _ = socket.upstream(.begin("t"))
        #expect(socket.at(30) == [])
        #expect(
            socket.upstream(.last("u"), .text("v"))
                == ["client more u", "client ping ours", "client text v"])
    }

    @Test func `a ping that a long message holds back has twice the time`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        _ = socket.upstream(.begin("t"))
        #expect(socket.at(119) == [])
        #expect(isDead(socket.at(126)))
        // Not when it is the client that does not take what is in front of it.
        let slow = try SocketDialogue("ping 25s; silence 60s; slow wait")
        _ = slow.upstream(.begin("t"))
        slow.backlog.pending = 100
        #expect(slow.at(59) == [] && isDead(slow.at(61)))
    }

    @Test func `who is not read from has four times the time, and is pinged again`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        socket.upstreamPending = Flow.highWater
        #expect(socket.at(25) == ["client ping ours"])
        // What is sent is answered with a reset by the system of one that has left.
        let again = socket.at(239)
        #expect(again.count > 3 && Set(again) == ["client ping ours"])
        #expect(isDead(socket.at(241).filter { $0 != "client ping ours" }))
    }

    @Test func `of a repeated ping every pong is ours, until there is another`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        socket.upstreamPending = Flow.highWater
        #expect(socket.at(61).count >= 2)
        socket.upstreamPending = 0
        #expect(socket.client(pong, pong) == [])
    }

    @Test func `that it takes what waits in front of a ping is a sign of life`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s; slow wait")
        socket.backlog.pending = 100_000
        var lines = socket.at(25)
        #expect(socket.asksForBacklog)
        for step in 1...80 {
            socket.backlog.acknowledgements.count += 1000
            lines += socket.at(25 + 5 * Double(step))
        }
        #expect(Set(lines) == ["client ping ours"])
        #expect(isDead(socket.at(600).filter { $0 != "client ping ours" }))
    }

    @Test func `so is that it drains the queue, or that the upstream lets it go on`() throws {
        let client = try SocketDialogue("ping 25s; silence 60s")
        _ = client.at(20)
        _ = client.clientTook(to: 0)
        #expect(client.at(44) == [] && client.at(46) == ["client ping ours"])
    }

    @Test func `a client that closes is not looked after any more`() throws {
        let socket = try SocketDialogue("ping 1s; silence 2s")
        _ = socket.client(.close())
        #expect(socket.at(4.9) == [])
        #expect(socket.at(60) == ["client close 1000", "end normal 1000 finish"])
    }

    // MARK: Questions of others

    @Test func `a question is a ping, and what is heard answers it once`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        #expect(socket.probe() == ["client ping ours"])
        // A second asks no more than the first.
        #expect(socket.probe() == [])
        #expect(socket.client(pong) == ["there"])
        #expect(socket.client(.text("more")) == ["upstream text more"])
        #expect(socket.probe() == ["client ping ours"])
    }

    @Test func `who is not read from is believed to be there`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        socket.upstreamPending = Flow.highWater
        #expect(socket.probe() == ["there"])
        socket.upstreamPending = 0
        #expect(socket.client(.text("more")) == ["upstream text more"])
    }

    @Test func `who does not see the ping soon has to acknowledge something`() throws {
        let held = try SocketDialogue("ping 25s; silence 60s")
        held.backlog.acknowledgements = Acknowledgements(count: 1000, outstanding: 50)
        _ = held.upstream(.begin("t"))
        #expect(held.probe() == [])
        #expect(held.at(0.35) == [])
        held.backlog.acknowledgements.count += 1
        #expect(held.at(0.4) == ["there"])
        #expect(held.at(2) == [], "once")
        let full = try SocketDialogue("ping 25s; silence 60s")
        full.backlog = ClientBacklog(
            pending: 10, acknowledgements: Acknowledgements(count: 1000, outstanding: 50))
        #expect(full.probe() == ["client ping ours"])
        #expect(full.at(3) == [])
        full.backlog.acknowledgements.outstanding = 0
        #expect(full.at(3.2) == ["there"])
    }

    @Test func `that is not looked for for ever, but it may still be heard`() throws {
        let socket = try SocketDialogue("ping 60s; silence 100s")
        socket.backlog = ClientBacklog(
            pending: 10, acknowledgements: Acknowledgements(count: 1000, outstanding: 50))
        _ = socket.probe()
        #expect(socket.at(31) == ["silent"])
        socket.backlog.acknowledgements.count += 1
        #expect(socket.at(35) == [])
        #expect(socket.client(.text("here")) == ["there", "upstream text here"])
    }

    @Test func `nobody asks one that closes`() throws {
        let socket = try SocketDialogue()
        _ = socket.client(.close())
        #expect(socket.probe() == [])
    }

    // MARK: Tokens

    @Test func `a token is judged when it is due, once`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        #expect(socket.tokenIsDue(at: 10) == [])
        #expect(socket.at(9.9) == [] && socket.at(10) == ["token"])
        #expect(socket.at(20) == [])
        // A refresh puts it off, and nothing else.
        _ = socket.tokenIsDue(at: 24)
        _ = socket.tokenIsDue(at: 40)
        #expect(socket.at(39) == ["client ping ours"])
        #expect(socket.at(40) == ["token"])
    }

    @Test func `one that has ended is judged before anything else is said`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        #expect(socket.at(10) == [])
        #expect(socket.tokenIsDue(at: 9) == ["token"])
        #expect(socket.tokenIsDue(at: 10) == ["token"])
        #expect(socket.at(20) == [])
    }

    @Test func `it is judged before the client is looked at`() throws {
        let socket = try SocketDialogue("ping 25s; silence 60s")
        _ = socket.tokenIsDue(at: 25)
        #expect(socket.at(25) == ["token", "client ping ours"])
    }

    @Test func `one that closes ends as it does`() throws {
        let socket = try SocketDialogue()
        _ = socket.tokenIsDue(at: 3)
        _ = socket.client(.close())
        #expect(socket.at(4) == [])
        _ = socket.tokenIsDue(at: 4.5)
        #expect(socket.at(4.9) == [])
    }
}
