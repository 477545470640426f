import CZlib
import Randomness
import Testing

@testable import Deflate

/// Conversations of a compressor that does all that RFC 7692 §7.2.1 allows, whole and damaged, read
/// with and without context.
@Suite("Inflating conversations")
struct ConversationFuzzTests {
    @Test("valid messages come back, damaged ones end in time and within the limit")
    func fuzz() throws {
        var outcomes = Outcomes()
        for iteration in 0..<UInt64(fuzzIterations / 4) {
            let seed = fuzzSeed &* 1_000_003 &+ iteration
            var conversation = Conversation(seed: seed)
            conversation.run(&outcomes, "seed \(seed)")
        }
        let least = fuzzIterations / 100
        #expect(outcomes.whole > least && outcomes.corrupt > least && outcomes.tooBig > least)
        #expect(outcomes.dead > least && outcomes.survived > least / 10)
    }

    struct Outcomes {
        var whole = 0
        var corrupt = 0
        var tooBig = 0
        var dead = 0
        /// Damaged, and read all the same.
        var survived = 0
    }
}

/// One compressor and one inflater.
private struct Conversation {
    private var generator: SeededGenerator
    private let keepsContext: Bool
    private let deflater: Deflater
    private let zlib: RawDeflater
    private let isOurs: Bool
    private let inflater: Inflater
    /// What the reader's window holds at least.
    private var history: [UInt8] = []
    private let window: Int

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        keepsContext = Bool.random(using: &generator)
        isOurs = Bool.random(using: &generator)
        let level = Int.random(in: 1...9, using: &generator)
        let windowBits = Int.random(in: 9...15, using: &generator)
        let memoryLevel = Int.random(in: 1...9, using: &generator)
        deflater = Deflater(
            level: level, windowBits: windowBits, memoryLevel: memoryLevel,
            keepsContext: keepsContext)
        zlib = RawDeflater(level: level, windowBits: windowBits, memoryLevel: memoryLevel)
        let bits = keepsContext ? windowBits : Int.random(in: windowBits...15, using: &generator)
        inflater = Inflater(windowBits: bits, keepsContext: keepsContext)
        window = 1 << windowBits
    }

    mutating func run(_ outcomes: inout ConversationFuzzTests.Outcomes, _ seed: Comment) {
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let message = newMessage()
            let wire = isOurs ? ourWire(message) : zlibWire(message)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<7: guard readWhole(wire, message, &outcomes, seed) else { return }
            case 7: guard readTooBig(wire, message, &outcomes, seed) else { return }
            case 8:
                guard readDamaged(generator.damaged(wire), message, &outcomes, seed) else { return }
            default:
                let count = Int.random(in: 0..<200, using: &generator)
                let noise = Sample.random.octets(count, seed: generator.next())
                guard readDamaged(noise, message, &outcomes, seed) else { return }
            }
        }
    }

    private mutating func newMessage() -> [UInt8] {
        // Twice the same now and then, so that there is something to refer to.
        let seed = UInt64.random(in: 0..<4, using: &generator)
        let sizes = [0, 1, 10, 100, 1000, 1000, 5000, 40_000]
        let most = sizes.randomElement(using: &generator) ?? 0
        let sample = Sample.allCases.randomElement(using: &generator) ?? .json
        return sample.octets(Int.random(in: 0...most, using: &generator), seed: seed)
    }

    private mutating func ourWire(_ message: [UInt8]) -> [UInt8] {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: deflater.forgetContext()
        case 1: deflater.releaseMemory()
        default: break
        }
        var wire: [UInt8] = []
        deflater.deflate(message: message.span, into: &wire)
        return wire
    }

    /// Blocks of all kinds with flushes of all kinds between them, and final ones.
    private mutating func zlibWire(_ message: [UInt8]) -> [UInt8] {
        if !keepsContext {
            zlib.restart(keeping: [])
            history = []
        }
        var wire: [UInt8] = []
        var rest = message[...]
        var isFinal = false
        while !rest.isEmpty {
            let part = Array(rest.prefix(Int.random(in: 1...rest.count, using: &generator)))
            rest = rest.dropFirst(part.count)
            history = (history + part).suffix(window)
            let kind = Int.random(in: 0..<6, using: &generator)
            isFinal = kind < 2
            switch kind {
            case 0: wire += zlib.finish(part, keeping: history)
            case 1: wire += zlib.finish(part, keeping: [])
            case 2: wire += zlib.octets(of: part, flush: Z_FULL_FLUSH)
            case 3: wire += zlib.octets(of: part, flush: Z_PARTIAL_FLUSH)
            case 4: wire += zlib.octets(of: part, flush: Z_SYNC_FLUSH)
            default: wire += zlib.octets(of: part, flush: Z_NO_FLUSH)
            }
        }
        // What ends with a final block may end there (RFC 7692 §7.2.3.4).
        if isFinal, Bool.random(using: &generator) { return wire }
        wire += zlib.octets(of: [], flush: Z_SYNC_FLUSH)
        return wire.isEmpty ? [0] : Array(wire.dropLast(4))
    }

    /// True when the conversation goes on, as in all of these.
    private func readWhole(
        _ wire: [UInt8], _ message: [UInt8],
        _ outcomes: inout ConversationFuzzTests.Outcomes, _ seed: Comment
    ) -> Bool {
        var output: [UInt8] = [9]
        do throws(InflateError) {
            try inflater.inflate(
                message: wire.span, into: &output, limit: message.count,
                ratio: InflateRatio(ratio: 2000))
        } catch {
            Issue.record("\(seed): \(error)")
            return false
        }
        #expect(output == [9] + message, seed)
        outcomes.whole += 1
        return output == [9] + message
    }

    private func readTooBig(
        _ wire: [UInt8], _ message: [UInt8],
        _ outcomes: inout ConversationFuzzTests.Outcomes, _ seed: Comment
    ) -> Bool {
        guard !message.isEmpty else { return readWhole(wire, message, &outcomes, seed) }
        var output: [UInt8] = []
        #expect(throws: InflateError.tooBig, seed) {
            try inflater.inflate(
                message: wire.span, into: &output, limit: message.count - 1,
                ratio: InflateRatio(ratio: 2000))
        }
        #expect(output == message, seed)
        outcomes.tooBig += 1
        return goesOn(&outcomes, seed)
    }

    private func readDamaged(
        _ wire: [UInt8], _ message: [UInt8],
        _ outcomes: inout ConversationFuzzTests.Outcomes, _ seed: Comment
    ) -> Bool {
        var output: [UInt8] = []
        let limit = message.count + 100
        do throws(InflateError) {
            try inflater.inflate(message: wire.span, into: &output, limit: limit)
            #expect(output.count <= limit, seed)
            outcomes.survived += 1
            // The windows may differ from here on.
            return !keepsContext
        } catch {
            #expect(output.count <= limit + 1 && output.capacity <= limit + 1 + 4096, seed)
            #expect((output.count == limit + 1) == (error == .tooBig), seed)
            if error == .corrupt { outcomes.corrupt += 1 } else { outcomes.tooBig += 1 }
            return goesOn(&outcomes, seed)
        }
    }

    /// After an error: with context nothing is read any more, without it everything.
    private func goesOn(
        _ outcomes: inout ConversationFuzzTests.Outcomes, _ seed: Comment
    ) -> Bool {
        guard keepsContext else { return true }
        var output: [UInt8] = []
        #expect(throws: InflateError.corrupt, seed) {
            try inflater.inflate(
                message: ([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00] as [UInt8]).span,
                into: &output, limit: 100)
        }
        #expect(output.isEmpty, seed)
        outcomes.dead += 1
        return false
    }
}
