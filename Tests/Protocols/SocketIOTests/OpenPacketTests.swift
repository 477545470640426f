import Clock
import JSON
import SocketIO
import Testing

@Suite("What opens a session of Engine.IO")
struct OpenPacketTests {
    private let times = EngineTimes(pingInterval: .seconds(25), pingTimeout: .seconds(20))

    @Test("A session is opened as servers do it") func opening() throws {
        let packet = OpenPacket(session: "a", times: times)
        let message = packet.message(maxPayload: 1_000_000)
        #expect(
            text(message)
                == #"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"#
                + #""maxPayload":1000000}"#)
        #expect(try OpenPacket(message.span, isText: true) == packet)
        #expect(throws: PacketError.open) { try OpenPacket(message.span, isText: false) }
    }

    @Test(
        "What apps say",
        arguments: [
            (#"0{"sid":"x","pingInterval":1,"pingTimeout":2}"#, 1, 2),
            // python-engineio says so of half a second.
            (#"0{"sid":"x","pingInterval":0,"pingTimeout":500}"#, 0, 500),
            (
                #"0 {"pingTimeout":5e3, "sid":"x", "pingInterval":60000.0,"more":[{}]}"#, 60_000,
                5000
            ),
        ])
    func reading(message: String, interval: Int, timeout: Int) throws {
        let packet = try OpenPacket(octets(message).span, isText: true)
        #expect(packet.times.pingInterval == .milliseconds(interval))
        #expect(packet.times.pingTimeout == .milliseconds(timeout))
    }

    @Test(
        "What opens none",
        arguments: [
            "", "0", "0{}", "0[]", #"40{"sid":"x"}"#, "2", "hello",
            #"{"sid":"x","pingInterval":1,"pingTimeout":2}"#,
            #"0{"sid":7,"pingInterval":1,"pingTimeout":2}"#,
            #"0{"sid":"","pingInterval":1,"pingTimeout":2}"#,
            #"0{"sid":"x","pingInterval":-1,"pingTimeout":2}"#,
            #"0{"sid":"x","pingInterval":1e300,"pingTimeout":2}"#,
            #"0{"sid":"x","pingInterval":"1","pingTimeout":2}"#,
            #"0{"sid":"x","pingInterval":1}"#,
            #"0{"sid":"x","sid":"y","pingInterval":1,"pingTimeout":2}"#,
            #"0{"sid":"x","pingInterval":1,"pingTimeout":2}4"#,
            #"0{"sid":"x","pingInterval":1,"pingTimeout":2,"pad":""#
                + String(repeating: "x", count: OpenPacket.octetLimit) + #""}"#,
        ])
    func notOpening(message: String) {
        #expect(throws: PacketError.open) {
            try OpenPacket(octets(message).span, isText: true)
        }
    }

    static let requests: [(String?, String?, Bool, Bool, EngineError?)] = [
        ("4", "websocket", false, true, nil),
        ("3", "websocket", false, true, .unsupportedVersion),
        (nil, "websocket", false, true, .unsupportedVersion),
        ("4", "websocket", true, true, .unknownSession),
        ("4", "websocket", false, false, .badRequest),
        ("4", "polling", false, false, .unknownTransport),
        ("4", "polling", false, true, .unknownTransport),
        ("3", "polling", true, false, .unknownTransport),
        (nil, nil, false, true, .unknownTransport),
        ("4", "Websocket", false, true, .unknownTransport),
    ]

    @Test("Which requests can begin a session", arguments: requests)
    func handshakes(
        version: String?, transport: String?, hasSession: Bool, isWebSocket: Bool,
        expected: EngineError?
    ) {
        let handshake = EngineHandshake(
            version: version, transport: transport, hasSession: hasSession)
        #expect(handshake.objection(isWebSocket: isWebSocket) == expected)
        #expect(handshake.isMeant == (version != nil || transport != nil || hasSession))
    }

    @Test("Refusals are said by number", arguments: EngineError.allCases)
    func errors(error: EngineError) throws {
        let body = try #require(try JSONValue.decode(error.body.span).object)
        #expect(body["code"]?.number?.int64 == Int64(error.rawValue))
        #expect(body["message"]?.string?.isEmpty == false)
        #expect(error.word.hasPrefix("engineio_"))
    }

    @Test("The numbers are those of the reference server") func numbers() {
        #expect(
            text(EngineError.unknownTransport.body) == #"{"code":0,"message":"Transport unknown"}"#)
        #expect(
            text(EngineError.unsupportedVersion.body)
                == #"{"code":5,"message":"Unsupported protocol version"}"#)
    }
}
