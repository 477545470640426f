import CZlib
import Testing

@testable import Deflate

/// Messages that refer to the ones before (RFC 7692 §7.2.3.2).
@Suite("Context takeover")
struct ContextTests {
    static let hello = Array("Hello".utf8)

    private func deflate(_ deflater: Deflater, _ message: [UInt8]) -> [UInt8] {
        var wire: [UInt8] = []
        deflater.deflate(message: message.span, into: &wire)
        return wire
    }

    private func inflate(
        _ inflater: Inflater, _ wire: [UInt8], limit: Int = 8 << 20
    ) throws(InflateError) -> [UInt8] {
        var output: [UInt8] = []
        let ratio = InflateRatio(ratio: 2000)
        try inflater.inflate(message: wire.span, into: &output, limit: limit, ratio: ratio)
        return output
    }

    @Test("the second Hello of RFC 7692 §7.2.3.2 refers to the first")
    func hello() throws {
        let deflater = Deflater(level: 6, keepsContext: true)
        let inflater = Inflater(keepsContext: true)
        let wires: [[UInt8]] = [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xF2, 0x00, 0x11, 0x00, 0x00],
        ]
        for wire in wires {
            #expect(deflate(deflater, Self.hello) == wire)
            #expect(try inflate(inflater, wire) == Self.hello)
        }
    }

    @Test("conversations come back, for all levels and windows", arguments: [1, 6, 9], 9...15)
    func conversation(level: Int, windowBits: Int) throws {
        let deflater = Deflater(
            level: level, windowBits: windowBits, memoryLevel: windowBits > 12 ? 8 : 4,
            keepsContext: true)
        let inflater = Inflater(windowBits: windowBits, keepsContext: true)
        let sizes = [0, 5, 300, 300, 1, 40_000, 0, 2000, 100_000, 700]
        for (round, size) in sizes.enumerated() {
            for sample in Sample.allCases {
                let message = sample.octets(size, seed: UInt64(round % 3))
                let wire = deflate(deflater, message)
                #expect(try inflate(inflater, wire) == message, "\(round) \(sample)")
            }
        }
        #expect(deflater.windowBits == windowBits && inflater.windowBits == windowBits)
    }

    @Test("a message that was sent before costs next to nothing")
    func shorter() {
        let message = Sample.random.octets(1000)
        let keeping = Deflater(windowBits: 11, memoryLevel: 4, keepsContext: true)
        #expect(deflate(keeping, message).count > 1000)
        #expect(deflate(keeping, message).count < 30)
        let forgetting = Deflater(windowBits: 11, memoryLevel: 4)
        #expect(deflate(forgetting, message).count > 1000)
        #expect(deflate(forgetting, message).count > 1000)
    }

    @Test("what was deflated and not sent can be forgotten", arguments: [true, false])
    func forgotten(isReleased: Bool) throws {
        let deflater = Deflater(keepsContext: true)
        let inflater = Inflater(keepsContext: true)
        let (first, unsent) = (Sample.json.octets(900), Sample.random.octets(900))
        #expect(try inflate(inflater, deflate(deflater, first)) == first)
        _ = deflate(deflater, unsent)
        isReleased ? deflater.releaseMemory() : deflater.forgetContext()
        for message in [unsent, first, unsent, []] {
            #expect(try inflate(inflater, deflate(deflater, message)) == message)
        }
        // Only once: the messages after that refer to each other again.
        #expect(deflate(deflater, unsent).count < 30)
    }

    @Test("an inflater without context reads whoever forgets, whatever it remembers itself")
    func stateless() throws {
        let deflater = Deflater()
        let inflaters = [Inflater(), Inflater(keepsContext: true)]
        for seed: UInt64 in 1...20 {
            let message = Sample.json.octets(2000, seed: seed % 3)
            let wire = deflate(deflater, message)
            for inflater in inflaters { #expect(try inflate(inflater, wire) == message) }
        }
    }

    @Test("final blocks end neither the message nor the window", arguments: [9, 12, 15])
    func finalBlocks(windowBits: Int) throws {
        let zlib = RawDeflater(windowBits: windowBits)
        let inflater = Inflater(windowBits: windowBits, keepsContext: true)
        let parts = (0..<8).map { Sample.random.octets(100, seed: $0 % 2) }
        var history: [UInt8] = []
        // As streams of their own, each with the one before as its dictionary: final blocks that
        // refer to what came before final blocks, in the message and in the one before.
        for round in 0..<3 {
            var wire: [UInt8] = []
            for (index, part) in parts.enumerated() {
                history += part
                let block = zlib.finish(part, keeping: history.suffix(500))
                if round + index > 1 { #expect(block.count < 30) }
                wire += block
            }
            // With the header of an empty block as in the RFC, and without.
            if round > 0 { wire.append(0) }
            #expect(try inflate(inflater, wire) == Array(parts.joined()), "round \(round)")
        }
        // Another that begins with an empty window after every final block is read as well.
        for part in parts {
            zlib.restart(keeping: [])
            let wire = zlib.octets(of: part, flush: Z_FINISH) + [0]
            #expect(wire.count > 100)
            #expect(try inflate(inflater, wire) == part)
        }
        // And one that goes on with ordinary blocks.
        zlib.restart(keeping: parts[7])
        let wire = zlib.octets(of: parts[7], flush: Z_SYNC_FLUSH).dropLast(4)
        #expect(wire.count < 30)
        #expect(try inflate(inflater, Array(wire)) == parts[7])
    }

    @Test("a block may refer to what stood before a final block of its own message")
    func withinMessage() throws {
        let zlib = RawDeflater()
        let part = Sample.random.octets(300)
        var wire = zlib.finish(part, keeping: part)
        wire += zlib.finish(part, keeping: [])
        #expect(wire.count < 340)
        #expect(try inflate(Inflater(), wire) == part + part)
    }

    @Test(
        "every way of zlib to flush is read",
        arguments: [Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH, Z_BLOCK, Z_NO_FLUSH])
    func flushes(flush: Int32) throws {
        let zlib = RawDeflater(memoryLevel: 1)
        let inflater = Inflater(keepsContext: true)
        for size in 0..<20 {
            let parts = (0..<5).map { Sample.json.octets(size * 100 + 1, seed: $0) }
            let wire = parts.flatMap { zlib.octets(of: $0, flush: flush) }
            // The first two end as a message must, the others go on until a sync flush.
            let isEnded = [Z_SYNC_FLUSH, Z_FULL_FLUSH].contains(flush)
            let end = isEnded ? [] : zlib.octets(of: [], flush: Z_SYNC_FLUSH)
            #expect((wire + end).suffix(4) == [0, 0, 0xFF, 0xFF])
            #expect(try inflate(inflater, (wire + end).dropLast(4)) == Array(parts.joined()))
        }
    }

    @Test("a reference that reaches further back than the window is corrupt")
    func smallWindow() throws {
        let zlib = RawDeflater(windowBits: 15)
        let inflater = Inflater(windowBits: 9, keepsContext: true)
        let part = Sample.random.octets(300)
        let gap = [UInt8](repeating: 0, count: 1000)
        for message in [part, gap] {
            let wire = zlib.octets(of: message, flush: Z_SYNC_FLUSH).dropLast(4)
            #expect(try inflate(inflater, Array(wire)) == message)
        }
        let wire = Array(zlib.octets(of: part, flush: Z_SYNC_FLUSH).dropLast(4))
        #expect(wire.count < 30)
        #expect(throws: InflateError.corrupt) { try inflate(inflater, wire) }
    }

    @Test("a window of 8 bits reads what zlib makes of 9")
    func eightBits() throws {
        let zlib = RawDeflater(level: 9, windowBits: 9)
        let inflater = Inflater(windowBits: 8, keepsContext: true)
        for size in [10, 250, 40, 200, 500] {
            let message = Sample.random.octets(size)
            let wire = zlib.octets(of: message, flush: Z_SYNC_FLUSH).dropLast(4)
            #expect(try inflate(inflater, Array(wire)) == message)
        }
        #expect(inflater.windowBits == 8)
    }

    @Test(
        "after an error every message is corrupt",
        arguments: [
            ([0x07], 100, .corrupt), ([0xF2, 0x48, 0xCD], 100, .corrupt),
            ([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], 4, .tooBig),
        ] as [([UInt8], Int, InflateError)])
    func dead(wire: [UInt8], limit: Int, error: InflateError) throws {
        let good: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
        let inflater = Inflater(keepsContext: true)
        #expect(try inflate(inflater, good) == Self.hello)
        #expect(throws: error) { try inflate(inflater, wire, limit: limit) }
        for wire in [good, [0x00], [], [0x07]] {
            var output: [UInt8] = [7]
            #expect(throws: InflateError.corrupt) {
                try inflater.inflate(message: wire.span, into: &output, limit: 100)
            }
            #expect(output == [7])
        }
    }

    @Test("bits that are left over behind the last block are no message")
    func leftOver() {
        // A fixed block that ends in the tail, with bits of the tail behind it.
        var found = 0
        for first: UInt8 in 0...255 {
            for second: UInt8 in 0...255 {
                let inflater = Inflater(keepsContext: true)
                guard (try? inflate(inflater, [first, second])) != nil else { continue }
                found += 1
                // Whatever was read, the next message begins at an octet.
                #expect(throws: Never.self) {
                    try inflate(inflater, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
                }
            }
        }
        #expect(found > 50)
    }
}
