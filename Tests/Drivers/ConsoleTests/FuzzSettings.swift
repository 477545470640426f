import FoundationEssentials

/// How often a fuzz test runs: `FUZZ_ITERATIONS`, or a few hundred times.
let fuzzIterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 300

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 9457
