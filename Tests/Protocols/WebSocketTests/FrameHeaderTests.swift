import Randomness
import Testing

@testable import WebSocket

@Suite("Frame header")
struct FrameHeaderTests {
    private func decode(
        _ wire: [UInt8], from: Endpoint, allowsCompression: Bool = false
    ) throws(WebSocketError) -> (header: FrameHeader, count: Int)? {
        var index = 0
        let rules = FrameHeader.Rules(from: from, allowsCompression: allowsCompression)
        guard let header = try FrameHeader.decode(wire.span, at: &index, by: rules) else {
            #expect(index == 0)
            return nil
        }
        return (header, index)
    }

    struct Example: Sendable {
        var wire: [UInt8]
        var from: Endpoint
        var header: FrameHeader
    }

    /// The headers of RFC 6455 §5.7.
    static let examples: [Example] = [
        Example(
            wire: [0x81, 0x05], from: .server,
            header: FrameHeader(opcode: .text, payloadLength: 5)),
        Example(
            wire: [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D], from: .client,
            header: FrameHeader(opcode: .text, payloadLength: 5, maskingKey: testKey)),
        Example(
            wire: [0x01, 0x03], from: .server,
            header: FrameHeader(opcode: .text, payloadLength: 3, isFinal: false)),
        Example(
            wire: [0x80, 0x02], from: .server,
            header: FrameHeader(opcode: .continuation, payloadLength: 2)),
        Example(
            wire: [0x89, 0x05], from: .server,
            header: FrameHeader(opcode: .ping, payloadLength: 5)),
        Example(
            wire: [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D], from: .client,
            header: FrameHeader(opcode: .pong, payloadLength: 5, maskingKey: testKey)),
        Example(
            wire: [0x82, 0x7E, 0x01, 0x00], from: .server,
            header: FrameHeader(opcode: .binary, payloadLength: 256)),
        Example(
            wire: [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], from: .server,
            header: FrameHeader(opcode: .binary, payloadLength: 65536)),
    ]

