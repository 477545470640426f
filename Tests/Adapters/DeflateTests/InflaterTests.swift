import Randomness
import Testing

@testable import Deflate

@Suite("Inflater")
struct InflaterTests {
    static let hello = Array("Hello".utf8)

    @Test(
        "the examples of RFC 7692 §7.2.3",
        arguments: [
            // One block, one without compression, one final block, two blocks.
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        ] as [[UInt8]])
    func rfc(wire: [UInt8]) throws {
        #expect(try inflated(wire) == Self.hello)
    }

    @Test(
        "final blocks end nothing",
        arguments: [
            // Final, then an ordinary block; two final ones; final and nothing behind it; a final
            // empty stored block whose length is the octets that were cut off.
            (
                [
                    0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07,
                    0x00,
                ],
                "HelloHello"
            ),
            (
                [
                    0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07,
                    0x00, 0x00,
                ], "HelloHello"
            ),
            ([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "Hello"),
            ([0x03, 0x00], ""), ([0x01], ""), ([], ""),
        ] as [([UInt8], String)])
    func finalBlocks(wire: [UInt8], text: String) throws {
        #expect(try inflated(wire) == Array(text.utf8))
    }

    @Test("nothing is remembered from the message before")
    func stateless() throws {
        let inflater = Inflater()
        var output: [UInt8] = []
        try inflater.inflate(
            message: ([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00] as [UInt8]).span, into: &output,
            limit: 100)
        // The second Hello of RFC 7692 §7.2.3.2 refers to the first.
        #expect(throws: InflateError.corrupt) {
            try inflater.inflate(
                message: ([0xF2, 0x00, 0x11, 0x00, 0x00] as [UInt8]).span, into: &output,
                limit: 100)
        }
        #expect(output.prefix(5) == Self.hello[...])
    }

    static let garbage: [[UInt8]] = [
        // Block type 3, a stored block whose lengths disagree, a reference to nowhere.
        [0x07], [0x06], [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48], [0xF2, 0x00, 0x11, 0x00, 0x00],
        // Cut: within a stored block, within a Huffman block, within a dynamic header.
        [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65], [0xF2, 0x48, 0xCD], [0xF2], [0x04],
        [0x05, 0xC0],
        // A gzip and a zlib header, and a message that is not compressed at all.
        [0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03], [0x78, 0x9C, 0x03, 0x00],
        Array(#"{"type":"hello"}"#.utf8),
        // Something behind a final block that is no block.
        [0x03, 0x00, 0x07], [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xFF],
    ]

    @Test("garbage is corrupt, and the next message is read all the same", arguments: garbage)
    func corrupt(wire: [UInt8]) throws {
        let inflater = Inflater()
        var output: [UInt8] = []
        #expect(throws: InflateError.corrupt) {
            try inflater.inflate(message: wire.span, into: &output, limit: 1 << 20)
        }
        output = []
        try inflater.inflate(
            message: ([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00] as [UInt8]).span, into: &output,
            limit: 5)
        #expect(output == Self.hello)
        #expect(InflateError.corrupt.closeCode == 1007)
    }

    @Test("a message that was cut anywhere is never taken for a whole one with other contents")
    func truncated() throws {
        let message = Sample.json.octets(3000)
        let wire = deflated(message, level: 6)
        for count in 0..<wire.count {
            guard let output = try? inflated(Array(wire.prefix(count))) else { continue }
            #expect(message.starts(with: output), "cut at \(count)")
        }
    }

