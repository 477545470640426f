/// A record that is not kept because of what it says.
package struct InvalidRecord: Error, Sendable, Hashable, CustomStringConvertible {
    /// The member that is wrong, by the name of its property.
    package let field: String
    /// What is expected of it. Never what it says.
    package let reason: String

    package init(field: String, reason: String) {
        self.field = field
        self.reason = reason
    }

    package var description: String { "\(field): \(reason)" }
}

/// What texts of records may hold, so that they can be shown anywhere.
enum RecordText {
    /// Octets of a name: of a block, a store, a device, a person.
    static let longestName = 256
    /// Octets of a note.
    static let longestNote = 2000

    static func check(
        _ text: String, _ field: String, _ range: ClosedRange<Int>, allowsLines: Bool = false
    ) throws(InvalidRecord) {
        guard range.contains(text.utf8.count) else {
            throw InvalidRecord(
                field: field, reason: "\(range.lowerBound) to \(range.upperBound) octets of text")
        }
        let isPlain = text.unicodeScalars.allSatisfy { scalar in
            scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                || allowsLines && (scalar == "\n" || scalar == "\t")
        }
        if !isPlain { throw InvalidRecord(field: field, reason: "no control characters") }
    }

    /// The beginning of `text` that has at most `count` octets, cut between characters.
    static func cut(_ text: String, to count: Int) -> String {
        if text.utf8.count <= count { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: count)
        // Forward only: `end` may lie within a character, whose start is up to its length before.
        while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return String(text[..<end])
    }
}
