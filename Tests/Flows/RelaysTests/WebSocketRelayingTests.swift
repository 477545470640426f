import Endings
import Testing

@testable import Relays

/// What passes through a WebSocket while it is open, and what the gateway says between.
@Suite struct WebSocketRelayingTests {
    // MARK: Data

    @Test(arguments: Cut.all) func `messages go through as they came`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut)
        #expect(
            socket.client(.text("one"), .begin("t"), .more("w"), .last("o"))
                == ["upstream text one", "upstream text- t", "upstream more- w", "upstream more o"])
        #expect(
            socket.upstream(.binary("three"), .text(""))
                == ["client binary three", "client text"])
        #expect(socket.messageCounts == [2, 2])
    }

    @Test func `a run of frames is one range of the input`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(
            octets: (0..<50).flatMap { _ in
                SocketFrame.text("message").octets(isMasked: false)
            })
        #expect(socket.runs == 1)
        _ = socket.client(.text("a"), .text("b"), .ping(), .text("c"))
        #expect(socket.runs == 3)
    }

    @Test func `compressed frames pass where the two ends have agreed, and nowhere else`() throws {
        let agreed = try SocketDialogue(passesCompressed: true)
        #expect(agreed.client(.compressed("zx")) == ["upstream text~ zx"])
        #expect(agreed.upstream(.compressed("zx")) == ["client text~ zx"])
        let plain = try SocketDialogue()
        #expect(
            plain.client(.compressed("zx"))
                == ["ignored", "upstream close 1001 protocol_error"])
    }

    // MARK: Control frames

    @Test(arguments: Cut.all) func `pings and pongs of both ends go through`(cut: Cut) throws {
        let socket = try SocketDialogue("ping 25s relay", cut: cut)
        #expect(socket.client(.ping("a"), .pong("b")) == ["upstream ping a", "upstream pong b"])
        #expect(socket.upstream(.ping("c"), .pong("d")) == ["client ping c", "client pong d"])
        // Between fragments, too.
        #expect(
            socket.client(.begin("t"), .ping("e"), .last("u"))
                == ["upstream text- t", "upstream ping e", "upstream more u"])
    }

    @Test(arguments: Cut.all) func `with answer neither end sees the other's`(cut: Cut) throws {
        let socket = try SocketDialogue("ping 25s answer", cut: cut)
        #expect(socket.client(.ping("a"), .pong("b")) == ["client pong a"])
        #expect(socket.upstream(.ping("c"), .pong("d")) == ["upstream pong c"])
    }

    @Test(arguments: Cut.all)
    func `pongs of ours wait for the end of a message, the last of several`(cut: Cut) throws {
        let socket = try SocketDialogue("ping 25s answer", cut: cut)
        #expect(socket.upstream(.begin("t")) == ["client text- t"])
        #expect(socket.client(.ping("a"), .ping("b")) == [])
        #expect(socket.upstream(.more("u")) == ["client more- u"])
        #expect(
            socket.upstream(.last("v"), .text("w"))
                == ["client more v", "client pong b", "client text w"])
        #expect(socket.client(.begin("t")) == ["upstream text- t"])
        #expect(socket.upstream(.ping("c")) == [])
        #expect(
            socket.client(.last("u"), .text("v"))
                == ["upstream more u", "upstream pong c", "upstream text v"])
        // And nothing waits any more.
        #expect(socket.upstream(.text("x"), .text("y")) == ["client text x", "client text y"])
    }

    @Test(arguments: ["relay", "answer"])
    func `who sends too many control frames breaks a rule`(pings: String) throws {
        let socket = try SocketDialogue("ping 25s \(pings); control_rate 3")
        for _ in 1...3 { #expect(socket.client(.ping("a")).count == 1) }
        #expect(
            socket.client(.pong("b"), .text("c"))
                == ["ignored", "upstream close 1001 rate_limited"])
        #expect(
            socket.upstream(.close()) == [
                "client close 1013 control_frames", "end rate_limited control_frames finish",
            ])
    }

    @Test func `the rate is per second`() throws {
        let socket = try SocketDialogue("control_rate 3")
        for second in 1...20 {
            _ = socket.at(Double(second))
            for _ in 1...3 { #expect(socket.client(.ping("a")) == ["upstream ping a"]) }
        }
    }

    // MARK: Messages of the gateway

    @Test(arguments: Cut.all) func `what the gateway says stands between messages`(cut: Cut) throws
    {
        let socket = try SocketDialogue(cut: cut)
        #expect(socket.say("first") == ["client text first"])
        _ = socket.upstream(.begin("t"))
        #expect(socket.say("a") == [] && socket.say("b") == [])
        #expect(
            socket.upstream(.last("u"), .text("v"))
                == ["client more u", "client text a", "client text b", "client text v"])
    }

    @Test func `within a message that does not end the last sixteen are kept`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.begin("t"))
        for number in 1...20 { #expect(socket.say("\(number)") == []) }
        #expect(
            socket.upstream(.last("u"))
                == ["client more u"] + (5...20).map { "client text \($0)" })
    }

    @Test func `nothing is said behind a close frame, nor by one that ends`() throws {
        let closed = try SocketDialogue()
        _ = closed.upstream(.close())
        #expect(closed.say("late") == [])
        let ending = try SocketDialogue()
        _ = ending.upstream(.begin("t"))
        _ = ending.kick()
        #expect(ending.say("late") == [])
        #expect(!ending.upstream(.last("u")).contains("client text late"))
        // The client's close frame stops nobody from talking to it.
        let waiting = try SocketDialogue()
        _ = waiting.client(.close())
        #expect(waiting.say("still") == ["client text still"])
    }

    // MARK: Flow

    @Test func `whoever is slow stops the other side`() throws {
        let socket = try SocketDialogue("send_queue 64k")
        #expect(socket.wantsClientInput && socket.wantsUpstreamInput)
        socket.upstreamPending = Flow.highWater
        #expect(!socket.wantsClientInput)
        socket.upstreamPending = Flow.highWater - 1
        #expect(socket.wantsClientInput)
        socket.backlog.pending = 64 * 1024
        #expect(!socket.wantsUpstreamInput)
        #expect(socket.wantsClientInput, "it is not for itself")
    }

    @Test func `who is answered here is not read from while he takes no answers`() throws {
        for words in ["ping 25s answer; send_queue 64k", "send_queue 64k"] {
            let socket = try SocketDialogue(words, speaksControl: words.hasPrefix("send"))
            socket.backlog.pending = 64 * 1024
            #expect(!socket.wantsClientInput)
            socket.backlog.pending = 64 * 1024 - 1
            #expect(socket.wantsClientInput)
        }
    }

    @Test func `a queue that stays full ends the socket in a hurry`() throws {
        let socket = try SocketDialogue("send_queue 64k; slow cut 5s")
        #expect(socket.clientHasWaiting(64 * 1024) == [])
        #expect(socket.asksForBacklog)
        #expect(socket.at(4.9) == [])
        let last = socket.at(6)
        #expect(
            last == [
                "slow", "client close 4008 slow_consumer", "upstream close 1001 slow_consumer",
                "end slow_consumer - finishSoon",
            ])
    }

    @Test func `a queue that is taken in time ends nobody`() throws {
        let socket = try SocketDialogue("send_queue 64k; slow cut 5s")
        _ = socket.clientHasWaiting(64 * 1024)
        #expect(socket.at(4) == [])
        let isRead = socket.clientTook(to: 32 * 1024)
        #expect(isRead)
        #expect(socket.at(20) == [])
        #expect(socket.clientHasWaiting(64 * 1024) == [])
        let isReadAgain = socket.clientTook(to: 33 * 1024)
        #expect(!isReadAgain)
        #expect(socket.at(24.5) == [] && socket.at(26).last == "end slow_consumer - finishSoon")
    }

    @Test func `a slow client is not cut in the middle of a frame`() throws {
        let socket = try SocketDialogue("send_queue 64k; slow cut 5s")
        _ = socket.upstream(octets: [0x81, 0x05, 0x61])
        _ = socket.clientHasWaiting(64 * 1024)
        #expect(
            socket.at(6) == [
                "slow", "upstream close 1001 slow_consumer", "end slow_consumer - finishSoon",
            ])
    }

    @Test func `a full queue is no reason once somebody closes, and never with wait`() throws {
        let closing = try SocketDialogue("send_queue 64k; slow cut 1s")
        _ = closing.clientHasWaiting(64 * 1024)
        _ = closing.client(.close())
        #expect(closing.at(10) == ["client close 1000", "end normal 1000 finish"])
        let patient = try SocketDialogue("send_queue 64k; slow wait; ping 1h; silence 3h")
        _ = patient.clientHasWaiting(64 * 1024)
        #expect(patient.at(600) == [])
    }

    @Test func `who takes less than the least rate is told why, if he is not closing`() throws {
        let open = try SocketDialogue()
        #expect(
            open.tookTooLittle() == [
                "client close 4008 rate", "upstream close 1001 slow_consumer",
                "end slow_consumer rate finishSoon",
            ])
        let closing = try SocketDialogue()
        _ = closing.client(.close())
        #expect(closing.tookTooLittle() == ["lost"])
    }
}
