import Clock
import Endings
import Testing

@testable import Relays

/// Event streams over time: comments, ends by rule, the client that is asked whether it is there,
/// and the one that takes nothing.
@Suite struct EventFlowTimeTests {
    private static let long = String(repeating: "x", count: WholeEvents.heldSize + 1)

    // MARK: Comments

    @Test func `a comment comes when nothing was sent for so long`() throws {
        let stream = try EventDialogue("comment 15s")
        #expect(stream.at(14.9) == [])
        #expect(stream.at(15) == [":\n\n"])
        #expect(stream.at(29.9) == [])
        #expect(stream.at(45) == [":\n\n", ":\n\n"])
    }

    @Test func `whatever is sent puts the comment off, and nothing else does`() throws {
        let stream = try EventDialogue("comment 15s")
        _ = stream.at(10)
        _ = stream.app("data: 1\n\n")
        #expect(stream.at(24.9) == [])
        #expect(stream.at(25) == [":\n\n"])
        _ = stream.at(30)
        _ = stream.say("x")
        #expect(stream.at(44.9) == [])
        #expect(stream.at(45) == [":\n\n"])
        _ = stream.at(50)
        #expect(stream.probe() == [":\n\n"])
        #expect(stream.at(64.9) == ["is there"])
        #expect(stream.at(65) == [":\n\n"])
    }

    /// The client hears nothing of what is held back: to it the stream is silent.
    @Test func `an event that comes in drops puts off no comment`() throws {
        let stream = try EventDialogue("comment 15s")
        var words: [String] = []
        for second in 1...40 {
            words += stream.at(Double(second))
            words += stream.app("x")
        }
        #expect(words == [":\n\n", ":\n\n"])
        #expect(stream.app("\n\n") == [String(repeating: "x", count: 40) + "\n\n"])
    }

    @Test func `no comment comes within an event, and the next in its time`() throws {
        let stream = try EventDialogue("comment 15s")
        _ = stream.app(Self.long)
        #expect(stream.at(40) == [])
        #expect(stream.app("\n\n") == ["\n\n"])
        #expect(stream.at(54.9) == [])
        #expect(stream.at(60) == [":\n\n"], "at its own pace again after a while")
        #expect(stream.at(75) == [":\n\n"])
    }

    @Test func `a clock that has jumped brings one comment, not many`() throws {
        let stream = try EventDialogue("comment 15s")
        #expect(stream.jump(to: 200) == [":\n\n"])
        #expect(stream.at(214.9) == [])
        #expect(stream.at(215) == [":\n\n"])
    }

    // MARK: Ends by rule

    private static let last = "retry: 100\nevent: force_disconnect\ndata: {}\n\n"

    @Test func `between two events it ends at once`() throws {
        let stream = try EventDialogue()
        _ = stream.app("data: 1\n\ndata: half")
        #expect(stream.end(.forceDisconnect, "{}") == ["force_disconnect: " + Self.last])
        #expect(stream.text == "data: 1\n\n" + Self.last)
        #expect(stream.nextDue == .never && stream.heldCount == 0)
        #expect(stream.app("\n\ndata: 2\n\n") == [])
        #expect(stream.at(3600) == [])
    }

