import Randomness

@testable import Deflate

/// How often a fuzz test runs, unless `FUZZ_ITERATIONS` says.
let fuzzIterations = Fuzzing.iterations(default: 3000)

/// Where `FUZZ_SEED` starts another walk; every iteration has a seed of its own.
let fuzzSeed = Fuzzing.seed()

/// The kinds of payloads the round trips go through.
enum Sample: Sendable, CaseIterable {
    case random
    case json
    case zeros

    func octets(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        switch self {
        case .random: return generator.octets(count)
        case .zeros: return [UInt8](repeating: 0, count: count)
        case .json:
            var text: [UInt8] = []
            while text.count < count {
                let id = Int.random(in: 0...9999, using: &generator)
                text += Array(#"{"type":"queue","id":\#(id),"name":"대기 \#(id % 7)"},"#.utf8)
            }
            return Array(text.prefix(count))
        }
    }
}

extension SeededGenerator {
    /// A compressed message with one to four octets or runs of octets changed, lost or doubled.
    mutating func damaged(_ message: [UInt8]) -> [UInt8] {
        var wire = message
        for _ in 0..<Int.random(in: 1...4, using: &self) where !wire.isEmpty {
            let index = Int.random(in: 0..<wire.count, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: wire[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: wire[index] = UInt8.random(in: 0...255, using: &self)
            case 2: wire.removeSubrange(index..<min(wire.count, index + 9))
            default: wire.insert(contentsOf: wire.prefix(index), at: index)
            }
        }
        return wire
    }
}

func deflated(_ message: [UInt8], level: Int = 1, windowBits: Int = 15) -> [UInt8] {
    var output: [UInt8] = []
    Deflater(level: level, windowBits: windowBits).deflate(message: message.span, into: &output)
    return output
}

func inflated(
    _ message: [UInt8], limit: Int = 8 << 20,
    ratio: InflateRatio = InflateRatio(ratio: 2000, allowance: 65536)
) throws(InflateError) -> [UInt8] {
    var output: [UInt8] = []
    try Inflater().inflate(message: message.span, into: &output, limit: limit, ratio: ratio)
    return output
}
