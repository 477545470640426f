/// Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Schindelhauer and
/// Schomaker 2005): every server draws a score for every key, and the highest wins. A server that
/// goes gives up its own keys and no others, to all that are left by weight; one that comes takes
/// its share of each. There is no table that would have to be made anew.
///
/// With bounded load (Mirrokni, Thorup and Zadimoghaddam 2018) a server that holds `factor` times
/// its share already is passed over, so a key that everybody asks for does not bury one server.
enum Rendezvous {
    /// A server that may be chosen.
    struct Candidate {
        let index: Int
        /// Made from its address.
        let seed: UInt64
        /// Above 0.
        let weight: Int
        /// Exchanges that it holds.
        let active: Int
    }

    /// In eighths: 1.25.
    private static let factor = 10

    /// The index of the server for a key; nil only without candidates.
    static func choose(_ key: UInt64, among candidates: [Candidate]) -> Int? {
        let total = candidates.reduce(1) { $0 + $1.active }
        let weights = candidates.reduce(0) { $0 + $1.weight }
        var best: (index: Int, score: Double)?
        for candidate in candidates
        where candidate.active < bound(total, candidate.weight, of: weights) {
            let score = score(key, candidate)
            if best.map({ score > $0.score }) ?? true { best = (candidate.index, score) }
        }
        return best?.index
    }

    /// How many of `total` exchanges a server may hold, rounded up.
    private static func bound(_ total: Int, _ weight: Int, of weights: Int) -> Int {
        let share = total * weight * factor
        return (share + 8 * weights - 1) / (8 * weights)
    }

    private static func score(_ key: UInt64, _ candidate: Candidate) -> Double {
        let hash = StableHash.mix(key ^ candidate.seed)
        // Between 0 and 1, never one of them.
        let draw = (Double(hash >> 11) + 0.5) / 9_007_199_254_740_992
        return Double(candidate.weight) / -naturalLogarithm(draw)
    }

    /// By the series of the inverse hyperbolic tangent, exact to 12 digits: the standard library
    /// has no logarithm.
    static func naturalLogarithm(_ value: Double) -> Double {
        var (exponent, significand) = (Double(value.exponent), value.significand)
        if significand > 2.0.squareRoot() {
            significand /= 2
            exponent += 1
        }
        let ratio = (significand - 1) / (significand + 1)
        let square = ratio * ratio
        var (sum, power) = (0.0, ratio)
        for divisor in stride(from: 1.0, through: 15, by: 2) {
            sum += power / divisor
            power *= square
        }
        return 2 * sum + exponent * 0.693_147_180_559_945_3
    }
}
