import Synchronization

/// Numbers that look drawn by chance, for all workers, without a lock (SplitMix64 over one
/// counter). They are nobody's secret.
final class Dice: Sendable {
    private let counter: Atomic<UInt64>

    /// - Parameter seed: the same numbers come for the same one.
    init(seed: UInt64 = 0) { counter = Atomic(StableHash.mix(seed)) }

    func next() -> UInt64 {
        StableHash.mix(counter.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
    }

    /// One of the servers of `candidates`, which must not be empty, by weight.
    func draw(among candidates: [(index: Int, weight: Int)]) -> (index: Int, weight: Int) {
        let sum = candidates.reduce(0) { $0 + $1.weight }
        var position = Int(next() % UInt64(sum))
        for candidate in candidates {
            if position < candidate.weight { return candidate }
            position -= candidate.weight
        }
        return candidates[0]
    }
}
