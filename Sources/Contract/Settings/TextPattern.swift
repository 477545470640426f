/// A pattern for whole texts: `*` stands for any characters or none, `?` for exactly one, every
/// other character for itself. Characters are Unicode scalars, compared by their numbers: what
/// merely looks the same is not the same.
///
/// All ways in which a pattern can fit are followed at once, as bits: matching takes one step a
/// character, whatever the pattern and the text, so that no text can be made to take long.
package struct TextPattern: Sendable, Hashable {
    /// A pattern has at most so many characters besides `*`.
    package static let lengthLimit = 255

    /// A set of places in the pattern: 0 is its start, n lies behind n characters that are not
    /// `*`.
    private typealias Places = SIMD4<UInt64>

    /// As it is written.
    package let text: String
    private var length = 0
    /// The places behind which a `*` stands.
    private var stars = Places.zero
    /// The places where a character of the pattern may be next; of any other character, `others`.
    private var fitting: [Unicode.Scalar: Places] = [:]
    private var others = Places.zero

    /// Nil for a pattern of more than `lengthLimit` characters.
    package init?(_ text: String) {
        self.text = text
        var literals: [(scalar: Unicode.Scalar, place: Places)] = []
        for scalar in text.unicodeScalars {
            let place = Self.place(length)
            if scalar == "*" {
                stars |= place
                continue
            }
            guard length < Self.lengthLimit else { return nil }
            length += 1
            if scalar == "?" {
                others |= place
            } else {
                literals.append((scalar, place))
            }
        }
        for literal in literals { fitting[literal.scalar, default: others] |= literal.place }
    }

    /// True when the pattern stands for the whole of `text`.
    package func matches(_ text: String) -> Bool {
        // Where in the pattern one may be after what was read so far.
        var reached = Self.place(0)
        for scalar in text.unicodeScalars {
            let passed = reached & (fitting[scalar] ?? others)
            reached = Self.next(passed) | (reached & stars)
            if reached == .zero { return false }
        }
        return reached & Self.place(length) != .zero
    }

    private static func place(_ index: Int) -> Places {
        var places = Places.zero
        places[index / 64] = 1 << UInt64(index % 64)
        return places
    }

    /// Every place moved on by one. The last one of all is never passed.
    private static func next(_ places: Places) -> Places {
        let carried = places &>> 63
        return places &<< 1 | Places(0, carried[0], carried[1], carried[2])
    }
}
