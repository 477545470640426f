/// What someone may have meant.
package enum Spelling {
    /// The candidate closest to `word`, if one is close enough: one slip in a short word, two or
    /// three in a longer one. Case does not count as a slip.
    package static func closest(to word: String, among candidates: [String]) -> String? {
        guard !word.isEmpty, word.count <= longest else { return nil }
        let folded = word.lowercased()
        let allowed = word.count < 6 ? 1 : word.count < 9 ? 2 : 3
        var best: (text: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(folded, candidate.lowercased())
            // A slip in a word of two letters leaves little to recognise: the first must be right.
            if word.count < 3, distance > 0, candidate.first != word.first { continue }
            if distance <= allowed, distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.text
    }

    /// A longer word is no slip of the pen; it also bounds the work.
    private static let longest = 40

    /// How many insertions, deletions, replacements and swaps of neighbours turn one word into the
    /// other (Damerau-Levenshtein, no letter touched twice).
    package static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left)
        let right = Array(right)
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let cost = left[row] == right[column] ? 0 : 1
                var value = min(last[column + 1] + 1, current[column] + 1, last[column] + cost)
                if row > 0, column > 0, left[row] == right[column - 1],
                    left[row - 1] == right[column]
                {
                    value = min(value, beforeLast[column - 1] + 1)
                }
                current.append(value)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    /// ` (did you mean 'x'?)`, or nothing.
    static func hint(for word: String, among candidates: [String]) -> String {
        closest(to: word, among: candidates).map { " (did you mean '\($0)'?)" } ?? ""
    }
}
