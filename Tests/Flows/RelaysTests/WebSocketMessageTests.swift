import Clock
import Endings
import SocketIO
import Testing

@testable import Relays

/// Messages that are read whole: compression, messages for the gateway, sessions of Engine.IO.
@Suite struct WebSocketMessageTests {
    // MARK: Compression

    @Test(arguments: Cut.all) func `messages are inflated and deflated on the way`(cut: Cut) throws
    {
        let client = try SocketDialogue(cut: cut, compression: ["client"])
        #expect(client.client(.compressed("zhello")) == ["upstream text hello"])
        #expect(client.client(.begin("pl"), .last("ain")) == ["upstream text plain"])
        #expect(client.upstream(.text("hello")) == ["client text~ zhello"])
        #expect(client.upstream(.begin("he"), .last("llo")) == ["client text~ zhello"])
        #expect(client.upstream(.text("tin")) == ["client text tin"], "too short")
        #expect(client.messageCounts == [2, 3])
        let upstream = try SocketDialogue(cut: cut, compression: ["upstream"])
        #expect(upstream.client(.text("hello")) == ["upstream text~ zhello"])
        #expect(upstream.client(.text("tin")) == ["upstream text tin"])
        #expect(upstream.upstream(.compressed("zhello")) == ["client text hello"])
    }

    @Test func `what both ends can read passes compressed, unless a window is kept`() throws {
        let both = try SocketDialogue(compression: ["client", "upstream"])
        #expect(both.upstream(.compressed("zhello")) == ["client text~ zhello"])
        #expect(both.upstream(.compressed("!")) == ["client text~ !"], "it is not looked at")
        #expect(both.client(.compressed("zhello")) == ["upstream text~ zhello"])
        let kept = try SocketDialogue(compression: ["client", "upstream"], keepsWindow: true)
        #expect(kept.upstream(.compressed("z12345")) == ["client text 12345"])
    }

