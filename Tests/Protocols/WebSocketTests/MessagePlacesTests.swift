import Testing

@testable import WebSocket

/// Where an assembler puts messages when it is asked to do better than one whole copy.
@Suite("Places of messages")
struct MessagePlacesTests {
    typealias Event = MessageAssembler.Event

    private static let spilling = AssemblerMode(checksText: true, spillSize: 10)

    /// The events of one input, with what `payload` held after each.
    private func events(
        _ assembler: inout MessageAssembler, _ input: [UInt8]
    ) throws(WebSocketError) -> [(event: Event, payload: [UInt8])] {
        var payload: [UInt8] = []
        var index = 0
        var events: [(event: Event, payload: [UInt8])] = []
        while let event = try assembler.decode(input.span, at: &index, into: &payload) {
            events.append((event, payload))
        }
        #expect(index == input.count)
        return events
    }

    @Test("a message that stands whole in the input is shown where it is")
    func inPlace() throws {
        let wire =
            frame(.server, .text, Array("Hello".utf8)) + frame(.server, .ping, [9])
            + frame(.server, .binary, []) + frame(.server, .binary, [1, 2, 3], rsv1: true)
        var assembler = MessageAssembler(
            from: .server, allowsCompression: true, checksText: true, findsInPlace: true)
        let events = try self.events(&assembler, wire)
        #expect(
            events.map(\.event) == [
                .messageInPlace(.text, isCompressed: false, 2..<7),
                .control(ControlFrame(.ping, payload: [9])),
                .messageInPlace(.binary, isCompressed: false, 12..<12),
                .messageInPlace(.binary, isCompressed: true, 14..<17),
            ])
        #expect(events.allSatisfy { $0.payload.isEmpty })
        #expect(assembler.messageCount == 3)
    }

    @Test("a header may have come before; a piece of the payload may not")
    func headerBefore() throws {
        let wire = frame(.server, .binary, [UInt8](repeating: 7, count: 300))
        for cut in 1...8 {
            var assembler = MessageAssembler(from: .server, findsInPlace: true)
            #expect(try events(&assembler, Array(wire[..<cut])).isEmpty)
            let events = try self.events(&assembler, Array(wire[cut...]))
            let start = max(4 - cut, 0)
            #expect(
                events.map(\.event) == [
                    cut <= 4
                        ? .messageInPlace(.binary, isCompressed: false, start..<(start + 300))
                        : .message(.binary, isCompressed: false)
                ])
            #expect(events[0].payload == (cut <= 4 ? [] : Array(wire[4...])))
        }
    }

    @Test("masked, fragmented and cut messages are put together as ever")
    func notInPlace() throws {
        let whole: [Event] = [.message(.text, isCompressed: false)]
        var client = MessageAssembler(from: .client, findsInPlace: true)
        #expect(try events(&client, frame(.client, .text, [0x61])).map(\.event) == whole)
        let fragments =
            frame(.server, .text, [0x61], fin: false) + frame(.server, .continuation, [0x62])
        var server = MessageAssembler(from: .server, findsInPlace: true)
        let events = try self.events(&server, fragments)
        #expect(events.map(\.event) == whole && events[0].payload == [0x61, 0x62])
        // Nothing but empty fragments in front: what there is stands in one place.
        let empty =
            frame(.server, .text, [], fin: false) + frame(.server, .continuation, [0x62])
        #expect(
            try self.events(&server, empty).map(\.event) == [
                .messageInPlace(.text, isCompressed: false, 4..<5)
            ])
    }

    @Test("text is checked where it stands")
    func textInPlace() {
        let mode = AssemblerMode(checksText: true, findsInPlace: true)
        let wire = frame(.server, .text, [0x61, 0x80])
        for cut in Cut.several {
            #expect(assemble(wire, from: .server, cut: cut, mode: mode).error == .textNotUTF8)
        }
    }

    @Test("a message up to the spill size is whole, one octet more comes in pieces")
    func edge() throws {
        var assembler = MessageAssembler(from: .server, spillSize: 10)
        let small = try events(&assembler, frame(.server, .binary, Array(0..<10)))
        #expect(small.map(\.event) == [.message(.binary, isCompressed: false)])
        let big = try events(&assembler, frame(.server, .binary, Array(0..<11)))
        #expect(big.map(\.event) == [.fragment(.binary, isFirst: true, isLast: true)])
        #expect(big[0].payload == Array(0..<11))
        #expect(assembler.isBetweenMessages && assembler.messageCount == 2)
    }

    @Test("what was gathered comes with the piece that makes it too much")
    func pieces() throws {
        var assembler = MessageAssembler(from: .client, spillSize: 10)
        #expect(try events(&assembler, frame(.client, .text, Array(0..<8), fin: false)).isEmpty)
        #expect(assembler.gatheredCount == 8 && assembler.isBetweenMessages)

        let second = frame(.client, .continuation, Array(8..<13), fin: false)
        // Known to be too much as soon as the header is there, but nothing new came yet.
        #expect(try events(&assembler, Array(second[..<6])).isEmpty)
        #expect(assembler.gatheredCount == 8 && assembler.isBetweenMessages)
        var events = try events(&assembler, Array(second[6..<9]))
        #expect(events.map(\.event) == [.fragment(.text, isFirst: true, isLast: false)])
        #expect(events[0].payload == Array(0..<11))
        #expect(assembler.gatheredCount == 0 && !assembler.isBetweenMessages)
        events = try self.events(&assembler, Array(second[9...]))
        #expect(events.map(\.event) == [.fragment(.text, isFirst: false, isLast: false)])
        #expect(events[0].payload == [11, 12])

        events = try self.events(&assembler, frame(.client, .ping, [1]))
        #expect(events.map(\.event) == [.control(ControlFrame(.ping, payload: [1]))])
        #expect(!assembler.isBetweenMessages)
        events = try self.events(
            &assembler, frame(.client, .continuation) + frame(.client, .text, [0x61]))
        #expect(
            events.map(\.event) == [
                .fragment(.text, isFirst: false, isLast: true),
                .message(.text, isCompressed: false),
            ])
        #expect(events.map(\.payload) == [[], [0x61]])
        #expect(assembler.isBetweenMessages && assembler.gatheredCount == 0)
    }

    @Test("a message without a visible end passes with little memory")
    func endless() throws {
        let header = FrameHeader(opcode: .binary, payloadLength: 1 << 50).octets.array
        let chunk = [UInt8](repeating: 0x5A, count: 1 << 16)
        var assembler = MessageAssembler(
            from: .server, limits: FrameLimits(messageSize: .max), findsInPlace: true,
            spillSize: 1 << 20)
        var payload: [UInt8] = []
        var index = 0
        #expect(try assembler.decode(header.span, at: &index, into: &payload) == nil)
        for number in 0..<200 {
            index = 0
            let event = try assembler.decode(chunk.span, at: &index, into: &payload)
            guard case .fragment(.binary, let isFirst, let isLast) = event else {
                Issue.record("no fragment")
                return
            }
            #expect(isFirst == (number == 0) && !isLast && payload == chunk)
            #expect(assembler.gatheredCount == 0)
        }
        #expect(payload.capacity < 1 << 18)
    }

    @Test("compressed messages are never spilled, but have a limit of their own")
    func compressed() {
        let mode = AssemblerMode(spillSize: 10, compressedSize: 20)
        let fits =
            frame(.server, .binary, Array(0..<15), fin: false, rsv1: true)
            + frame(.server, .continuation, Array(15..<20))
        let over = fits + frame(.server, .binary, Array(0..<21), rsv1: true)
        for cut in Cut.several {
            let outcome = assemble(
                fits, from: .server, cut: cut, allowsCompression: true, mode: mode)
            #expect(
                outcome.messages == [
                    .init(kind: .binary, isCompressed: true, payload: Array(0..<20))
                ])
            let refused = assemble(
                over, from: .server, cut: cut, allowsCompression: true, mode: mode)
            #expect(refused.error == .messageTooBig && refused.messages.count == 1)
        }
    }

    @Test("spilled text is checked across its pieces", arguments: Cut.several)
    func spilledText(cut: Cut) {
        let text = Array(String(repeating: "한", count: 8).utf8)
        let good =
            frame(.server, .text, Array(text[..<4]), fin: false)
            + frame(.server, .continuation, Array(text[4..<20]), fin: false)
            + frame(.server, .continuation, Array(text[20...]))
        let outcome = assemble(good + good, from: .server, cut: cut, mode: Self.spilling)
        #expect(outcome.error == nil)
        #expect(outcome.messages.map(\.payload) == [text, text])
        let cutOff = frame(.server, .text, Array(text.dropLast()))
        #expect(
            assemble(cutOff, from: .server, cut: cut, mode: Self.spilling).error == .textNotUTF8)
        let broken =
            frame(.server, .text, Array(text[..<4]), fin: false)
            + frame(.server, .continuation, [0x61] + Array(text[5...]), fin: false)
        #expect(
            assemble(broken, from: .server, cut: cut, mode: Self.spilling).error == .textNotUTF8)
        let binary = frame(.server, .binary, Array(text.dropLast()))
        #expect(assemble(binary, from: .server, cut: cut, mode: Self.spilling).error == nil)
    }

    @Test("after a violation or a close within a spilled message none of ours may follow")
    func ended() throws {
        let start = frame(.server, .text, [UInt8](repeating: 0x61, count: 11), fin: false)
        var assembler = MessageAssembler(from: .server, spillSize: 10)
        _ = try events(&assembler, start)
        #expect(throws: WebSocketError.messageWithinMessage) {
            try self.events(&assembler, frame(.server, .text))
        }
        #expect(!assembler.isBetweenMessages)
        assembler = MessageAssembler(from: .server, spillSize: 10)
        let events = try self.events(&assembler, start + frame(.server, .close) + start)
        #expect(
            events.map(\.event) == [
                .fragment(.text, isFirst: true, isLast: false), .control(ControlFrame(.close)),
            ])
        #expect(assembler.isClosed && !assembler.isBetweenMessages)
    }

    @Test("pieces go on as fragments of one message")
    func onTheWire() {
        for to in [Endpoint.client, .server] {
            let key = to == .server ? testKey : nil
            var wire: [UInt8] = []
            let pieces: [[UInt8]] = [[1, 2], [3], []]
            for (number, piece) in pieces.enumerated() {
                FrameEncoder.appendFragment(
                    .binary, piece.span, isFirst: number == 0, isLast: number == 2,
                    maskingKey: key, to: &wire)
            }
            let from: Endpoint = to == .server ? .client : .server
            let outcome = assemble(wire, from: from)
            #expect(outcome.error == nil)
            #expect(
                outcome.messages == [.init(kind: .binary, isCompressed: false, payload: [1, 2, 3])])
        }
    }
}
