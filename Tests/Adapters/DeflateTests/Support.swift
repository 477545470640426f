import FoundationEssentials

@testable import Deflate

/// SplitMix64: the same seed gives the same run on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// How often a fuzz test runs: `FUZZ_ITERATIONS`, or a few thousand times.
let fuzzIterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 3000

/// Where `FUZZ_SEED` starts another walk; every iteration has a seed of its own.
let fuzzSeed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1

/// The kinds of payloads the round trips go through.
enum Sample: Sendable, CaseIterable {
    case random
    case json
    case zeros

    func octets(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        switch self {
        case .random: return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
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
