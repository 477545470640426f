import Bytes
package import HTTP

/// The cookies of a request (RFC 6265 §5.4), of all its `Cookie` lines together. Names are
/// case-sensitive.
package struct CookieHeader: Sendable {
    private struct Pair: Sendable {
        var whole: Range<Int>
        var name: Range<Int>
        /// Without the quotes a value may stand in; nil for a piece without `=`.
        var value: Range<Int>?
    }

    private let octets: [UInt8]
    private let pairs: [Pair]

    package init(_ fields: Fields) {
        octets = fields.bytes
        var pairs: [Pair] = []
        if fields.contains(.cookie) {
            for line in fields.lines where line.known == .cookie {
                Self.readPairs(fields.bytes.span, line.value, into: &pairs)
            }
        }
        self.pairs = pairs
    }

    /// The first value with this name (the one with the most specific path), or nil.
    package func first(_ name: String) -> String? { values(of: name).first }

    /// The value with this name when there is exactly one; of several, applications disagree which
    /// one counts.
    package func only(_ name: String) -> String? {
        let matching = values(of: name)
        return matching.count == 1 ? matching[0] : nil
    }

    package func contains(anyOf names: [String]) -> Bool {
        pairs.contains { isNamed($0, names) }
    }

    /// One field value with all cookies but these, each as it came; nil when none is left.
    ///
    /// - Parameter tokenNames: cookies that go, too, where their value has the form of a token.
    package func removing(_ names: [String], tokensIn tokenNames: [String] = []) -> [UInt8]? {
        var value: [UInt8] = []
        for pair in pairs
        where !isNamed(pair, names) && !(isNamed(pair, tokenNames) && isToken(pair)) {
            if !value.isEmpty { value.append("; ") }
            value.append(contentsOf: octets[pair.whole])
        }
        return value.isEmpty ? nil : value
    }

    private func values(of name: String) -> [String] {
        pairs.compactMap { pair in
            guard let value = pair.value, isNamed(pair, [name]) else { return nil }
            return octets.text(value)
        }
    }

    private func isToken(_ pair: Pair) -> Bool {
        pair.value.map { TokenForm.fits(octets.span.extracting($0)) } ?? false
    }

    private func isNamed(_ pair: Pair, _ names: [String]) -> Bool {
        let name = octets.span.extracting(pair.name)
        return names.contains { name.matches($0) }
    }

    private static func readPairs(
        _ span: Span<UInt8>, _ line: Range<Int>, into pairs: inout [Pair]
    ) {
        var start = line.lowerBound
        while start < line.upperBound {
            var end = start
            while end < line.upperBound, span[end] != UInt8(ascii: ";") { end += 1 }
            let whole = span.trimmingWhitespace(start..<end)
            if !whole.isEmpty { pairs.append(pair(whole, span)) }
            start = end + 1
        }
    }

    private static func pair(_ whole: Range<Int>, _ span: Span<UInt8>) -> Pair {
        guard let equals = span.firstIndex(of: UInt8(ascii: "="), from: whole.lowerBound),
            equals < whole.upperBound
        else { return Pair(whole: whole, name: whole, value: nil) }
        var value = span.trimmingWhitespace(equals + 1..<whole.upperBound)
        let quote = UInt8(ascii: "\"")
        if value.count > 1, span[value.lowerBound] == quote, span[value.upperBound - 1] == quote {
            value = value.lowerBound + 1..<value.upperBound - 1
        }
        return Pair(
            whole: whole, name: span.trimmingWhitespace(whole.lowerBound..<equals), value: value)
    }
}
