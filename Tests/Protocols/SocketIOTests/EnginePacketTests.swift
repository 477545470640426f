import Bytes
import JSON
import SocketIO
import Testing

/// The octets of a text message.
func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

@Suite("Packets of Engine.IO and Socket.IO")
struct EnginePacketTests {
    @Test("The first character says the kind", arguments: EnginePacket.Kind.allCases)
    func kinds(kind: EnginePacket.Kind) throws {
        let message = EnginePacket.bare(kind) + octets("rest")
        let packet = try EnginePacket(message.span, isText: true)
        #expect(packet.kind == kind)
        #expect(packet.payload == 1..<5)
        #expect(throws: PacketError.engine) { try EnginePacket(message.span, isText: false) }
    }

    @Test("What is no packet", arguments: ["", "7", "a", "{}", " 4", "\u{0}", "é", "bAQID"])
    func none(message: String) {
        #expect(throws: PacketError.engine) {
            try EnginePacket(octets(message).span, isText: true)
        }
    }

    private func connect(_ message: String) throws -> ConnectPacket {
        let octets = octets(message)
        return try ConnectPacket(EnginePacket(octets.span, isText: true), of: octets.span)
    }

    @Test(
        "A namespace is asked for, with what is in auth",
        arguments: [
            ("40", "/", ""), (#"40{"token":"a"}"#, "/", #"{"token":"a"}"#),
            (#"40/admin,{"token":"a"}"#, "/admin", #"{"token":"a"}"#),
            ("40/admin", "/admin", ""), ("40/admin,", "/admin", ""), ("40/", "/", ""),
            ("40/,{}", "/", "{}"), ("40/a?b=c,{}", "/a?b=c", "{}"), ("40/é,{}", "/é", "{}"),
            (#"40{"a":",/"}"#, "/", #"{"a":",/"}"#), ("40{", "/", "{"),
            // Whoever reads up to the comma sees a long name, and no object.
            (#"40/a{"token":"b"}"#, #"/a{"token":"b"}"#, ""),
        ])
    func connecting(message: String, namespace: String, payload: String) throws {
        let packet = try connect(message)
        #expect(packet.namespace == namespace)
        #expect(text(Array(octets(message)[packet.payload])) == payload)
    }

    @Test(
        "What asks for no namespace, or in a way that readers differ about",
        arguments: [
            "4", "41", #"42["a"]"#, "4a", "0{}", "3", "400", #"407{"token":"a"}"#, "40 {}",
            #"40"text""#, "40[]", "40null", "40,{}", "40/a,7{}", "40/a, {}", "40/a,[]",
            "40/" + String(repeating: "a", count: ConnectPacket.namespaceLimit),
        ])
    func notConnecting(message: String) {
        #expect(throws: PacketError.connect) { try connect(message) }
    }

    @Test("What a server says") func saying() {
        var data = JSONObject()
        data["reason"] = .string("token_expired")
        #expect(
            text(SocketPacket.connectError("/", message: "No \"way\"", data: data))
                == #"44{"message":"No \"way\"","data":{"reason":"token_expired"}}"#)
        #expect(
            text(SocketPacket.connectError("/admin", message: "", data: JSONObject()))
                == #"44/admin,{"message":"","data":{}}"#)
        #expect(text(SocketPacket.disconnect("/")) == "41")
        #expect(text(SocketPacket.disconnect("/admin")) == "41/admin,")
        #expect(
            text(SocketPacket.event("/", "a\"b", argument: octets("{}").span))
                == #"42["a\"b",{}]"#)
        #expect(
            text(SocketPacket.event("/admin", "a", argument: octets("[1]").span))
                == #"42/admin,["a",[1]]"#)
    }
}
