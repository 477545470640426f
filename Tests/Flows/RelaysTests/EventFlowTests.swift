import Clock
import Configured
import Endings
import Settings
import Testing

@testable import Relays

/// What of the app's goes on when, and where the gateway's own words stand.
@Suite struct EventFlowTests {
    private static let long = String(repeating: "x", count: WholeEvents.heldSize)

    // MARK: Ends that wait

    @Test func `an end that waits is known until the stream is over, and is the first`() throws {
        let settings = try Settings.reading(
            """
            listen 127.0.0.1:1
            backend app { server 127.0.0.1:2 }
            route / { events; backend app }
            """)
        var flow = EventFlow(try #require(settings.routes.first), isOpaque: false, now: .zero)
        var output: [UInt8] = []
        var index = 0
        let beginning = Array("data: \(Self.long)".utf8)
        _ = flow.received(beginning.span, at: &index, now: .zero, into: &output)
        #expect(flow.pendingEnd == nil)
        let end = StreamEnding(.forceDisconnect)
        _ = flow.end(end, now: .zero, into: &output)
        _ = flow.end(StreamEnding(.draining), now: .zero, into: &output)
        #expect(flow.pendingEnd == end)
        _ = flow.appLost()
        #expect(flow.pendingEnd == nil)
    }

    // MARK: Whole events

    @Test func `whole events go on as they come`() throws {
        let stream = try EventDialogue()
        #expect(stream.app("data: 1\n\n") == ["data: 1\n\n"])
        #expect(stream.app("data: 2\n\ndata: 3\n\n") == ["data: 2\n\ndata: 3\n\n"])
        #expect(stream.heldCount == 0)
    }

    @Test func `the beginning of an event waits for its end, and is one piece with it`() throws {
        let stream = try EventDialogue()
        #expect(stream.app("data: 1\n\ndata: ") == ["data: 1\n\n"])
        #expect(stream.heldCount == 6)
        #expect(stream.app("2\n") == [])
        #expect(stream.app("\ndata: 3") == ["data: 2\n\n"])
        #expect(stream.app("\n\n") == ["data: 3\n\n"])
        #expect(stream.heldCount == 0)
    }

    @Test func `comments and retry are held back for nobody`() throws {
        let stream = try EventDialogue()
        #expect(stream.app(": beat\n") == [": beat\n"])
        #expect(stream.app("retry: 5000\r\n") == ["retry: 5000\r\n"])
        #expect(stream.app("retry") == [])
        #expect(stream.app(": 1\n") == ["retry: 1\n"])
        #expect(stream.app("data: 1\n\nretry") == ["data: 1\n\n"])
        #expect(stream.app(": 2\n") == ["retry: 2\n"])
    }

    private static let streams = [
        "data: 1\n\ndata: 2\n\n", "id: 7\r\ndata: 1\r\n\r\n: c\r\n\r\ndata: 2\r\n\r\n",
        "data: 1\r\rdata: 2\r\r", "retry: 1\nevent: e\ndata: 1\n\n:\n\n",
        "\u{FEFF}data: 1\n\nretry: 2\r\ndata: 2\n\r\n", "\n\n\ndata: 1\n\n",
    ]

    /// What a client hears of a stream, however it is cut.
    private func expect(_ text: String, _ pieces: [[UInt8]]) throws {
        let stream = try EventDialogue()
        for piece in pieces {
            _ = stream.app(piece)
            #expect(!stream.isClosed, "the client stands between two events")
        }
        #expect(stream.text == text.replacing("\u{FEFF}", with: ""), "in \(pieces.count) pieces")
        #expect(stream.heldCount == 0)
    }

    @Test(arguments: streams) func `it is the same in one piece, and octet by octet`(
        text: String
    ) throws {
        let octets = Array(text.utf8)
        try expect(text, [octets])
        try expect(text, octets.map { [$0] })
    }

    @Test(arguments: streams) func `it is the same at every cut`(text: String) throws {
        let octets = Array(text.utf8)
        for cut in 0...octets.count {
            try expect(text, [Array(octets[..<cut]), Array(octets[cut...])])
        }
    }

    /// At every cut the gateway says something: never inside an event.
    @Test(arguments: streams) func `something of ours fits in at every cut`(text: String) throws {
        let octets = Array(text.utf8.drop { $0 >= 0x80 })
        let events = try naiveEvents(octets)
        for cut in 0...octets.count {
            let stream = try EventDialogue()
            _ = stream.app(Array(octets[..<cut]))
            #expect(stream.say("x") == ["event: said\ndata: x\n\n"])
            _ = stream.app(Array(octets[cut...]))
            let heard = try naiveEvents(stream.heard)
            #expect(heard.filter { $0 != ["event: said", "data: x"] } == events, "at \(cut)")
            #expect(heard.count == events.count + 1)
        }
    }

    @Test func `a byte order mark is left out, and only the first`() throws {
        let stream = try EventDialogue()
        #expect(stream.begin(session: "{}") == ["event: session\ndata: {}\n\n"])
        #expect(stream.app([0xEF, 0xBB]) == [])
        #expect(stream.app([0xBF] + Array("data: 1\n\n".utf8)) == ["data: 1\n\n"])
        #expect(stream.app("\u{FEFF}: 2\n\n") == ["\u{FEFF}: 2\n\n"])
        let other = try EventDialogue()
        #expect(other.app("\u{FEFF}data: \(Self.long)") == ["data: \(Self.long)"])
    }

    // MARK: Long events

    @Test func `what is too long to be held goes on as it comes`() throws {
        let stream = try EventDialogue()
        #expect(stream.app("data: 1\n\ndata: ") == ["data: 1\n\n"])
        #expect(stream.app(Self.long) == ["data: " + Self.long])
        #expect(stream.isClosed && stream.heldCount == 0)
        #expect(stream.app("yz") == ["yz"])
        #expect(stream.app("\n\ndata: 2") == ["\n\n"])
        #expect(!stream.isClosed && stream.heldCount == 7)
    }

    @Test func `just as much as may be held is held`() throws {
        let stream = try EventDialogue()
        #expect(stream.app("data: 1\n\n" + Self.long) == ["data: 1\n\n"])
        #expect(stream.heldCount == WholeEvents.heldSize)
        #expect(stream.app("x") == [Self.long + "x"])
        #expect(stream.isClosed)
    }

    @Test func `the long beginning behind a whole event is no part of it`() throws {
        let stream = try EventDialogue()
        #expect(stream.app("\n\ndata: \(Self.long)") == ["\n\n", "data: \(Self.long)"])
    }

    @Test func `ours wait for the end of a long event, in order`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long + "x")
        #expect(stream.say("1") == [] && stream.say("2") == [])
        #expect(stream.heldCount == 2 * "event: said\ndata: 1\n\n".utf8.count)
        #expect(
            stream.app("\n\ndata: on\n\ndata: half")
                == [
                    "\n\ndata: on\n\n",
                    "event: said\ndata: 1\n\nevent: said\ndata: 2\n\n",
                ])
        #expect(stream.heldCount == "data: half".utf8.count)
        #expect(stream.app("\n\n") == ["data: half\n\n"])
    }

    @Test func `ours stand between a long event and the next long one`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long + "x")
        _ = stream.say("1")
        #expect(
            stream.app("\n\n" + Self.long + "x")
                == ["\n\n", "event: said\ndata: 1\n\n", Self.long + "x"])
        #expect(stream.say("2") == [])
    }

    @Test func `behind an event that does not end only the last words are kept`() throws {
        let stream = try EventDialogue()
        _ = stream.app(Self.long + "x")
        for number in 10..<60 { #expect(stream.say("\(number)") == []) }
        #expect(stream.heldCount == EventFlow.waitingLimit * 22)
        let words = stream.app("\n\n")
        let expected = (44..<60).map { "event: said\ndata: \($0)\n\n" }.joined()
        #expect(words == ["\n\n", expected])
        #expect(stream.heldCount == 0)
    }

    // MARK: Streams that the app compresses

    @Test func `nothing is put into what is compressed`() throws {
        let stream = try EventDialogue(isOpaque: true)
        #expect(stream.begin(session: "{}", hasFinished: true) == [])
        #expect(stream.isClosed && stream.nextDue == .never)
        #expect(stream.app([0xEF, 0xBB, 0xBF, 0x0A]).count == 1)
        #expect(stream.heard == [0xEF, 0xBB, 0xBF, 0x0A], "not even a mark is left out")
        #expect(stream.say("1") == [] && stream.ask() == [])
        #expect(stream.at(3600) == [])
        #expect(stream.end(.tokenEnd, "{}") == ["unauthenticated: "])
    }

    // MARK: The beginning

    @Test func `the first event tells of the session, who has finished sending is asked`() throws {
        #expect(try EventDialogue().begin() == [])
        #expect(try EventDialogue().begin(hasFinished: true) == [":\n\n"])
        #expect(
            try EventDialogue().begin(session: "{}", hasFinished: true)
                == ["event: session\ndata: {}\n\n:\n\n"])
    }

    @Test func `who has finished sending may be asked between two events`() throws {
        let stream = try EventDialogue()
        #expect(stream.ask() == [":\n\n"])
        _ = stream.app("data: half")
        #expect(stream.ask() == [":\n\n"])
        _ = stream.app(Self.long)
        #expect(stream.ask() == [])
    }

    // MARK: The app's end

    @Test func `a last event without its empty line goes on as it is`() throws {
        let stream = try EventDialogue()
        _ = stream.app("data: 1\n\ndata: half")
        #expect(stream.appEnds() == ["data: half"])
        #expect(stream.nextDue == .never && stream.heldCount == 0)
        #expect(stream.app("data: 2\n\n") == [] && stream.say("x") == [] && stream.appEnds() == [])
        #expect(stream.end(.draining) == [])
    }

    @Test func `a mark alone is nothing`() throws {
        let stream = try EventDialogue()
        _ = stream.app([0xEF, 0xBB, 0xBF])
        #expect(stream.appEnds() == [])
    }

    @Test func `an app that breaks off is nobody's end by rule`() throws {
        let stream = try EventDialogue()
        _ = stream.app("data: half")
        #expect(stream.appBreaks() == [])
    }
}

extension EndReason {
    static let tokenEnd = EndReason.unauthenticated
}

/// The events of a whole stream: their lines, without comments and `retry`. Read line by line, as
/// the standard says it (WHATWG HTML §9.2.6).
func naiveEvents(_ octets: [UInt8]) throws -> [[String]] {
    let text = String(decoding: octets, as: UTF8.self)
    var scalars = Array(text.unicodeScalars)[...]
    if scalars.first == "\u{FEFF}" { scalars = scalars.dropFirst() }
    var lines: [String] = []
    var line = ""
    var index = scalars.startIndex
    while index < scalars.endIndex {
        let scalar = scalars[index]
        index += 1
        if scalar == "\r", index < scalars.endIndex, scalars[index] == "\n" { index += 1 }
        if scalar == "\r" || scalar == "\n" {
            lines.append(line)
            line = ""
        } else {
            line.unicodeScalars.append(scalar)
        }
    }
    return lines.split(separator: "", omittingEmptySubsequences: true)
        .map { $0.filter { !$0.hasPrefix(":") && !$0.hasPrefix("retry:") } }.filter { !$0.isEmpty }
}
