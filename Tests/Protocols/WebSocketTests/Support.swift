import Randomness
import Testing

@testable import WebSocket

/// How often a fuzz test runs, unless `FUZZ_ITERATIONS` says.
let fuzzIterations = Fuzzing.iterations(default: 2000)

/// Where `FUZZ_SEED` starts another walk; every iteration has a seed of its own.
let fuzzSeed = Fuzzing.seed()

extension SeededGenerator {
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// The ways an input of `count` octets arrives: its pieces, in order.
enum Cut: Sendable, CustomTestStringConvertible {
    case whole
    case byteByByte
    case random(seed: UInt64)

    static let several: [Cut] = [.whole, .byteByByte] + (1...8).map { .random(seed: $0) }

    func pieces(_ count: Int) -> [Range<Int>] {
        switch self {
        case .whole: return [0..<count]
        case .byteByByte: return (0..<count).map { $0..<($0 + 1) }
        case .random(let seed):
            var generator = SeededGenerator(seed: seed)
            return generator.pieces(of: count, 0...[3, 16, 200][Int(seed % 3)])
        }
    }

    var testDescription: String {
        switch self {
        case .whole: "whole"
        case .byteByByte: "byte by byte"
        case .random(let seed): "random cut \(seed)"
        }
    }
}

let testKey = MaskingKey(0x37, 0xFA, 0x21, 0x3D)

extension Endpoint {
    /// The key frames of this end are masked with.
    var key: MaskingKey? {
        switch self {
        case .client: testKey
        case .server: nil
        }
    }
}

/// What fields of these values offer or agree on.
func extensions(_ lines: [String]) throws(HandshakeError) -> ExtensionList {
    var list = ExtensionList()
    for line in lines { try list.read(line.utf8.span) }
    return list
}

/// One frame on the wire, legal or not.
func frame(
    _ from: Endpoint, _ opcode: Opcode, _ payload: [UInt8] = [], fin: Bool = true,
    rsv1: Bool = false
) -> [UInt8] {
    var wire: [UInt8] = []
    FrameEncoder.appendFrame(
        opcode, payload.span, isFinal: fin, isCompressed: rsv1, maskingKey: from.key, to: &wire)
    return wire
}

/// `wire` without or with the mask bit in its second octet, as its sender must have it.
func masked(_ from: Endpoint, _ wire: [UInt8]) -> [UInt8] {
    var wire = wire
    if from == .client, wire.count > 1 { wire[1] |= 0x80 }
    return wire
}

/// What a direction came to.
struct Outcome: Equatable {
    /// Everything forwarded and every control frame (re-encoded without a mask), in order.
    var octets: [UInt8] = []
    /// What was forwarded alone.
    var forwarded: [UInt8] = []
    var messages: [Message] = []
    var controls: [ControlFrame] = []
    var error: WebSocketError?

    struct Message: Equatable {
        var kind: MessageKind
        var isCompressed: Bool
        var payload: [UInt8]
    }
}

/// Feeds a relay and checks on the way what must hold for every input.
func relay(
    _ wire: [UInt8], from: Endpoint, cut: Cut = .whole, limits: FrameLimits = FrameLimits(),
    allowsCompression: Bool = false
) -> Outcome {
    var relay = FrameRelay(from: from, limits: limits, allowsCompression: allowsCompression)
    var outcome = Outcome()
    for piece in cut.pieces(wire.count) {
        let input = wire.span.extracting(piece)
        var index = 0
        do throws(WebSocketError) {
            while let event = try relay.decode(input, at: &index) {
                switch event {
                case .forward(let range):
                    #expect(!range.isEmpty && range.upperBound == index)
                    let run = wire[(piece.lowerBound + range.lowerBound)...].prefix(range.count)
                    outcome.octets += run
                    outcome.forwarded += run
                case .forwardHeader(let header):
                    outcome.octets += header.array
                    outcome.forwarded += header.array
                case .control(let control):
                    #expect(relay.isBetweenFrames)
                    outcome.controls.append(control)
                    FrameEncoder.appendControl(control, to: &outcome.octets)
                }
            }
            #expect(index == input.count)
        } catch {
            outcome.error = error
            #expect(relay.isBetweenFrames)
            return outcome
        }
    }
    return outcome
}

extension ControlFrame {
    /// The reason of a close frame; empty when there is none.
    var closeReason: String {
        guard kind == .close, payload.count > 2 else { return "" }
        return String(decoding: payload[2...], as: UTF8.self)
    }
}
