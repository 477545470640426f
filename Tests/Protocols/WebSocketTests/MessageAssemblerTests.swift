import Testing

@testable import WebSocket

@Suite("Message assembler")
struct MessageAssemblerTests {
    static let senders: [Endpoint] = [.client, .server]

    @Test("the examples of RFC 6455 §5.7", arguments: Cut.several)
    func rfc(cut: Cut) {
        let hello = Outcome.Message(kind: .text, isCompressed: false, payload: Array("Hello".utf8))
        let unmasked: [UInt8] = [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
        #expect(assemble(unmasked, from: .server, cut: cut).messages == [hello])
        let masked: [UInt8] = [
            0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ]
        #expect(assemble(masked, from: .client, cut: cut).messages == [hello])
        let fragmented: [UInt8] = [0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F]
        #expect(assemble(fragmented, from: .server, cut: cut).messages == [hello])
        let ping: [UInt8] = [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]
        #expect(
            assemble(ping, from: .server, cut: cut).controls == [
                ControlFrame(.ping, payload: Array("Hello".utf8))
            ])
        let pong: [UInt8] = [
            0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ]
        #expect(
            assemble(pong, from: .client, cut: cut).controls == [
                ControlFrame(.pong, payload: Array("Hello".utf8))
            ])
    }

    @Test("the compressed Hello in two fragments of RFC 7692 §7.2.3.1", arguments: Cut.several)
    func rfc7692(cut: Cut) {
        let wire: [UInt8] = [0x41, 0x03, 0xF2, 0x48, 0xCD, 0x80, 0x04, 0xC9, 0xC9, 0x07, 0x00]
        let outcome = assemble(wire, from: .server, cut: cut, allowsCompression: true)
        let payload: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        #expect(
            outcome.messages == [.init(kind: .text, isCompressed: true, payload: payload)])
    }

    @Test("a message in one input is not kept", arguments: senders)
    func notStored(from: Endpoint) throws {
        let wire =
            frame(from, .text, [1, 2], fin: false) + frame(from, .continuation, [3])
            + frame(from, .binary, [4])
        var assembler = MessageAssembler(from: from)
        var payload: [UInt8] = []
        var index = 0
        var seen: [[UInt8]] = []
        while try assembler.decode(wire.span, at: &index, into: &payload) != nil {
            seen.append(payload)
            #expect(assembler.gatheredCount == 0)
        }
        #expect(seen == [[1, 2, 3], [4]] && payload.isEmpty)
        #expect(assembler.messageCount == 2)
    }

    @Test("the start of a message is kept over a ping and over inputs, then let go")
    func stored() throws {
        let wire =
            frame(.client, .text, [1, 2], fin: false) + frame(.client, .ping, [9])
            + frame(.client, .continuation, [3, 4, 5])
        var assembler = MessageAssembler(from: .client)
        var payload: [UInt8] = []
        var index = 0
        let cut = wire.count - 1
        let ping = try assembler.decode(
            wire.span.extracting(0..<cut), at: &index, into: &payload)
        #expect(ping == .control(ControlFrame(.ping, payload: [9])))
        #expect(assembler.gatheredCount == 2 && payload.isEmpty)
        #expect(
            try assembler.decode(wire.span.extracting(0..<cut), at: &index, into: &payload) == nil)
        #expect(assembler.gatheredCount == 4 && payload.isEmpty)
        let message = try assembler.decode(wire.span, at: &index, into: &payload)
        #expect(message == .message(.text, isCompressed: false))
        #expect(assembler.gatheredCount == 0 && payload == [1, 2, 3, 4, 5])
    }

    @Test("a claimed length takes no memory before its octets come")
    func claimed() throws {
        let header = FrameHeader(opcode: .binary, payloadLength: 1 << 40).octets.array
        var assembler = MessageAssembler(
            from: .server, limits: FrameLimits(messageSize: 1 << 41))
        var payload: [UInt8] = []
        var index = 0
        let wire = header + [1]
        #expect(try assembler.decode(wire.span, at: &index, into: &payload) == nil)
        #expect(assembler.gatheredCount == 1 && payload.capacity < 100)
    }

    @Test("an open message is let go when a close frame ends it", arguments: Cut.several)
    func closeWithin(cut: Cut) {
        let wire =
            frame(.client, .text, [1, 2], fin: false) + frame(.client, .close)
            + frame(.client, .continuation, [3])
        let outcome = assemble(wire, from: .client, cut: cut)
        #expect(outcome.messages.isEmpty && outcome.error == nil)
        #expect(outcome.controls == [ControlFrame(.close)])

        var assembler = MessageAssembler(from: .client)
        var payload: [UInt8] = []
        var index = 0
        _ = try? assembler.decode(wire.span, at: &index, into: &payload)
        #expect(assembler.isClosed && assembler.gatheredCount == 0 && payload.isEmpty)
    }

    @Test("text that is not UTF-8 is refused when asked, unless it is compressed or binary")
    func text() {
        let bad: [UInt8] = [0x41, 0xED, 0xA0, 0x80]
        for cut in Cut.several {
            let split =
                frame(.client, .text, Array("한".utf8.prefix(1)), fin: false)
                + frame(.client, .continuation, Array("한".utf8.dropFirst()))
            #expect(
                assemble(split, from: .client, cut: cut, checksText: true).messages.map(\.payload)
                    == [Array("한".utf8)])
            let wire = frame(.client, .text, bad)
            #expect(
                assemble(wire, from: .client, cut: cut, checksText: true).error == .textNotUTF8)
            #expect(assemble(wire, from: .client, cut: cut).error == nil)
            #expect(
                assemble(frame(.client, .binary, bad), from: .client, cut: cut, checksText: true)
                    .error == nil)
            #expect(
                assemble(
                    frame(.client, .text, bad, rsv1: true), from: .client, cut: cut,
                    allowsCompression: true, checksText: true
                ).error == nil)
        }
        #expect(WebSocketError.textNotUTF8.closeCode == 1007)
    }

    @Test("after a violation it stays dead and holds nothing")
    func dead() {
        let wire = frame(.client, .text, [1], fin: false) + frame(.client, .text, [2])
        var assembler = MessageAssembler(from: .client)
        var payload: [UInt8] = []
        for _ in 0..<2 {
            var index = 0
            #expect(throws: WebSocketError.messageWithinMessage) {
                try assembler.decode(wire.span, at: &index, into: &payload)
            }
            #expect(assembler.gatheredCount == 0)
        }
    }
}