    @Test func `what does not shrink is not tried again for a while`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        for _ in 1...4 { #expect(socket.upstream(.text("12345")) == ["client text 12345"]) }
        for _ in 1...32 { #expect(socket.upstream(.text("hello")) == ["client text hello"]) }
        #expect(socket.upstream(.text("hello")) == ["client text~ zhello"])
    }

    @Test(arguments: [("!", "invalid_payload", 1007), ("#", "too_big", 1009)])
    func `a message of the client's that cannot be inflated`(
        message: String, row: String, code: Int
    ) throws {
        let socket = try SocketDialogue(compression: ["client"])
        #expect(
            socket.client(.text("good"), .compressed(message), .text("late"))
                == ["upstream text good", "ignored", "upstream close 1001 \(row)"])
        #expect(
            socket.upstream(.close()) == [
                "client close \(code) inflate", "end \(row) inflate finish",
            ])
    }

    @Test func `one of the upstream's is an internal error`() throws {
        let socket = try SocketDialogue(compression: ["upstream"])
        #expect(
            socket.upstream(.text("good"), .compressed("!"), .text("late")) == [
                "client text good", "client close 1011 upstream_inflate",
                "upstream close 1001 internal_error",
                "end internal_error upstream_inflate awaitClose",
            ])
    }

    @Test func `a long message goes on in pieces, and what the gateway says waits`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        let half = [UInt8](repeating: 0x61, count: MessageDirections.spillSize)
        let frame = SocketFrame(opcode: 1, payload: half + half).octets(isMasked: false)
        let first = socket.upstream(octets: Array(frame[..<(half.count + 100)]))
        #expect(first == ["client text- \(half.count + 90) octets"])
        #expect(socket.say("mine") == [] && socket.kick() == [])
        #expect(socket.client(.ping("a")) == ["upstream ping a"])
        let rest = socket.upstream(octets: Array(frame[(half.count + 100)...]))
        #expect(
            rest == [
                "client more \(half.count - 90) octets", "client text mine", "client text bye",
                "client close 4010 kicked", "upstream close 1001 force_disconnect",
                "end force_disconnect kicked awaitClose",
            ])
    }

    @Test(arguments: Cut.all) func `control frames keep their place`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut, compression: ["client"])
        #expect(
            socket.client(.text("one"), .ping("a"), .begin("t"), .pong("b"), .last("wo"))
                == ["upstream text one", "upstream ping a", "upstream pong b", "upstream text two"])
        #expect(
            socket.upstream(.begin("on"), .ping("c"), .last("e"), .close())
                == ["client ping c", "client text one", "client close 1000"])
        #expect(socket.client(.close()).last == "end normal 1000 finish")
    }

    // MARK: Turns

    @Test func `what may inflate to a lot waits for its turn, and keeps its order`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        socket.allowance.heavy = false
        let heavy = SocketFrame(
            opcode: 1, payload: [UInt8](repeating: 0x7A, count: 9000), isCompressed: true)
        #expect(socket.client(heavy, .text("next")) == [])
        #expect(socket.resumptions == [false])
        #expect(!socket.wantsClientInput && socket.heldCount > 9000)
        #expect(socket.client(.text("light")) == [])
        #expect(socket.resumptions == [false, true])
        #expect(socket.turn() == [], "still not allowed")
        socket.allowance.heavy = true
        #expect(
            socket.turn()
                == ["upstream text 8999 octets", "upstream text next", "upstream text light"])
        #expect(socket.wantsClientInput && socket.heldCount == 0)
    }

    @Test func `light input has an allowance of its own`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        socket.allowance = TurnAllowance(light: true, heavy: false)
        #expect(socket.client(.compressed("zhello")) == ["upstream text hello"])
        socket.allowance = TurnAllowance(light: false, heavy: true)
        #expect(socket.client(.compressed("zhello")) == [])
        #expect(socket.resumptions == [true])
    }

    @Test func `what the upstream does not take is held`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        socket.upstreamPending = Flow.highWater
        #expect(socket.client(.text("one")) == [])
        #expect(socket.turn() == [] && socket.heldCount > 0)
        socket.upstreamPending = 0
        #expect(socket.turn() == ["upstream text one"])
    }

    @Test func `what is held counts before the end of the client's input`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        socket.upstreamPending = Flow.highWater
        #expect(socket.client(.text("one"), .close()) == [])
        #expect(socket.clientFinished() == [] && socket.turn() == [])
        socket.upstreamPending = 0
        #expect(socket.turn() == ["upstream text one", "upstream close 1000"])
        #expect(socket.clientFinished() == ["end normal 1000 close"])
    }

    @Test func `a client whose connection is broken is not waited for, whatever is held`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        socket.upstreamPending = Flow.highWater
        #expect(socket.client(.text("one")) == [])
        #expect(
            socket.clientLost() == ["upstream close 1001 client_gone", "end client_gone - close"])
    }

    @Test func `what was held when the socket ended is read for its close frame`() throws {
        let socket = try SocketDialogue(compression: ["client"])
        socket.upstreamPending = Flow.highWater
        _ = socket.client(.text("one"), .close())
        _ = socket.kick()
        #expect(socket.turn() == ["client closed"])
    }

    // MARK: Messages for the gateway

    private let refresh = #"{"type":"auth.refresh","token":"new"}"#

    @Test(arguments: Cut.all) func `a new token is for the gateway`(cut: Cut) throws {
        let socket = try SocketDialogue(cut: cut, speaksControl: true)
        #expect(
            socket.client(.text("one"), .text(refresh), .text("two"))
                == ["upstream text one", "refresh new", "upstream text two"])
        #expect(
            socket.client(.text(#"{"type":"auth.refresh"}"#)) == ["refuse control_malformed"])
        let mentioned = #"{"type":"chat","text":"auth.refresh"}"#
        #expect(socket.client(.text(mentioned)) == ["upstream text " + mentioned])
        #expect(socket.client(.binary(refresh)) == ["upstream binary " + refresh])
        let deaf = try SocketDialogue(cut: cut, compression: ["client"])
        #expect(deaf.client(.text(refresh)) == ["upstream text " + refresh])
    }

    @Test func `a compressed one, too`() throws {
        let socket = try SocketDialogue(speaksControl: true, compression: ["client"])
        #expect(socket.client(.compressed("z" + refresh)) == ["refresh new"])
    }

    @Test func `too many of them break a rule`() throws {
        let socket = try SocketDialogue("control_rate 2", speaksControl: true)
        #expect(socket.client(.text(refresh), .text(refresh)) == ["refresh new", "refresh new"])
        #expect(
            socket.client(.text(refresh), .text("late"))
                == ["ignored", "upstream close 1001 rate_limited"])
        #expect(socket.at(1).last == "end rate_limited control_messages finish")
    }

    // MARK: Engine.IO

    private func engine(_ cut: Cut = .whole) throws -> SocketDialogue {
        let times = EngineTimes(pingInterval: .seconds(3), pingTimeout: .seconds(2))
        var engine = EngineSession(
            OpenPacket(session: "s", times: times), now: .zero + .seconds(1000))
        _ = try engine.clientSaid(Array("40".utf8).span, isText: true)
        let socket = try SocketDialogue(
            cut: cut, namespace: "/", compression: ["client"], engine: engine)
        socket.awaitSession()
        return socket
    }

    private let opening = #"0{"sid":"x","upgrades":[],"pingInterval":3000,"pingTimeout":2000}"#

    @Test(arguments: Cut.all) func `the app's session takes the place of the first`(cut: Cut) throws
    {
        let socket = try engine(cut)
        #expect(!socket.wantsClientInput)
        #expect(socket.client(.text("42[1]")) == [], "it waits")
        #expect(socket.at(3) == ["client text 2"])
        #expect(socket.upstream(.text(opening)) == ["first message"])
        #expect(socket.turn() == ["upstream text 42[1]"])
        // The answer to the ping from here, once.
        #expect(socket.client(.text("3"), .text("3")) == ["upstream text 3"])
        #expect(socket.upstream(.text("2")) == ["client text 2"])
        #expect(socket.at(14) == [], "the app pings")
    }

    @Test func `a compressed opening is read, too`() throws {
        let times = EngineTimes(pingInterval: .seconds(3), pingTimeout: .seconds(2))
        let session = EngineSession(
            OpenPacket(session: "s", times: times), now: .zero + .seconds(1000))
        let socket = try SocketDialogue(
            namespace: "/", compression: ["client", "upstream"], engine: session)
        #expect(socket.upstream(.compressed("z" + opening)) == ["first message"])
        #expect(socket.upstream(.compressed("zhello")) == ["client text~ zhello"])
    }

    @Test func `a client that might not hear the app's ping in time is pinged at once`() throws {
        let socket = try engine()
        #expect(socket.at(2) == [])
        #expect(socket.upstream(.text(opening)) == ["first message", "client text 2"])
        #expect(socket.at(20) == [])
    }

    @Test(arguments: ["hello", "2", #"0{"sid":""}"#])
    func `an app that does not speak it is an internal error`(words: String) throws {
        let socket = try engine()
        #expect(
            socket.upstream(.text(words)) == [
                "client close 1011 upstream_engineio_open", "upstream close 1001 internal_error",
                "end internal_error upstream_engineio_open awaitClose",
            ])
    }

    @Test func `an app that says nothing is waited for, and not for ever`() throws {
        let socket = try engine()
        let pings = socket.at(9.9)
        #expect(pings == ["client text 2", "client text 2", "client text 2"])
        #expect(
            socket.at(10) == [
                "client close 1013 engineio_open", "upstream close 1001 upstream_unavailable",
                "end upstream_unavailable engineio_open awaitClose",
            ])
    }

    @Test func `no ping follows a close frame of the app's`() throws {
        let socket = try engine()
        #expect(socket.at(2) == [])
        #expect(socket.upstream(.close(1012)) == ["client close 1012"])
        #expect(socket.at(7) == ["end normal 1012 finish"])
    }
}
