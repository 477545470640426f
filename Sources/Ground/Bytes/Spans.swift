/// What codecs ask of octets: comparison, search, copying, text. Nothing here allocates but what
/// returns an array or a string.
extension Span where Element == UInt8 {
    /// True when both hold the same octets.
    @inlinable
    package func matches(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }

    /// True when both hold the same octets, ASCII letters compared without case.
    @inlinable
    package func matchesIgnoringCase(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices
        where ASCII.lowercased(self[index]) != ASCII.lowercased(other[index]) {
            return false
        }
        return true
    }

    /// As `matchesIgnoringCase(_:)`, where `other` has no upper-case letters.
    @inlinable
    package func matchesIgnoringCase(lowercase other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where ASCII.lowercased(self[index]) != other[index] { return false }
        return true
    }

    /// True when one of the octets is A to Z.
    @inlinable
    package var hasUppercase: Bool {
        for index in indices where ASCII.isUppercase(self[index]) { return true }
        return false
    }

    /// True when the octets are exactly the UTF-8 of `text`.
    @inlinable
    package func matches(_ text: String) -> Bool { matches(text.utf8.span) }

    /// As `matches(_:)`, ASCII letters compared without case.
    @inlinable
    package func matchesIgnoringCase(_ text: String) -> Bool {
        matchesIgnoringCase(text.utf8.span)
    }

    /// True when the octets begin with the UTF-8 of `text`.
    @inlinable
    package func starts(with text: String) -> Bool {
        let prefix = text.utf8.span
        guard count >= prefix.count else { return false }
        for index in prefix.indices where self[index] != prefix[index] { return false }
        return true
    }

    /// The first index at or after `start` that holds `octet`, or nil.
    @inlinable
    package func firstIndex(of octet: UInt8, from start: Int = 0) -> Int? {
        var index = start
        while index < count {
            if self[index] == octet { return index }
            index &+= 1
        }
        return nil
    }

    /// `range` without the spaces and tabs at its ends (OWS, RFC 9110 §5.6.3).
    @inlinable
    package func trimmingWhitespace(_ range: Range<Int>) -> Range<Int> {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high, self[low] == ASCII.space || self[low] == ASCII.tab { low &+= 1 }
        while high > low, self[high - 1] == ASCII.space || self[high - 1] == ASCII.tab {
            high &-= 1
        }
        return low..<high
    }

    /// A copy of the octets.
    package var array: [UInt8] {
        [UInt8](capacity: count) { output in
            for index in indices { output.append(self[index]) }
        }
    }

    /// The octets as text; what is not UTF-8 becomes U+FFFD.
    package var text: String {
        do throws(UTF8.ValidationError) {
            return String(copying: try UTF8Span(validating: self))
        } catch {
            return String(decoding: array, as: UTF8.self)
        }
    }
}

extension OutputSpan where Element == UInt8 {
    /// Appends a copy of `span`.
    // Into what is there already, and is as long as `span`: so no octet is looked after for itself,
    // and many are copied in one step.
    package mutating func append(copying span: Span<UInt8>) {
        let start = count
        append(repeating: 0, count: span.count)
        var all = mutableSpan
        var copy = all._mutatingExtracting(start..<start &+ span.count)
        for index in span.indices { copy[index] = span[index] }
    }

    /// Appends the UTF-8 of `text`.
    package mutating func append(_ text: String) { append(copying: text.utf8.span) }

    /// Appends `number` in decimal digits: at most 20 octets.
    package mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        var unit: UInt = 1
        while rest / unit >= 10 { unit *= 10 }
        while unit > 0 {
            append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / unit))
            rest %= unit
            unit /= 10
        }
    }
}

extension Array where Element == UInt8 {
    /// Appends a copy of `span`.
    package mutating func append(copying span: Span<UInt8>) {
        // The library would store into the empty array that all threads share.
        if span.isEmpty { return }
        append(addingCapacity: span.count) { $0.append(copying: span) }
    }

    /// Appends the UTF-8 of `text`.
    package mutating func append(_ text: String) { append(copying: text.utf8.span) }

    /// The octets of `range` as text; what is not UTF-8 becomes U+FFFD.
    package func text(_ range: Range<Int>) -> String {
        String(decoding: self[range], as: UTF8.self)
    }

    /// Appends `number` in decimal digits.
    package mutating func append(decimal number: Int) {
        append(addingCapacity: 20) { $0.append(decimal: number) }
    }

    /// Appends `number` in lower-case hexadecimal digits, without leading zeros.
    package mutating func append(hexadecimal number: Int) {
        append(contentsOf: String(number, radix: 16).utf8)
    }
}