    @Test("the examples of RFC 6455 §5.7 read and write as they stand there", arguments: examples)
    func rfc(example: Example) throws {
        let decoded = try #require(
            try decode(example.wire + [0xEE, 0xEE], from: example.from))
        #expect(decoded.header == example.header)
        #expect(decoded.count == example.wire.count)
        #expect(example.header.octets.array == example.wire)
    }

    @Test("a header that is not all there is waited for", arguments: examples)
    func incomplete(example: Example) throws {
        for count in 0..<example.wire.count {
            #expect(try decode(Array(example.wire.prefix(count)), from: example.from) == nil)
        }
    }

    @Test(
        "every length is written in its shortest form and read again",
        arguments: [
            (0, 2), (1, 2), (125, 2), (126, 4), (127, 4), (65535, 4), (65536, 10), (Int.max, 10),
        ])
    func lengths(length: Int, count: Int) throws {
        for (from, extra) in [(Endpoint.server, 0), (.client, 4)] {
            let header = FrameHeader(
                opcode: .binary, payloadLength: length, maskingKey: from.key)
            let wire = header.octets.array
            #expect(wire.count == count + extra)
            #expect(try decode(wire, from: from)?.header == header)
        }
    }

    struct Violation: Sendable {
        var wire: [UInt8]
        var error: WebSocketError
        var allowsCompression = false
    }

    /// Written without the mask bit; each is tried for both senders.
    static let violations: [Violation] = [
        Violation(wire: [0xA1, 0x00], error: .reservedBitSet),
        Violation(wire: [0x91, 0x00], error: .reservedBitSet),
        Violation(wire: [0xB1, 0x00], error: .reservedBitSet, allowsCompression: true),
        Violation(wire: [0xC1, 0x00], error: .unexpectedCompression),
        Violation(wire: [0xC2, 0x00], error: .unexpectedCompression),
        Violation(wire: [0xC0, 0x00], error: .unexpectedCompression, allowsCompression: true),
        Violation(wire: [0xC8, 0x00], error: .unexpectedCompression, allowsCompression: true),
        Violation(wire: [0xC9, 0x00], error: .unexpectedCompression, allowsCompression: true),
        Violation(wire: [0xCA, 0x00], error: .unexpectedCompression, allowsCompression: true),
        Violation(wire: [0x83, 0x00], error: .unknownOpcode),
        Violation(wire: [0x84, 0x00], error: .unknownOpcode),
        Violation(wire: [0x85, 0x00], error: .unknownOpcode),
        Violation(wire: [0x86, 0x00], error: .unknownOpcode),
        Violation(wire: [0x87, 0x00], error: .unknownOpcode),
        Violation(wire: [0x8B, 0x00], error: .unknownOpcode),
        Violation(wire: [0x8C, 0x00], error: .unknownOpcode),
        Violation(wire: [0x8D, 0x00], error: .unknownOpcode),
        Violation(wire: [0x8E, 0x00], error: .unknownOpcode),
        Violation(wire: [0x8F, 0x00], error: .unknownOpcode),
        Violation(wire: [0x08, 0x00], error: .fragmentedControl),
        Violation(wire: [0x09, 0x00], error: .fragmentedControl),
        Violation(wire: [0x0A, 0x00], error: .fragmentedControl),
        Violation(wire: [0x88, 0x7E], error: .controlTooLong),
        Violation(wire: [0x89, 0x7E], error: .controlTooLong),
        Violation(wire: [0x8A, 0x7F], error: .controlTooLong),
    ]

    @Test("what the first two octets break is refused at once", arguments: violations)
    func violation(violation: Violation) {
        for from in [Endpoint.client, .server] {
            #expect(throws: violation.error) {
                try decode(
                    masked(from, violation.wire), from: from,
                    allowsCompression: violation.allowsCompression)
            }
        }
        #expect(violation.error.closeCode == 1002)
    }

    @Test("a client frame needs a mask, a server frame must have none")
    func masks() {
        for opcode in Opcode.allCases {
            #expect(throws: WebSocketError.maskMissing) {
                try decode([0x80 | opcode.rawValue, 0x00], from: .client)
            }
            #expect(throws: WebSocketError.maskForbidden) {
                try decode([0x80 | opcode.rawValue, 0x80], from: .server)
            }
        }
    }

    @Test(
        "a long length must need its octets, and must not be negative",
        arguments: [
            ([0x82, 0x7E, 0x00, 0x00], WebSocketError.lengthNotMinimal),
            ([0x82, 0x7E, 0x00, 0x7D], .lengthNotMinimal),
            ([0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0], .lengthNotMinimal),
            ([0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .lengthNotMinimal),
            ([0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], .lengthNegative),
            ([0x82, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .lengthNegative),
        ] as [([UInt8], WebSocketError)])
    func longLengths(wire: [UInt8], error: WebSocketError) {
        #expect(throws: error) { try decode(wire, from: .server) }
        #expect(throws: error) { try decode(masked(.client, wire + [1, 2, 3, 4]), from: .client) }
    }

    @Test("RSV1 is for the first frame of a message, once compression was agreed on")
    func compression() throws {
        for opcode in [Opcode.text, .binary] {
            let header = FrameHeader(opcode: opcode, payloadLength: 1, isCompressed: true)
            let decoded = try decode(header.octets.array, from: .server, allowsCompression: true)
            #expect(decoded?.header == header)
        }
    }
}

@Suite("Masking key")
struct MaskingKeyTests {
    @Test("masking picks the key's octet by position, whatever the length", arguments: 0...70)
    func lengths(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let payload = generator.octets(count)
        let key = MaskingKey(bits: UInt32.random(in: 0...UInt32.max, using: &generator))
        let octets = [key.bits, key.bits >> 8, key.bits >> 16, key.bits >> 24]
        var output: [UInt8] = [0xAA]
        output.append(payload.span, maskedWith: key)
        let expected = payload.enumerated().map {
            $1 ^ UInt8(truncatingIfNeeded: octets[$0 % 4])
        }
        #expect(output == [0xAA] + expected)
    }

    @Test("a payload may be unmasked in pieces", arguments: 0...17)
    func pieces(first: Int) {
        let payload = Array(0..<UInt8(40))
        var whole: [UInt8] = []
        whole.append(payload.span, maskedWith: testKey)
        var pieces: [UInt8] = []
        pieces.append(payload.span.extracting(0..<first), maskedWith: testKey)
        pieces.append(
            payload.span.extracting(first..<40), maskedWith: testKey.advanced(by: first))
        #expect(pieces == whole)
    }

    @Test("the masked Hello of RFC 6455 §5.7")
    func hello() {
        var output: [UInt8] = []
        output.append("Hello".utf8.span, maskedWith: testKey)
        #expect(output == [0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }
}
