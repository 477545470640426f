import Randomness
import Testing

@testable import WebSocket

@Suite("Frame encoder")
struct FrameEncoderTests {
    @Test("the frames of RFC 6455 §5.7, appended to what is there")
    func rfc() {
        var output: [UInt8] = [0xEE]
        FrameEncoder.appendMessage(.text, "Hello".utf8.span, to: &output)
        #expect(output == [0xEE, 0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])

        output = []
        FrameEncoder.appendMessage(.text, "Hello".utf8.span, maskingKey: testKey, to: &output)
        #expect(
            output == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])

        output = []
        FrameEncoder.appendFrame(.text, "Hel".utf8.span, isFinal: false, to: &output)
        FrameEncoder.appendFrame(.continuation, "lo".utf8.span, to: &output)
        #expect(output == [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F])

        output = []
        FrameEncoder.appendControl(ControlFrame(.ping, payload: Array("Hello".utf8)), to: &output)
        #expect(output == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    }

    @Test("a compressed message has RSV1 set")
    func compressed() {
        var output: [UInt8] = []
        let payload: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        FrameEncoder.appendMessage(.text, payload.span, isCompressed: true, to: &output)
        #expect(output == [0xC1, 0x07] + payload)
    }

    @Test("messages of every size come back", arguments: [0, 1, 125, 126, 65535, 65536, 200_000])
    func roundTrip(count: Int) {
        var generator = SeededGenerator(seed: 7)
        let payload = generator.octets(count)
        for from in [Endpoint.client, .server] {
            var wire: [UInt8] = []
            FrameEncoder.appendMessage(.binary, payload.span, maskingKey: from.key, to: &wire)
            let outcome = assemble(wire, from: from)
            #expect(
                outcome.messages == [.init(kind: .binary, isCompressed: false, payload: payload)])
        }
    }

    @Test(
        "a close reason is cut to 123 octets at a character",
        arguments: [
            ("", ""), ("going away", "going away"),
            (String(repeating: "a", count: 123), String(repeating: "a", count: 123)),
            (String(repeating: "a", count: 124), String(repeating: "a", count: 123)),
            (String(repeating: "한", count: 42), String(repeating: "한", count: 41)),
            (String(repeating: "a", count: 121) + "한", String(repeating: "a", count: 121)),
            (String(repeating: "a", count: 116) + "🇰🇷", String(repeating: "a", count: 116)),
            ("e" + String(repeating: "\u{301}", count: 80), ""),
        ])
    func close(reason: String, sent: String) throws {
        for from in [Endpoint.client, .server] {
            var wire: [UInt8] = []
            FrameEncoder.appendClose(code: 4001, reason: reason, maskingKey: from.key, to: &wire)
            let control = try #require(relay(wire, from: from).controls.first)
            #expect(control.closeCode == 4001 && control.closeReason == sent)
        }
    }
}
