import Foundation

/// SplitMix64: the same numbers in every run.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// At most `length` of these characters.
    mutating func text(of characters: String, upTo length: Int) -> String {
        let count = Int.random(in: 0...length, using: &self)
        return String((0..<count).compactMap { _ in characters.randomElement(using: &self) })
    }
}

/// How often a fuzz test runs: `FUZZ_ITERATIONS`, or a few thousand times.
let fuzzIterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 2000

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
