import FoundationEssentials

/// SplitMix64: the same octets in every run, so that a failure can be looked at.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// `octets` with one to four octets replaced, inserted, removed or doubled.
    mutating func mutated(_ octets: [UInt8]) -> [UInt8] {
        var copy = octets
        for _ in 0..<Int.random(in: 1...4, using: &self) where !copy.isEmpty {
            let index = Int.random(in: copy.indices, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: copy[index] = UInt8.random(in: 0...255, using: &self)
            case 1: copy.insert(UInt8.random(in: 0...255, using: &self), at: index)
            case 2: copy.remove(at: index)
            case _: copy.insert(contentsOf: copy[index...].prefix(8), at: index)
            }
        }
        return copy
    }
}

/// How often a fuzz test runs: `FUZZ_ITERATIONS`, or a few thousand times.
let fuzzIterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 3000

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 8725
