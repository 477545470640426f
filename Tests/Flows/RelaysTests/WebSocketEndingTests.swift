import Endings
import Testing

@testable import Relays

/// How WebSockets end: by their two ends, by rule, and because somebody is gone.
@Suite struct WebSocketEndingTests {
    private let kicked = [
        "client text bye", "client close 4010 kicked", "upstream close 1001 force_disconnect",
        "end force_disconnect kicked awaitClose",
    ]

    // MARK: Close handshakes

    @Test(arguments: Cut.all) func `a close handshake goes through, whoever begins`(cut: Cut) throws
    {
        let first = try SocketDialogue(cut: cut)
        #expect(first.client(.close(1000, "done")) == ["upstream close 1000 done"])
        #expect(first.upstream(.text("more")) == ["client text more"])
        #expect(
            first.upstream(.close(4321, "well"))
                == ["client close 4321 well", "end normal 1000 finish"])
        let second = try SocketDialogue(cut: cut)
        #expect(second.upstream(.close(nil)) == ["client close"])
        #expect(second.client(.text("more")) == ["upstream text more"])
        #expect(
            second.client(.close()) == ["upstream close 1000", "end normal 1005 finish"])
    }

    @Test(arguments: Cut.all) func `nothing goes on behind a close frame`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut)
        #expect(socket.client(.close(), .text("late"), .ping()) == ["upstream close 1000"])
        #expect(socket.upstream(.ping("here")) == ["client ping here"])
        #expect(
            socket.upstream(.close(), .text("late"))
                == ["client close 1000", "end normal 1000 finish"])
    }

    @Test func `the other close frame is waited for five seconds`() throws {
        let client = try SocketDialogue()
        _ = client.at(2)
        _ = client.client(.close())
        #expect(client.at(6.9) == [])
        // A client that closes well is answered, whatever its app does (RFC 6455 §5.5.1).
        #expect(client.at(7) == ["client close 1000", "end normal 1000 finish"])
        let upstream = try SocketDialogue()
        _ = upstream.upstream(.close(1012))
        #expect(upstream.at(4.9) == [])
        #expect(upstream.at(5) == ["end normal 1012 finish"])
    }

    // MARK: Ends by rule

    @Test(arguments: Cut.all) func `between messages the last words come at once`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut)
        _ = socket.upstream(.text("t"))
        #expect(socket.kick() == kicked)
        #expect(socket.client(.text("late")) == [])
        #expect(socket.client(.close()) == ["client closed"])
    }

    @Test(arguments: Cut.all) func `within a message they stand behind it`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut)
        _ = socket.upstream(.begin("t"))
        #expect(socket.kick() == [])
        // Meanwhile the client may finish what it says.
        #expect(socket.client(.text("mine")) == ["upstream text mine"])
        #expect(socket.upstream(.more("u"), .ping()) == ["client more- u", "client ping"])
        #expect(socket.upstream(.last("v"), .text("late")) == ["client more v"] + kicked)
    }

    @Test func `a message that does not end is waited for five seconds`() throws {
        let between = try SocketDialogue()
        _ = between.upstream(.begin("t"))
        _ = between.kick()
        #expect(between.at(4.9) == [])
        // A close frame may stand between two fragments, the last words may not.
        let brokenOff = [
            "client close 4010 kicked", "upstream close 1001 force_disconnect",
            "end force_disconnect kicked finish",
        ]
        #expect(between.at(5) == brokenOff)
        let within = try SocketDialogue()
        _ = within.upstream(octets: [0x01, 0x05, 0x61])
        _ = within.kick()
        #expect(within.at(5) == Array(brokenOff.dropFirst()))
    }

    @Test func `an end that cannot wait breaks off`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.begin("t"))
        #expect(
            socket.end(StreamEnding(.timeout, detail: "silent", awaitsBoundary: false)) == [
                "client close 1001 silent", "upstream close 1001 timeout",
                "end timeout silent finish",
            ])
    }

    @Test func `nothing is put into a frame that a client has not finished`() throws {
        let socket = try SocketDialogue()
        _ = socket.client(octets: [0x81, 0x85, 1, 2, 3, 4, 9])
        #expect(socket.kick() == kicked.filter { !$0.hasPrefix("upstream") })
        // The rest of the frame, and the close frame behind it.
        let rest: [UInt8] = [9, 9, 9, 9]
        #expect(
            socket.client(octets: rest + SocketFrame.close().octets(isMasked: true))
                == ["client closed"])
    }

    @Test func `the first end counts`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.begin("t"))
        _ = socket.kick()
        #expect(socket.end(StreamEnding(.draining)) == [])
        #expect(socket.upstream(.last("u")) == ["client more u"] + kicked)
        #expect(socket.kick() == [])
        #expect(socket.clientLost() == [] && socket.upstreamLost() == [])
        #expect(socket.giveUp(.overloaded) == [])
    }

    @Test func `behind a close frame that went through none of ours follows`() throws {
        let upstream = try SocketDialogue()
        _ = upstream.upstream(.close(1012))
        #expect(upstream.kick() == ["end force_disconnect 1012 finish"])
        let client = try SocketDialogue()
        _ = client.client(.close())
        #expect(
            client.kick() == [
                "client text bye", "client close 4010 kicked",
                "end force_disconnect kicked finish",
            ])
    }

    @Test(arguments: ["client", "upstream", "both"])
    func `closing while an end waits`(who: String) throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.begin("t"))
        _ = socket.kick()
        _ = socket.at(2)
        if who != "upstream" { #expect(socket.client(.close()) == ["upstream close 1000"]) }
        if who != "client" {
            let end = who == "both" ? ["end force_disconnect 1000 finish"] : []
            #expect(socket.upstream(.close(1001)) == ["client close 1001"] + end)
        }
        if who == "both" { return }
        // It is not put off.
        #expect(socket.at(4.9) == [])
        let end =
            who == "client"
            ? ["client close 1000", "end force_disconnect 1000 finish"]
            : ["end force_disconnect 1001 finish"]
        #expect(socket.at(5) == end)
    }

    @Test func `giving up is at once, and keeps the rules`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.begin("t"))
        #expect(
            socket.giveUp(.overloaded) == [
                "client close 1013 overloaded", "upstream close 1001 overloaded",
                "end overloaded - finish",
            ])
        let closing = try SocketDialogue()
        _ = closing.upstream(.close())
        #expect(closing.giveUp(.draining) == ["end draining 1000 finish"])
    }

    @Test func `who is given up while an end waits ends as he was told first`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.begin("t"))
        _ = socket.kick()
        #expect(
            socket.giveUp(.draining) == [
                "client close 4010 kicked", "upstream close 1001 force_disconnect",
                "end force_disconnect kicked finish",
            ])
    }

    @Test func `where Socket IO is spoken the last words are packets`() throws {
        let main = try SocketDialogue(namespace: "/")
        let end = Array(kicked.dropFirst())
        #expect(
            main.kick("{}")
                == [#"client text 42["force_disconnect",{}]"#, "client text 41"] + end)
        let named = try SocketDialogue(namespace: "/a")
        #expect(named.kick(nil) == ["client text 41/a,"] + end)
        // Who may come back is not sent away.
        let draining = try SocketDialogue(namespace: "/")
        #expect(draining.end(StreamEnding(.draining, comingBack: .never)).count == 3)
        let back = try SocketDialogue(namespace: "/")
        #expect(back.end(StreamEnding(.forbidden, message: nil)).count == 3)
    }

    // MARK: Losses

    @Test func `a client that is gone is 1001 for the upstream`() throws {
        let open = try SocketDialogue()
        #expect(
            open.clientLost()
                == ["upstream close 1001 client_gone", "end client_gone - close"])
        let within = try SocketDialogue()
        _ = within.client(octets: [0x81, 0x85, 1, 2, 3, 4, 9])
        #expect(within.clientLost() == ["end client_gone - close"])
        let closed = try SocketDialogue()
        _ = closed.client(.close())
        #expect(closed.clientLost() == ["end normal 1000 close"])
        let told = try SocketDialogue()
        _ = told.upstream(.close(1001))
        #expect(
            told.clientLost()
                == ["upstream close 1001 client_gone", "end client_gone 1001 close"])
        let ending = try SocketDialogue()
        _ = ending.upstream(.begin("t"))
        _ = ending.kick()
        #expect(
            ending.clientLost()
                == ["upstream close 1001 client_gone", "end force_disconnect kicked close"])
    }

    /// Octets that can mean nothing stay in front of whoever goes on reading them.
    @Test(arguments: Cut.all)
    func `a client that breaks a rule while an end waits is listened to no more`(cut: Cut) throws {
        let bad = SocketFrame(opcode: 3, payload: [])
        let socket = try SocketDialogue(cut: cut)
        _ = socket.upstream(.begin("t"))
        #expect(socket.kick() == [])
        #expect(socket.client(bad) == ["ignored", "upstream close 1001 force_disconnect"])
        #expect(socket.client(bad, .text("more")) == [])
        #expect(
            socket.upstream(.last("x")) == [
                "client more x", "client text bye", "client close 4010 kicked",
                "end force_disconnect kicked finish",
            ])
        let closed = try SocketDialogue(cut: cut)
        _ = closed.upstream(.begin("t"))
        _ = closed.kick()
        _ = closed.upstream(.close(1001))
        #expect(closed.client(bad) == ["ignored", "end force_disconnect 1001 finish"])
        let whole = try SocketDialogue(cut: cut, compression: ["client"])
        let long = String(repeating: "m", count: MessageDirections.spillSize + 1)
        _ = whole.upstream(.begin(long))
        #expect(whole.kick() == [])
        #expect(whole.client(bad) == ["ignored", "upstream close 1001 force_disconnect"])
    }

    @Test func `an upstream that is gone is 1001 for the client, with a word where it is read`()
        throws
    {
        let open = try SocketDialogue()
        #expect(
            open.upstreamLost("gone") == [
                "upstream closed", "client text gone", "client close 1001 upstream_closed",
                "end upstream_closed - awaitClose",
            ])
        let within = try SocketDialogue()
        _ = within.upstream(.begin("t"))
        #expect(
            within.upstreamLost("gone") == [
                "upstream closed", "client close 1001 upstream_closed",
                "end upstream_closed - finish",
            ])
        let unanswered = try SocketDialogue()
        _ = unanswered.client(.close())
        #expect(
            unanswered.upstreamLost() == [
                "upstream closed", "client close 1001 upstream_closed",
                "end upstream_closed - finish",
            ])
        let closed = try SocketDialogue()
        _ = closed.upstream(.close())
        #expect(closed.upstreamLost() == ["upstream closed"])
        #expect(
            closed.client(.text("late"), .close()) == [
                "upstream text late", "end normal 1000 finish",
            ])
        let ending = try SocketDialogue()
        _ = ending.upstream(.begin("t"))
        _ = ending.kick()
        #expect(
            ending.upstreamLost("gone") == [
                "upstream closed", "client close 4010 kicked",
                "end force_disconnect kicked finish",
            ])
    }

    // MARK: Violations

    @Test(arguments: Cut.all)
    func `what was said before a violation is still answered`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut)
        let bad: [UInt8] = [0x83, 0x80, 1, 2, 3, 4]
        #expect(
            socket.client(octets: SocketFrame.text("good").octets(isMasked: true) + bad + bad)
                == ["upstream text good", "ignored", "upstream close 1001 protocol_error"])
        #expect(socket.client(.text("late"), .close()) == [])
        #expect(socket.upstream(.text("answer")) == ["client text answer"])
        #expect(
            socket.upstream(.close(1001)) == [
                "client close 1002 unknown_opcode", "end protocol_error unknown_opcode finish",
            ])
    }

    /// Behind a violation: what the upstream does, and what the client hears of it.
    @Test func `a violation settles soon, and splits nothing`() throws {
        let violation = [
            "client close 1002 unknown_opcode", "end protocol_error unknown_opcode finish",
        ]
        func violated() throws -> SocketDialogue {
            let socket = try SocketDialogue()
            _ = socket.upstream(.begin("t"))
            _ = socket.client(octets: [0x83, 0x80, 1, 2, 3, 4])
            return socket
        }
        let silent = try violated()
        #expect(silent.upstream(.last("u")) == ["client more u"])
        #expect(silent.at(0.49) == [])
        #expect(silent.at(0.5) == violation)
        let talking = try violated()
        #expect(talking.at(0.5) == [])
        #expect(talking.upstream(.last("u")) == ["client more u"] + violation)
        let endless = try violated()
        #expect(endless.at(5.4) == [])
        #expect(endless.at(5.5) == violation)
        let closing = try violated()
        #expect(closing.upstream(.close()) == violation)
        let lost = try violated()
        #expect(lost.upstreamLost("gone") == ["upstream closed"] + violation)
        let left = try violated()
        #expect(left.clientLost() == ["end protocol_error unknown_opcode close"])
        let leftLate = try violated()
        _ = leftLate.at(1)
        #expect(leftLate.clientLost() == ["end protocol_error unknown_opcode close"])
        let late = try violated()
        _ = late.at(1)
        #expect(late.upstream(.close()) == violation)
        let kicked = try violated()
        #expect(kicked.kick() == [])
        #expect(
            kicked.upstream(.last("u")) == [
                "client more u", "client text bye", "client close 4010 kicked",
                "end force_disconnect kicked finish",
            ])
    }

    @Test func `a violation behind the upstream's close frame is no second close`() throws {
        let socket = try SocketDialogue()
        _ = socket.upstream(.close())
        #expect(
            socket.client(octets: [0x83, 0x80, 1, 2, 3, 4])
                == ["ignored", "end protocol_error 1000 finish"])
    }

    @Test(arguments: Cut.all) func `a violation while an end waits does not hasten it`(cut: Cut)
        throws
    {
        let bad: [UInt8] = [0x83, 0x80, 1, 2, 3, 4]
        let socket = try SocketDialogue(cut: cut)
        _ = socket.upstream(.begin("t"))
        _ = socket.kick()
        #expect(
            socket.client(octets: SocketFrame.text("good").octets(isMasked: true) + bad)
                == ["upstream text good", "ignored", "upstream close 1001 force_disconnect"])
        #expect(socket.client(.text("bad")) == [])
        #expect(
            socket.upstream(.last("u")) == [
                "client more u", "client text bye", "client close 4010 kicked",
                "end force_disconnect kicked finish",
            ])
        // Nor does one behind the upstream's close frame.
        let closed = try SocketDialogue(cut: cut)
        _ = closed.upstream(.begin("t"))
        _ = closed.kick()
        _ = closed.upstream(.close(1001))
        #expect(
            closed.client(octets: bad) == ["ignored", "end force_disconnect 1001 finish"])
    }

    @Test(arguments: Cut.all)
    func `an end does not wait for a message of an upstream that breaks the rules`(cut: Cut) throws
    {
        let bad: [UInt8] = [0x83, 0x00]
        let socket = try SocketDialogue(cut: cut)
        _ = socket.upstream(.begin("t"))
        _ = socket.kick()
        #expect(
            socket.upstream(octets: bad) == [
                "client close 4010 kicked", "upstream close 1001 force_disconnect",
                "end force_disconnect kicked finish",
            ])
        let closed = try SocketDialogue(cut: cut)
        _ = closed.upstream(.begin("t"))
        _ = closed.kick()
        _ = closed.client(.close())
        #expect(
            closed.upstream(octets: bad)
                == ["client close 4010 kicked", "end force_disconnect kicked finish"])
    }

    /// Only a message that is too long to be gathered is on its way where whole ones are read.
    @Test(arguments: ["client", "upstream"])
    func `the same where whole messages are read`(who: String) throws {
        let size = MessageDirections.spillSize + 1
        var long = SocketFrame.binary(String(repeating: "t", count: size))
        long.isFinal = false
        let socket = try SocketDialogue(compression: ["client"])
        _ = socket.upstream(long)
        #expect(socket.kick() == [])
        if who == "client" {
            #expect(
                socket.client(octets: [0x83, 0x80, 1, 2, 3, 4])
                    == ["ignored", "upstream close 1001 force_disconnect"])
        } else {
            #expect(
                socket.upstream(octets: [0x83, 0x00]) == [
                    "client close 4010 kicked", "upstream close 1001 force_disconnect",
                    "end force_disconnect kicked finish",
                ])
        }
    }

    @Test(arguments: Cut.all) func `a violation of the upstream's is an internal error`(cut: Cut)
        throws
    {
        let socket = try SocketDialogue(cut: cut)
        let bad: [UInt8] = [0x83, 0x00]
        #expect(
            socket.upstream(octets: SocketFrame.text("good").octets(isMasked: false) + bad) == [
                "client text good", "client close 1011 upstream_unknown_opcode",
                "upstream close 1001 internal_error",
                "end internal_error upstream_unknown_opcode awaitClose",
            ])
    }

    @Test(
        arguments: [
            ("message_size 10", 1009, "message_too_big", "too_big"),
            ("message_size 100; fragments 1", 1009, "too_many_fragments", "too_big"),
        ])
    func `limits of a client's messages`(words: String, code: Int, word: String, row: String) throws
    {
        let socket = try SocketDialogue(words)
        #expect(
            socket.client(.begin("123456"), .last("123456"))
                == ["upstream text- 123456", "ignored", "upstream close 1001 \(row)"])
        #expect(
            socket.upstream(.close())
                == ["client close \(code) \(word)", "end \(row) \(word) finish"])
    }
}
