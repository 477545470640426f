import Bytes
import Clock
import SocketIO
import Testing

@Suite("A session of Engine.IO that is opened for an app")
struct EngineSessionTests {
    private let start = Instant(nanoseconds: 0)

    private func session(_ interval: Duration = .seconds(25), _ timeout: Duration = .seconds(20))
        -> EngineSession
    {
        EngineSession(
            OpenPacket(
                session: "a", times: EngineTimes(pingInterval: interval, pingTimeout: timeout)),
            now: start)
    }

    private static func opening(_ interval: Int) -> [UInt8] {
        octets(#"0{"sid":"b","upgrades":[],"pingInterval":\#(interval),"pingTimeout":20000}"#)
    }

    @Test("A client greets, asks for a namespace, and is handed over") func course() throws {
        var session = session()
        #expect(session.awaitsApp && !session.hasAsked && session.namespace == "/")
        #expect(try session.clientSaid(octets("6").span, isText: true) == .sign)
        let message = octets(#"40/admin,{"token":"x"}"#)
        let packet = try ConnectPacket(
            EnginePacket(message.span, isText: true), of: message.span)
        #expect(try session.clientSaid(message.span, isText: true) == .connect(packet))
        #expect(session.awaitsApp && session.hasAsked && session.namespace == "/admin")
        let handover = try session.appSaid(
            Self.opening(25_000).span, isText: true, now: start + .seconds(1))
        #expect(!handover.needsPing && !handover.isTooSlow)
        #expect(!session.awaitsApp && session.hasAsked && session.nextPing == nil)
    }

    @Test(
        "What a client says before it asks",
        arguments: [
            ("3", .sign), ("3probe", .sign), ("6", .sign), ("1", .goodbye),
        ] as [(String, EngineSession.Request)])
    func greetings(message: String, expected: EngineSession.Request) throws {
        var session = session()
        #expect(try session.clientSaid(octets(message).span, isText: true) == expected)
        #expect(!session.hasAsked)
    }

    @Test(
        "What a client must not say before it asks",
        arguments: [
            ("0{}", .engine), ("2", .engine), ("2probe", .engine), ("5", .engine), ("", .engine),
            ("x", .engine), ("4", .connect), (#"42["a"]"#, .connect), ("41", .connect),
            (#"401{"token":"a"}"#, .connect),
        ] as [(String, PacketError)])
    func trespasses(message: String, expected: PacketError) {
        var session = session()
        #expect(throws: expected) {
            try session.clientSaid(octets(message).span, isText: true)
        }
        #expect(throws: PacketError.engine) {
            try session.clientSaid(octets("40").span, isText: false)
        }
    }

    @Test("It is pinged until the app does that") func pings() throws {
        var session = session()
        #expect(session.nextPing == start + .seconds(25))
        #expect(session.ping(at: start + .seconds(25)) == octets("2"))
        #expect(session.nextPing == start + .seconds(50))
        _ = try session.appSaid(Self.opening(25_000).span, isText: true, now: start + .seconds(30))
        #expect(session.nextPing == nil)
    }

    @Test("What answers pings from here is nothing to the app, and no more than that")
    func pongs() throws {
        var session = session()
        func takes(_ message: String) -> Bool {
            let octets = octets(message)
            return session.takesPong(octets.span)
        }
        #expect(!takes("3"), "nobody has asked")
        for _ in 1...3 { _ = session.ping(at: start) }
        let first = octets("3")
        #expect(try session.clientSaid(first.span, isText: true) == .sign)
        for other in ["", "3x", "2", "40", "33"] { #expect(!takes(other), "\(other)") }
        #expect(takes("3"))
        #expect(takes("3"))
        #expect(!takes("3"), "that is the app's")
    }

    static let handovers: [(silence: Int, interval: Int, needsPing: Bool, isTooSlow: Bool)] = [
        (0, 25_000, false, false), (9, 25_000, false, false), (11, 25_000, true, false),
        (24, 10_000, false, false), (0, 36_000, true, false), (0, 44_999, true, false),
        (0, 45_000, true, true), (20, 60_000, true, true), (0, 1000, false, false),
    ]

    @Test("The heartbeat does not miss a beat at the handover", arguments: handovers)
    func handingOver(silence: Int, interval: Int, needsPing: Bool, isTooSlow: Bool) throws {
        var session = session()
        let handover = try session.appSaid(
            Self.opening(interval).span, isText: true, now: start + .seconds(silence))
        #expect(handover.needsPing == needsPing)
        #expect(handover.isTooSlow == isTooSlow)
        #expect(handover.times.pingInterval == .milliseconds(interval))
    }

    @Test(
        "An app that opens no session is not taken for one that does", arguments: ["40", "2", ""])
    func strangers(message: String) {
        var session = session()
        #expect(throws: PacketError.open) {
            try session.appSaid(octets(message).span, isText: true, now: start)
        }
        #expect(session.awaitsApp)
    }
}
