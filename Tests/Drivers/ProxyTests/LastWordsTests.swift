import Clients
import Clock
import Endings
import Entry
import Generations
import HTTP
import JSON
import Prepared
import Settings
import SocketIO
import Testing
import Transport

@testable import Proxy

/// What stands in front of a close frame, on WebSockets that speak Socket.IO and on others.
@Suite struct LastWordsTests {
    private static let configuration = """
        listen 127.0.0.1:1
        backend app { server 127.0.0.1:2 }
        route /io { socketio { ping_interval 3s; ping_timeout 2s }; message_size 1k; backend app }
        route /quiet { socketio; explain off; backend app }
        route /ws { backend app }
        route /off { explain off; backend app }
        """
    private static let object = Array(#"{"type":"force_disconnect","message":"Go"}"#.utf8)

    private func context(_ route: Int, isWebSocket: Bool = true) throws -> RequestContext {
        let generation = try Generation.reading(Self.configuration)
        let thread = try ThreadState(
            index: 0, shared: SharedState(workerCount: 1), generation: generation)
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 50_000))
        let context = RequestContext(
            on: thread, id: "id", generation: generation, started: .zero, method: .get,
            provenance: Provenance(
                Fields([]), authority: nil,
                connection: ConnectionOrigin(address: address, isSecure: false),
                settings: generation.settings),
            isWebSocket: isWebSocket, minorVersion: 1)
        context.found.route = route
        return context
    }

    /// With a session of Engine.IO in which the client has said `greeting`; nil for nothing yet.
    private func opened(_ route: Int, _ greeting: String?) throws -> RequestContext {
        let context = try context(route)
        let settings = try #require(context.routeSettings)
        let spoken = try #require(settings.socketIO)
        var engine = EngineSession(OpenPacket(spoken, session: "s"), now: .zero)
        if let greeting { _ = try engine.clientSaid(Array(greeting.utf8).span, isText: true) }
        context.opened = OpenedSocket(
            subprotocol: nil, compression: .init(), settings: settings, engine: engine,
            on: context.thread)
        return context
    }

    private func text(_ messages: [[UInt8]]) -> [String] {
        messages.map { String(decoding: $0, as: UTF8.self) }
    }

    private let head = RequestHead(
        method: .get, target: 0..<0, minorVersion: 1, fields: Fields([]))

    @Test func `it is Socket IO where the route says so, and nowhere but on WebSockets`() throws {
        #expect(try context(0).speaksSocketIO)
        #expect(try !context(2).speaksSocketIO)
        #expect(try !context(0, isWebSocket: false).speaksSocketIO)
        // What was begun before a reload goes on as it was begun.
        let begun = try opened(0, "40")
        begun.found.route = 2
        #expect(begun.speaksSocketIO)
        let other = try context(0)
        let settings = try #require(other.routeSettings)
        other.opened = OpenedSocket(
            subprotocol: nil, compression: .init(), settings: settings, engine: nil,
            on: other.thread)
        #expect(!other.speaksSocketIO)
    }

    @Test(arguments: EndReason.allCases)
    func `only what is final is refused, all else comes back by itself`(reason: EndReason) throws {
        let refusal = Refusal(reason, status: 400, detail: "word", message: "No")
        let code = reason.closeCode
        let error = #"44{"message":"No","data":{"reason":"word","code":\#(code)}}"#
        let waiting = try LastWords(context: opened(0, "40")).messages(
            of: refusal, to: head, session: "new")
        #expect(text(waiting) == (reason.isFinal ? [error] : []))
        let greeting = try LastWords(context: opened(0, nil)).messages(
            of: refusal, to: head, session: "new")
        #expect(greeting.isEmpty, "it has asked for nothing")
        let outside = try LastWords(context: context(0)).messages(
            of: refusal, to: head, session: "new")
        let opening =
            #"0{"sid":"new","upgrades":[],"pingInterval":3000,"pingTimeout":2000,"#
            + #""maxPayload":1024}"#
        #expect(text(outside) == (reason.isFinal ? [opening, error] : []))
    }

    @Test func `an end before the app has heard is a refusal, unless it may come back`() throws {
        var end = StreamEnding(.replaced, message: Self.object, comingBack: .never)
        let error =
            #"44/a,{"message":"Go","data":{"type":"force_disconnect","message":"Go","#
            + #""reason":"replaced","code":4011}}"#
        #expect(
            try text(LastWords(context: opened(0, "40/a")).messages(of: end, session: "")) == [
                error
            ])
        #expect(
            try text(LastWords(context: context(2)).messages(of: end, session: ""))
                == text([Self.object]))
        end.comingBack = .after(milliseconds: 1000)
        #expect(try LastWords(context: opened(0, "40/a")).messages(of: end, session: "").isEmpty)
    }

    @Test(
        arguments: [
            ("/io?EIO=4&transport=websocket", true), ("/io?transport=websocket&EIO=4&x=%20", true),
            ("/io?EIO=4&transport=websocket#x", true), ("/io?EIO=3&transport=websocket", false),
            ("/io", false), ("/io?", false), ("/io?EIO=4&EIO=4&transport=websocket", false),
            ("/io?EIO=4&transport=websocket&sid=", false),
            ("http://h/io?EIO=4&transport=websocket", true),
        ])
    func `which heads begin a session`(target: String, isGood: Bool) {
        let fields = Fields([(name: "anywhere", value: target)])
        let head = RequestHead(
            method: .get, target: fields.lines[0].value, minorVersion: 1, fields: fields)
        #expect((EngineHandshake(head).objection(isWebSocket: true) == nil) == isGood)
    }
}
