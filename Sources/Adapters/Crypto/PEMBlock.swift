import Bytes

/// One block of PEM text (RFC 7468): the octets between a `BEGIN` and its `END` line.
struct PEMBlock {
    var label: String
    /// The decoded content; nil when it is no Base64, or has headers as encrypted keys once had.
    var content: [UInt8]?

    /// All blocks of `text` in order; whatever stands around them is ignored (§2). A block that is
    /// not ended is none.
    static func all(in text: Span<UInt8>) -> [PEMBlock] {
        var blocks: [PEMBlock] = []
        var open: (label: String, base64: [UInt8])?
        var start = 0
        while start < text.count {
            let end = text.firstIndex(of: ASCII.lineFeed, from: start) ?? text.count
            let line = text.extracting(trimmed(text, start..<end))
            start = end + 1
            if let label = boundary("BEGIN", line) {
                open = (label, [])
            } else if let label = boundary("END", line) {
                if let block = open, block.label == label {
                    blocks.append(PEMBlock(label: label, content: decoded(block.base64)))
                }
                open = nil
            } else {
                open?.base64.append(copying: line)
            }
        }
        return blocks
    }

    private static func decoded(_ base64: [UInt8]) -> [UInt8]? { Base64.decode(base64.span) }

    private static func trimmed(_ text: Span<UInt8>, _ line: Range<Int>) -> Range<Int> {
        var line = text.trimmingWhitespace(line)
        if !line.isEmpty, text[line.upperBound - 1] == ASCII.carriageReturn {
            line = text.trimmingWhitespace(line.lowerBound..<line.upperBound - 1)
        }
        return line
    }

    /// The label of `-----BEGIN label-----`, or nil for any other line.
    private static func boundary(_ word: String, _ line: Span<UInt8>) -> String? {
        let prefix = "-----\(word) "
        let suffix = "-----"
        let end = line.count - suffix.utf8.count
        guard end >= prefix.utf8.count, line.starts(with: prefix),
            line.extracting(end..<line.count).matches(suffix)
        else { return nil }
        return line.extracting(prefix.utf8.count..<end).text
    }
}
