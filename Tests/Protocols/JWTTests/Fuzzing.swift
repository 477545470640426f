import Randomness

/// How often a fuzz test runs, unless `FUZZ_ITERATIONS` says.
let fuzzIterations = Fuzzing.iterations(default: 6000)

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = Fuzzing.seed(default: 7515)
