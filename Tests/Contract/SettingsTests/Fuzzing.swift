import Randomness

/// How often a fuzz test runs, unless `FUZZ_ITERATIONS` says.
let fuzzIterations = Fuzzing.iterations(default: 2000)

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = Fuzzing.seed()
