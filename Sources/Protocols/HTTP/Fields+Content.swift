import Bytes

/// What the fields of a message say about its content, and about the content that is wanted.
extension Fields {
    /// True when Content-Type names this type, whatever its parameters (RFC 9110 §8.3.1).
    package func mediaType(is name: String) -> Bool {
        guard let range = range(of: .contentType), range.count >= name.utf8.count else {
            return false
        }
        return bytes.span.extracting(withoutParameters(range)).matchesIgnoringCase(name)
    }

    /// True when Accept names this very type, whatever its parameters, and does not rule it out
    /// with a weight of 0 (RFC 9110 §12.4.2, §12.5.1). Ranges such as `*/*` name none.
    package func accepts(mediaType name: String) -> Bool {
        guard contains(.accept) else { return false }
        let span = bytes.span
        var elements = ListElements(of: .accept, in: self)
        while let element = elements.next() {
            if span.extracting(withoutParameters(element)).matchesIgnoringCase(name) {
                return !isRuledOut(element)
            }
        }
        return false
    }

    /// True when the content is in a coding that has to be undone to read it (RFC 9110 §8.4).
    /// `identity` is none (§8.4.1), and some servers say `none`.
    package var hasContentCoding: Bool {
        let span = bytes.span
        var elements = ListElements(of: .contentEncoding, in: self)
        while let element = elements.next() {
            let coding = span.extracting(element)
            if !coding.matchesIgnoringCase("identity"), !coding.matchesIgnoringCase("none") {
                return true
            }
        }
        return false
    }

    /// What comes before the first semicolon of an element.
    private func withoutParameters(_ element: Range<Int>) -> Range<Int> {
        let span = bytes.span
        var end = element.lowerBound
        while end < element.upperBound, span[end] != semicolon { end += 1 }
        return span.trimmingWhitespace(element.lowerBound..<end)
    }

    /// `;q=0`, `; Q=0.000`: the weight is the last parameter that counts, and every digit of it 0.
    private func isRuledOut(_ element: Range<Int>) -> Bool {
        let span = bytes.span
        var start = element.lowerBound
        while start < element.upperBound {
            var end = start
            while end < element.upperBound, span[end] != semicolon { end += 1 }
            if isZeroWeight(span.trimmingWhitespace(start..<end)) { return true }
            start = end + 1
        }
        return false
    }

    private func isZeroWeight(_ parameter: Range<Int>) -> Bool {
        let text = bytes.span.extracting(parameter)
        guard text.count > 2, ASCII.lowercased(text[0]) == UInt8(ascii: "q"),
            text[1] == UInt8(ascii: "=")
        else { return false }
        for index in 2..<text.count
        where text[index] != UInt8(ascii: "0") && text[index] != UInt8(ascii: ".") {
            return false
        }
        return true
    }
}

private let semicolon = UInt8(ascii: ";")