    @Test(
        "the limit holds to the octet",
        arguments: Sample.allCases, [1, 2, 100, 16_383, 16_384, 16_385, 100_000])
    func limit(sample: Sample, size: Int) throws {
        let message = sample.octets(size)
        let wire = deflated(message)
        #expect(try inflated(wire, limit: size) == message)
        var output: [UInt8] = [1, 2, 3]
        #expect(throws: InflateError.tooBig) {
            try Inflater().inflate(
                message: wire.span, into: &output, limit: size - 1,
                ratio: InflateRatio(ratio: 2000))
        }
        #expect(output.count <= 3 + size && output.prefix(3) == [1, 2, 3])
        #expect(InflateError.tooBig.closeCode == 1009)
    }

    @Test("a bomb ends at the ratio, and with it its memory")
    func bomb() throws {
        let bomb = deflated(Sample.zeros.octets(8 << 20), level: 9)
        #expect(bomb.count < 10_000)
        var output: [UInt8] = []
        #expect(throws: InflateError.tooBig) {
            try Inflater().inflate(
                message: bomb.span, into: &output, limit: 8 << 20, ratio: InflateRatio())
        }
        #expect(output.count <= bomb.count * 100 + 1 && output.capacity < 4 << 20)
        #expect(try inflated(bomb).count == 8 << 20)

        // Bombs of many final blocks, and of ones that never end.
        let final: [UInt8] = [0x4B, 0x04, 0x00]
        let many = [UInt8]([[UInt8]](repeating: final, count: 50_000).joined())
        #expect(try inflated(many) == [UInt8](repeating: 0x61, count: 50_000))
        #expect(throws: InflateError.tooBig) { try inflated(many, limit: 49_999) }
    }

    @Test("up to 64 KiB any ratio is fine")
    func allowance() throws {
        let wire = deflated(Sample.zeros.octets(65_536), level: 9)
        var output: [UInt8] = []
        let ratio = InflateRatio()
        try Inflater().inflate(message: wire.span, into: &output, limit: 1 << 20, ratio: ratio)
        #expect(output.count == 65_536)
        let more = deflated(Sample.zeros.octets(65_537), level: 9)
        #expect(throws: InflateError.tooBig) {
            try Inflater().inflate(
                message: more.span, into: &output, limit: 1 << 20, ratio: ratio)
        }
    }

    @Test("without a ratio a bomb ends at the limit, and with it its memory")
    func bombWithoutRatio() throws {
        let bomb = deflated(Sample.zeros.octets(64 << 20), level: 9)
        #expect(bomb.count < 70_000)
        var output: [UInt8] = []
        #expect(throws: InflateError.tooBig) {
            try Inflater().inflate(message: bomb.span, into: &output, limit: 8 << 20)
        }
        #expect(output.count <= 8 << 20 + 1 && output.capacity <= 13 << 20)
        // All that deflate can do is fine below it.
        var whole: [UInt8] = []
        try Inflater().inflate(message: bomb.span, into: &whole, limit: 64 << 20)
        #expect(whole.count == 64 << 20)
    }

    @Test("limits of nothing and of everything")
    func extremes() throws {
        #expect(try inflated([0x00], limit: 0).isEmpty)
        #expect(throws: InflateError.tooBig) { try inflated(deflated([1]), limit: 0) }
        let ratio = InflateRatio(ratio: .max, allowance: .max)
        #expect(try inflated(deflated([1]), limit: .max, ratio: ratio) == [1])
    }

    @Test("mutated messages end in time, within the limit, and spoil nothing")
    func fuzz() throws {
        let inflater = Inflater()
        let good = deflated(Self.hello)
        var outcomes = (whole: 0, corrupt: 0, tooBig: 0)
        for iteration in 0..<UInt64(fuzzIterations) {
            let seed = fuzzSeed &* 1_000_003 &+ iteration
            var generator = SeededGenerator(seed: seed)
            let wire = generator.damaged(Self.message(&generator))
            let limit = Int.random(in: 0...20_000, using: &generator)
            var output: [UInt8] = []
            do throws(InflateError) {
                try inflater.inflate(message: wire.span, into: &output, limit: limit)
                outcomes.whole += 1
                #expect(output.count <= limit, "seed \(seed)")
            } catch {
                #expect(output.count <= limit + 1, "seed \(seed)")
                if error == .tooBig { outcomes.tooBig += 1 } else { outcomes.corrupt += 1 }
                #expect((output.count == limit + 1) == (error == .tooBig), "seed \(seed)")
            }
            output.removeAll(keepingCapacity: true)
            try inflater.inflate(message: good.span, into: &output, limit: 5)
            #expect(output == Self.hello, "seed \(seed)")
        }
        let least = fuzzIterations / 50
        #expect(outcomes.whole > least && outcomes.corrupt > least && outcomes.tooBig > least)
    }

    /// A compressed message of any kind, sometimes with final blocks between.
    private static func message(_ generator: inout SeededGenerator) -> [UInt8] {
        let sample = Sample.allCases.randomElement(using: &generator) ?? .json
        let size = Int.random(in: 0...3000, using: &generator)
        let level = Int.random(in: 1...9, using: &generator)
        var wire = deflated(sample.octets(size, seed: generator.next()), level: level)
        if Bool.random(using: &generator) { wire = [0x4B, 0x04, 0x00] + wire }
        return wire
    }
}