    @Test func `without a message there is only a time to come back`() throws {
        let stream = try EventDialogue()
        #expect(stream.end(.draining) == ["draining: retry: 100\n\n"])
        let other = try EventDialogue()
        #expect(
            other.end(.replaced, "{}", comingBack: .never)
                == ["replaced: retry: 86400000\nevent: force_disconnect\ndata: {}\n\n"])
        let third = try EventDialogue()
        #expect(third.end(.draining, comingBack: .unsaid) == ["draining: \n"])
    }

    @Test func `whose client takes nothing any more is not waited for`() throws {
        let stream = try EventDialogue()
        _ = stream.app("data: half")
        #expect(
            stream.end(.forceDisconnect, "{}", awaitsBoundary: false)
                == ["force_disconnect: " + Self.last])
        let within = try EventDialogue()
        _ = within.app(Self.long)
        #expect(
            within.end(.forceDisconnect, "{}", awaitsBoundary: false)
                == ["cut: force_disconnect"])
        #expect(within.at(3600) == [])
    }

    @Test func `within an event it waits for its end, and not for the next one`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long)
        #expect(stream.end(.forceDisconnect, "{}") == [])
        #expect(stream.at(1.9) == [])
        #expect(
            stream.app("yz\n\ndata: 2\n\ndata: half")
                == ["yz\n\ndata: 2\n\n", "force_disconnect: " + Self.last])
        #expect(stream.at(3600) == [])
    }

    @Test func `what waited for the end of the event comes before the last word`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long)
        _ = stream.say("x")
        _ = stream.end(.forceDisconnect, "{}")
        #expect(stream.say("too late") == [])
        #expect(
            stream.app("\n\n")
                == ["\n\n", "force_disconnect: event: said\ndata: x\n\n" + Self.last])
    }

    @Test func `an event that does not end is cut after two seconds`() throws {
        let stream = try EventDialogue("comment 1s")
        _ = stream.app(Self.long)
        _ = stream.at(10)
        #expect(stream.end(.forceDisconnect, "{}") == [])
        for tenth in 1..<20 {
            #expect(stream.at(10 + Double(tenth) / 10) == [])
            #expect(stream.app("x") == ["x"])
        }
        #expect(stream.at(12) == ["cut: force_disconnect"])
        #expect(stream.app("\n\n") == [] && stream.at(3600) == [])
    }

    /// Whoever ends it again does not put off the end, and does not change what is logged.
    @Test func `the first end is the one`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long)
        _ = stream.end(.forceDisconnect, "{}")
        #expect(stream.at(1.5) == [])
        #expect(stream.end(.unauthenticated) == [] && stream.end(.draining) == [])
        #expect(stream.at(1.9) == [])
        #expect(stream.at(2) == ["cut: force_disconnect"])
    }

    /// The end of the event and of the response may come in one read.
    @Test func `the app's end is not the end where one by rule waits`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long)
        _ = stream.end(.forceDisconnect, "{}")
        #expect(stream.app("\n\n") == ["\n\n", "force_disconnect: " + Self.last])
        #expect(stream.appEnds() == [])
        let within = try EventDialogue()
        _ = within.app(Self.long)
        _ = within.end(.forceDisconnect, "{}")
        // The client forgets an event without an end: nothing can be said behind it.
        #expect(within.appEnds() == ["force_disconnect: "])
        #expect(within.at(3600) == [])
        let broken = try EventDialogue()
        _ = broken.app(Self.long)
        _ = broken.end(.forceDisconnect, "{}")
        #expect(broken.appBreaks() == ["cut: force_disconnect"])
        #expect(broken.at(3600) == [])
    }

    // MARK: The token

    @Test func `the token is asked about when it is due, and again when it is told so`() throws {
        let stream = try EventDialogue("comment 15s")
        stream.expires(at: 20)
        #expect(stream.at(19.9) == [":\n\n"])
        #expect(stream.at(20) == ["token"])
        #expect(stream.at(29.9) == [])
        stream.expires(at: 29.95)
        #expect(stream.at(29.95) == ["token"])
        stream.expires(at: 100)
        stream.expires(at: 31)
        #expect(stream.at(31) == [":\n\n", "token"])
        #expect(stream.at(44) == [])
    }

    @Test func `a token that has ended is asked about before anything else is said`() throws {
        let stream = try EventDialogue("comment 15s")
        #expect(stream.at(10) == [])
        #expect(stream.expires(at: 9) == ["token"])
        #expect(stream.at(14) == [])
        #expect(stream.expires(at: 14) == ["token"])
        #expect(stream.at(15) == [":\n\n"])
    }

    @Test func `a stream that ends anyway does not ask about its token`() throws {
        let stream = try EventDialogue()
        stream.expires(at: 1)
        _ = stream.app(Self.long)
        _ = stream.end(.draining)
        stream.expires(at: 1.5)
        #expect(stream.at(3) == ["cut: draining"])
        stream.expires(at: 4)
        #expect(stream.at(5) == [])
    }

    @Test func `a compressed stream ends with its token, too`() throws {
        let stream = try EventDialogue(isOpaque: true)
        stream.expires(at: 20)
        #expect(stream.at(20) == ["token"])
    }

    // MARK: Is the client there?

    @Test func `who acknowledges the comment is there`() throws {
        let stream = try EventDialogue()
        (stream.acknowledged, stream.outstanding) = (500, 10)
        #expect(stream.probe() == [":\n\n"])
        #expect(stream.at(5) == [])
        stream.acknowledged = 501
        #expect(stream.at(5.1) == ["is there"])
        #expect(stream.at(10) == [])
    }

    @Test func `who acknowledges nothing is not asked after for ever`() throws {
        let stream = try EventDialogue("comment 1h")
        (stream.acknowledged, stream.outstanding) = (500, 10)
        #expect(stream.probe() == [":\n\n"])
        #expect(stream.at(30.2) == ["is silent"])
        stream.acknowledged = 600
        #expect(stream.at(60) == [])
    }

    @Test func `within an event its octets are the question`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long)
        (stream.acknowledged, stream.outstanding) = (0, 10)
        #expect(stream.probe() == [])
        #expect(stream.at(1) == [])
        stream.acknowledged = 1
        #expect(stream.at(1.1) == ["is there"])
    }

    @Test func `whom nothing can be said to is there, unless it has finished sending`() throws {
        let stream = try EventDialogue(isOpaque: true)
        #expect(stream.probe() == ["is there"])
        #expect(stream.probe(hasFinished: true) == ["left"])
        #expect(EventFlow.probedUnheard(hasFinished: false) == .answered)
        #expect(EventFlow.probedUnheard(hasFinished: true) == .leave)
        let plain = try EventDialogue()
        #expect(plain.probe(hasFinished: true) == [":\n\n"])
    }

    @Test func `who is about to end is not asked`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long)
        _ = stream.probe()
        _ = stream.end(.draining)
        stream.acknowledged = 1
        #expect(stream.probe() == [])
        #expect(stream.at(1.9) == [])
    }

    // MARK: Slow clients

    private static let slow = "comment 1h; send_queue 64k; slow cut 5s"
    private static let full = 64 * 1024

    @Test func `who takes nothing of a full queue is cut`() throws {
        let stream = try EventDialogue(Self.slow)
        stream.queueGrew(to: Self.full - 1)
        #expect(stream.hasRoom(behind: Self.full - 1))
        #expect(stream.at(100) == [])
        stream.queueGrew(to: Self.full)
        #expect(!stream.hasRoom(behind: Self.full))
        #expect(stream.at(104.9) == [])
        stream.queueGrew(to: Self.full + 100)
        #expect(stream.at(105) == ["too slow"])
        #expect(stream.nextDue == .never && stream.app("data: 1\n\n") == [])
    }

    @Test func `who takes half of it in time is not`() throws {
        let stream = try EventDialogue(Self.slow)
        stream.queueGrew(to: Self.full)
        _ = stream.at(4)
        #expect(!stream.queueShrank(to: Self.full / 2 + 1))
        #expect(stream.queueShrank(to: Self.full / 2))
        #expect(stream.at(100) == [])
    }

    @Test func `a full queue puts off no end, and an end no comment of others`() throws {
        let stream = try EventDialogue(Self.slow)
        _ = stream.app(Self.long)
        stream.queueGrew(to: Self.full)
        _ = stream.end(.forceDisconnect, "{}")
        stream.queueGrew(to: Self.full + 1)
        #expect(stream.at(100) == ["cut: force_disconnect"])
        let other = try EventDialogue("comment 1h; send_queue 64k; slow cut 1s")
        _ = other.app(Self.long)
        _ = other.end(.forceDisconnect, "{}")
        other.queueGrew(to: Self.full)
        #expect(other.at(100) == ["cut: force_disconnect"])
    }

    @Test func `a queue that is empty again takes its own timer back, and no other`() throws {
        let stream = try EventDialogue("comment 4s; send_queue 64k; slow cut 5s")
        stream.queueGrew(to: Self.full)
        #expect(stream.queueShrank(to: 0))
        #expect(stream.at(3.9) == [])
        #expect(stream.at(4) == [":\n\n"])
    }

    /// Each has its own time, whatever the others do.
    @Test func `no timer moves another`() throws {
        let stream = try EventDialogue("comment 4s; send_queue 64k; slow cut 5s")
        (stream.acknowledged, stream.outstanding) = (0, 1)
        stream.expires(at: 3)
        stream.queueGrew(to: Self.full)
        _ = stream.probe()
        #expect(stream.at(2.9) == [])
        #expect(stream.at(3) == ["token"])
        #expect(stream.at(4) == [":\n\n"])
        #expect(stream.at(4.9) == [])
        #expect(stream.at(5) == ["too slow"])
    }
}
