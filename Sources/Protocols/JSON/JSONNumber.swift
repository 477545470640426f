/// A number as it was written: its decimal text, with views for arithmetic (RFC 8259 §6). Two
/// numbers are equal when they are spelt the same.
package struct JSONNumber: Sendable, Hashable {
    /// The number in the grammar of RFC 8259 §6.
    package let text: String

    package init(_ integer: Int64) { text = String(integer) }

    /// `text` was checked against the grammar by the reader.
    init(checked text: String) { self.text = text }

    /// The value when it is written as an integer (without fraction and exponent) that fits.
    package var int64: Int64? { Int64(text) }

    /// The nearest double; infinite beyond its range.
    package var double: Double { Double(text) ?? .nan }
}
