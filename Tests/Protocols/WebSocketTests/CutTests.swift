import Randomness
import Testing

@testable import WebSocket

/// The same streams, cut in every way, and the same streams once more, broken.
@Suite("Cuts and mutations")
struct CutTests {
    /// A stream of legal frames, in an order that a sender may send.
    static func stream(
        from: Endpoint, _ generator: inout SeededGenerator, allowsCompression: Bool
    ) -> [UInt8] {
        var wire: [UInt8] = []
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let opcode = generator.chance(50) ? Opcode.text : .binary
            let isCompressed = allowsCompression && generator.chance(50)
            let fragments = generator.chance(70) ? 1 : Int.random(in: 2...5, using: &generator)
            for fragment in 0..<fragments {
                if generator.chance(20) { wire += control(from: from, &generator) }
                let sizes = [0, 1, 7, 125, 126, 130, 500]
                let count = sizes.randomElement(using: &generator) ?? 0
                FrameEncoder.appendFrame(
                    fragment == 0 ? opcode : .continuation, generator.octets(count).span,
                    isFinal: fragment == fragments - 1, isCompressed: isCompressed && fragment == 0,
                    maskingKey: key(from: from, &generator), to: &wire)
            }
        }
        if generator.chance(20) { wire += frame(from, .close, [0x03, 0xE9, 0x62]) }
        return wire
    }

    private static func control(from: Endpoint, _ generator: inout SeededGenerator) -> [UInt8] {
        let count = [0, 1, 30, 125].randomElement(using: &generator) ?? 0
        return frame(from, generator.chance(50) ? .ping : .pong, generator.octets(count))
    }

    private static func key(
        from: Endpoint, _ generator: inout SeededGenerator
    ) -> MaskingKey? {
        from == .server
            ? nil : MaskingKey(bits: UInt32.random(in: 0...UInt32.max, using: &generator))
    }

    /// Flips bits, overwrites, drops and doubles octets, for the most part near headers.
    static func mutate(_ wire: inout [UInt8], _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !wire.isEmpty {
            let near = generator.chance(50) ? min(16, wire.count) : wire.count
            let index = Int.random(in: 0..<near, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: wire[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: wire[index] = UInt8.random(in: 0...255, using: &generator)
            case 2: wire.remove(at: index)
            case 3: wire.insert(UInt8.random(in: 0...255, using: &generator), at: index)
            default: wire[index] = [0x00, 0x7D, 0x7E, 0x7F, 0x80, 0xFE, 0xFF][index % 7]
            }
        }
    }

    /// Some keep streams as `stream` makes them for the most part, some break most of them.
    static func limits(_ generator: inout SeededGenerator) -> FrameLimits {
        let sizes = [0, 1, 126, 600, 1200, 5000, .max]
        let size = generator.chance(50) ? 1200 : sizes.randomElement(using: &generator) ?? 0
        let counts = [1, 2, 3, 16]
        return FrameLimits(
            messageSize: size,
            frameSize: generator.chance(50) ? nil : sizes.randomElement(using: &generator),
            fragmentCount: generator.chance(50)
                ? 16384 : counts.randomElement(using: &generator) ?? 1)
    }

    /// Relay, assembler and reference agree, for every cut.
    private func check(
        _ wire: [UInt8], from: Endpoint, allowsCompression: Bool, seed: UInt64,
        limits: FrameLimits = FrameLimits(messageSize: 1200, frameSize: 600)
    ) {
        var reference = ReferenceDecoder(
            from: from, limits: limits, allowsCompression: allowsCompression)
        reference.decode(wire)
        let expected = reference.outcome
        let relayed = relay(
            wire, from: from, limits: limits, allowsCompression: allowsCompression)
        #expect(relayed.error == expected.error, "seed \(seed)")
        #expect(relayed.controls == expected.controls, "seed \(seed)")
        for cut in [Cut.whole, .byteByByte, .random(seed: seed), .random(seed: seed + 1)] {
            let again = relay(
                wire, from: from, cut: cut, limits: limits, allowsCompression: allowsCompression)
            #expect(again == relayed, "seed \(seed)")
            let assembled = assemble(
                wire, from: from, cut: cut, limits: limits, allowsCompression: allowsCompression)
            #expect(assembled == expected, "seed \(seed)")
            // Wherever messages are put, they are the same ones.
            for mode in [
                AssemblerMode(findsInPlace: true),
                AssemblerMode(findsInPlace: seed % 2 == 0, spillSize: Int(seed % 300)),
            ] {
                let placed = assemble(
                    wire, from: from, cut: cut, limits: limits,
                    allowsCompression: allowsCompression, mode: mode)
                #expect(placed == expected, "seed \(seed), \(mode.testDescription)")
            }
        }
        // Whoever receives what was forwarded reads the same messages and finds no fault.
        let received = assemble(
            relayed.forwarded, from: from, limits: limits, allowsCompression: allowsCompression)
        #expect(received.messages == expected.messages, "seed \(seed)")
        #expect(received.error == nil && received.controls.isEmpty, "seed \(seed)")
    }

    @Test("legal streams come out the same for every cut and pass whole", arguments: 1...60)
    func legal(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        for from in [Endpoint.client, .server] {
            let wire = Self.stream(from: from, &generator, allowsCompression: true)
            let limits = FrameLimits(messageSize: 1 << 20)
            let outcome = relay(wire, from: from, limits: limits, allowsCompression: true)
            #expect(outcome.error == nil)
            if from == .server { #expect(outcome.octets == wire) }
            for cut in Cut.several {
                #expect(
                    relay(wire, from: from, cut: cut, limits: limits, allowsCompression: true)
                        == outcome)
            }
            check(wire, from: from, allowsCompression: true, seed: UInt64(seed))
        }
    }

    @Test("mutated streams never differ between cuts, decoders and the reference")
    func mutated() {
        for iteration in 0..<UInt64(fuzzIterations) {
            let seed = fuzzSeed &* 1_000_003 &+ iteration
            var generator = SeededGenerator(seed: seed)
            let from = generator.chance(50) ? Endpoint.client : .server
            let allowsCompression = generator.chance(50)
            var wire = Self.stream(from: from, &generator, allowsCompression: allowsCompression)
            Self.mutate(&wire, &generator)
            let limits = Self.limits(&generator)
            check(
                wire, from: from, allowsCompression: allowsCompression, seed: seed, limits: limits)
        }
    }

    @Test("random octets never differ either")
    func noise() {
        for iteration in 0..<UInt64(fuzzIterations) {
            let seed = fuzzSeed &* 7_000_003 &+ iteration
            var generator = SeededGenerator(seed: seed)
            let wire = generator.octets(Int.random(in: 0...64, using: &generator))
            for from in [Endpoint.client, .server] {
                check(wire, from: from, allowsCompression: generator.chance(50), seed: seed)
            }
        }
    }

    /// Text messages in fragments that cut characters, some of them no text at all.
    private static func texts(from: Endpoint, _ generator: inout SeededGenerator) -> [UInt8] {
        var wire: [UInt8] = []
        let characters = Array("a\u{7F}é\u{7FF}\u{800}한\u{FFFF}👋\u{10FFFF}")
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                text += Array((characters.randomElement(using: &generator) ?? "a").utf8)
            }
            if generator.chance(20) { mutate(&text, &generator) }
            var bounds = [0, text.count]
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                bounds.append(Int.random(in: 0...text.count, using: &generator))
            }
            bounds.sort()
            for (number, (start, end)) in zip(bounds, bounds.dropFirst()).enumerated() {
                if generator.chance(20) { wire += control(from: from, &generator) }
                FrameEncoder.appendFrame(
                    number == 0 ? .text : .continuation, text[start..<end].span,
                    isFinal: number == bounds.count - 2, maskingKey: key(from: from, &generator),
                    to: &wire)
            }
        }
        let missing = generator.chance(20) ? Int.random(in: 0...20, using: &generator) : 0
        return wire.dropLast(missing)
    }

    @Test("text in pieces is refused where text as a whole is, or earlier")
    func textInPieces() {
        var refusals = 0
        for iteration in 0..<UInt64(fuzzIterations) {
            let seed = fuzzSeed &* 11_000_027 &+ iteration
            var generator = SeededGenerator(seed: seed)
            let from = generator.chance(50) ? Endpoint.client : .server
            let wire = Self.texts(from: from, &generator)
            let whole = assemble(wire, from: from, checksText: true)
            if whole.error != nil { refusals += 1 }
            for cut in [Cut.whole, .byteByByte, .random(seed: seed), .random(seed: seed + 1)] {
                #expect(assemble(wire, from: from, cut: cut, checksText: true) == whole)
                let inPlace = AssemblerMode(checksText: true, findsInPlace: true)
                #expect(assemble(wire, from: from, cut: cut, mode: inPlace) == whole)
                let spilling = AssemblerMode(
                    checksText: true, findsInPlace: seed % 2 == 0, spillSize: Int(seed % 60))
                let spilled = assemble(wire, from: from, cut: cut, mode: spilling)
                #expect(spilled.messages == whole.messages, "seed \(seed)")
                #expect(whole.controls.starts(with: spilled.controls), "seed \(seed)")
                if spilled.error == nil {
                    #expect(spilled == whole, "seed \(seed)")
                } else {
                    #expect(spilled.error == .textNotUTF8, "seed \(seed)")
                }
            }
        }
        #expect(refusals > fuzzIterations / 10 && refusals < fuzzIterations)
    }
}
