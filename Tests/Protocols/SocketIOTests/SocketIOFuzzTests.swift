import Bytes
import Clock
import JSON
import Randomness
import SocketIO
import Testing

/// Whatever a client or an app says, nothing breaks, and what is understood means what it says.
@Suite("Packets of Socket.IO, at random")
struct SocketIOFuzzTests {
    private static let seeds = [
        "40", #"40{"token":"a.b.c"}"#, #"40/admin,{"token":"a","x":[1,"é"]}"#, "3", "1", "6",
        #"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#,
        #"44{"message":"no"}"#, #"42["a",{}]"#, #"451-["a",{"_placeholder":true,"num":0}]"#,
    ].map(octets)

    @Test("Mutated packets") func mutated() throws {
        var random = SeededGenerator(seed: Fuzzing.seed())
        for _ in 0..<Fuzzing.iterations(default: 20_000) {
            let seed = try #require(Self.seeds.randomElement(using: &random))
            check(random.mutated(seed))
            check(random.octets(Int.random(in: 0...12, using: &random)))
        }
    }

    private func check(_ message: [UInt8]) {
        // Such a text message does not come this far (RFC 6455 §8.1).
        guard String(validating: message, as: UTF8.self) != nil else { return }
        var session = EngineSession(
            OpenPacket(
                session: "a",
                times: EngineTimes(pingInterval: .seconds(25), pingTimeout: .seconds(20))),
            now: .zero)
        if case .connect(let packet)? = try? session.clientSaid(message.span, isText: true) {
            checkConnect(packet, of: message)
            #expect(session.hasAsked && session.namespace == packet.namespace)
        } else {
            #expect(!session.hasAsked)
        }
        if let packet = try? OpenPacket(message.span, isText: true) {
            #expect(message.first == 0x30 && packet.times.pingInterval >= .zero)
            let again = try? OpenPacket(packet.message(maxPayload: 1).span, isText: true)
            #expect(again == packet)
        }
    }

    /// The parts make the whole.
    private func checkConnect(_ packet: ConnectPacket, of message: [UInt8]) {
        #expect(packet.payload.upperBound == message.count)
        let head = text(Array(message[..<packet.payload.lowerBound]))
        let forms = [
            "40" + packet.namespace, "40" + packet.namespace + ",",
            packet.namespace == "/" ? "40" : "",
        ]
        #expect(forms.contains { $0.utf8.elementsEqual(head.utf8) }, "\(message)")
        if !packet.payload.isEmpty { #expect(message[packet.payload.lowerBound] == 0x7B) }
    }
}
