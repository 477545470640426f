import Synchronization

/// Takes turns by weight. Every choice draws the next number of one counter, so the turns are exact
/// over all workers, without a lock.
///
/// The plan is smooth weighted round robin, worked out beforehand for the servers that usually
/// take part: weights 5, 1, 1 give `a a b a c a a`. Turns that cannot go by the plan (its server is
/// skipped, or only some servers are asked about) are dealt from a second counter, in proportion to
/// the weights of those that can take them.
final class WeightedRotation: Sendable {
    /// The longest plan. Weights whose sum is above it (after division by what they have in common)
    /// are scaled down to fit, which costs less than one turn a server and round.
    static let longestPlan = 16_384

    /// Greater than any sum of weights and prime, so `number * stride % sum` goes through all
    /// numbers below `sum` before any comes again, and neighbours come apart.
    private static let stride: UInt64 = 2_654_435_761

    let plan: [Int]
    private let planned: Atomic<UInt64>
    private let dealt: Atomic<UInt64>

    /// - Parameters:
    ///   - weights: those of the servers of the plan, by index; 0 for a server that is not in it.
    ///   - before: the one that it takes the place of. It begins somewhere in its plan, and each
    ///     time somewhere else: where servers come and go all the time, those in front would have
    ///     more turns otherwise.
    init(weights: [Int], after before: WeightedRotation? = nil) {
        plan = Self.plan(for: Self.reduced(weights))
        planned = Atomic(before.map { Self.place(behind: $0.planned) } ?? 0)
        dealt = Atomic(before.map { Self.place(behind: $0.dealt) } ?? 0)
    }

    /// A number that depends on all bits of the count, and seems to be any (SplitMix64).
    private static func place(behind count: borrowing Atomic<UInt64>) -> UInt64 {
        var number = count.load(ordering: .relaxed) &+ 0x9E37_79B9_7F4A_7C15
        number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
        // Far from the end, which counting must not reach.
        return (number ^ number >> 31) >> 16
    }

    /// The server whose turn it is by the plan; nil when nobody is in it.
    func next() -> Int? {
        guard !plan.isEmpty else { return nil }
        let turn = planned.wrappingAdd(1, ordering: .relaxed).oldValue
        return plan[Int(turn % UInt64(plan.count))]
    }

    /// One of the servers of `candidates`, which must not be empty, in turns by weight.
    func deal(among candidates: [(index: Int, weight: Int)]) -> Int {
        let sum = candidates.reduce(0) { $0 + $1.weight }
        let turn = dealt.wrappingAdd(1, ordering: .relaxed).oldValue
        var position = Int(turn % UInt64(sum) * Self.stride % UInt64(sum))
        for (index, weight) in candidates {
            if position < weight { return index }
            position -= weight
        }
        return candidates[0].index
    }

    /// The weights without their common divisor, and fitted into the longest plan.
    private static func reduced(_ weights: [Int]) -> [Int] {
        let divisor = max(1, weights.reduce(0, greatestCommonDivisor))
        let whole = weights.map { $0 / divisor }
        let sum = whole.reduce(0, +)
        guard sum > longestPlan else { return whole }
        return whole.map { $0 == 0 ? 0 : max(1, $0 * longestPlan / sum) }
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }

    /// Smooth weighted round robin: each turn everyone earns its weight, the richest is chosen
    /// and pays the sum.
    private static func plan(for weights: [Int]) -> [Int] {
        let sum = weights.reduce(0, +)
        var earned = weights.map { _ in 0 }
        return (0..<sum).map { _ in
            var richest = 0
            for index in weights.indices {
                earned[index] += weights[index]
                if earned[index] > earned[richest] { richest = index }
            }
            earned[richest] -= sum
            return richest
        }
    }
}
