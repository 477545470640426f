import Testing

@testable import Deflate

@Suite("Deflater")
struct DeflaterTests {
    @Test("Hello as in RFC 7692 §7.2.3.1, again and again without the window of before")
    func hello() {
        let deflater = Deflater()
        for _ in 0..<3 {
            var output: [UInt8] = []
            deflater.deflate(message: "Hello".utf8.span, into: &output)
            #expect(output == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        }
    }

    @Test("an empty message is one octet, as in RFC 7692 §7.2.3.6")
    func empty() throws {
        #expect(deflated([]) == [0x00])
        #expect(try inflated([0x00]).isEmpty)
    }

    static let sizes = [0, 1, 2, 63, 255, 256, 1000, 16_383, 16_384, 65_536, 300_001, 1 << 20]

    @Test("what is deflated comes back, for every kind and size", arguments: Sample.allCases, sizes)
    func roundTrip(sample: Sample, size: Int) throws {
        let message = sample.octets(size)
        let deflater = Deflater()
        let inflater = Inflater()
        // Before and after other messages, behind what already stands in the buffers.
        for round in 0..<2 {
            var wire: [UInt8] = [0xAB]
            deflater.deflate(message: message.span, into: &wire)
            #expect(wire.first == 0xAB && wire.suffix(4) != [0, 0, 0xFF, 0xFF])
            if sample != .random, size >= 256 { #expect(wire.count < size / 2) }
            #expect(wire.count <= size + size / 512 + 64)
            var output: [UInt8] = [0xCD]
            try inflater.inflate(
                message: wire.span.extracting(1..<wire.count), into: &output, limit: size,
                ratio: InflateRatio(ratio: 2000, allowance: 65536))
            #expect(output == [0xCD] + message, "round \(round)")
            var between: [UInt8] = []
            deflater.deflate(message: Sample.json.octets(700, seed: 9).span, into: &between)
        }
    }

    @Test("all levels and windows can be read", arguments: 1...9, 9...15)
    func parameters(level: Int, windowBits: Int) throws {
        let message = Sample.json.octets(20_000)
        let wire = deflated(message, level: level, windowBits: windowBits)
        #expect(try inflated(wire) == message)
        let deflater = Deflater(level: level, windowBits: windowBits)
        #expect(deflater.level == level && deflater.windowBits == windowBits)
    }

    @Test("no reference reaches further back than the window", arguments: 9...14)
    func window(bits: Int) throws {
        let block = Sample.random.octets(128)
        // What a second copy of the block costs, so many octets behind the first one's end.
        func cost(_ gap: Int) -> Int {
            let once = block + [UInt8](repeating: 0, count: gap)
            return deflated(once + block, level: 9, windowBits: bits).count
                - deflated(once, level: 9, windowBits: bits).count
        }
        #expect(cost(1 << bits) >= 96)
        #expect(cost((1 << bits) - 400) <= 24)
    }

    @Test("every message is independent of the ones before: same input, same output")
    func independent() {
        let deflater = Deflater(level: 6)
        let first = Sample.json.octets(5000)
        var once: [UInt8] = []
        deflater.deflate(message: first.span, into: &once)
        for sample in Sample.allCases {
            var other: [UInt8] = []
            deflater.deflate(message: sample.octets(40_000).span, into: &other)
            var again: [UInt8] = []
            deflater.deflate(message: first.span, into: &again)
            #expect(again == once)
        }
    }
}
