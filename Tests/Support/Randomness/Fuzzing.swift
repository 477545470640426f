import FoundationEssentials

/// What the environment says about fuzz tests. Every suite has defaults of its own.
package enum Fuzzing {
    /// How often a fuzz test runs: `FUZZ_ITERATIONS`.
    package static func iterations(default count: Int) -> Int {
        ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? count
    }

    /// Where the walk of a fuzz test begins: `FUZZ_SEED`.
    package static func seed(default seed: UInt64 = 1) -> UInt64 {
        ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? seed
    }
}
