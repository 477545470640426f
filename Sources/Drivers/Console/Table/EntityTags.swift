import Bytes
import HTTP

/// `If-Match` and `If-None-Match` (RFC 9110 §13.1): which version of a thing a request means.
enum EntityTags: Sendable, Hashable {
    /// `*`: any, but there must be one.
    case any
    /// The strong ones, without their quotes. Weak ones never match here.
    case strong([String])

    struct Malformed: Error {}

    /// - Parameter wanted: the name of the field, in lower case.
    /// - Returns: nil when there is no such field.
    static func read(
        _ fields: Fields, _ wanted: String = "if-match"
    ) throws(Malformed) -> EntityTags? {
        let lines = fields.lines.filter {
            fields.bytes.span.extracting($0.name).matchesIgnoringCase(wanted)
        }
        if lines.isEmpty { return nil }
        let text = lines.map { fields.bytes.text($0.value) }.joined(separator: ",")
        return text == "*" ? .any : .strong(try strongTags(in: Array(text.utf8)))
    }

    /// True when the version with `tag` is meant; nil when there is no such thing.
    func holds(for tag: String?) -> Bool {
        guard let tag else { return false }
        return switch self {
        case .any: true
        case .strong(let tags): tags.contains { $0.isSpelled(tag) }
        }
    }

    /// True for what may stand between the quotes of a tag (`etagc`, §8.8.3), in ASCII.
    static func isLegal(_ tag: String) -> Bool {
        tag.utf8.allSatisfy { ASCII.isVisible($0) && $0 != UInt8(ascii: "\"") }
    }

    private static func strongTags(in octets: [UInt8]) throws(Malformed) -> [String] {
        var tags: [String] = []
        var index = 0
        var isFirst = true
        while true {
            let start = index
            skip(octets, &index) { $0 == ASCII.space || $0 == ASCII.tab || $0 == UInt8(ascii: ",") }
            if index == octets.count { break }
            let hasComma = octets[start..<index].contains(UInt8(ascii: ","))
            guard isFirst || hasComma else { throw Malformed() }
            isFirst = false
            let isWeak = octets[index...].starts(with: "W/".utf8)
            if isWeak { index += 2 }
            guard index < octets.count, octets[index] == UInt8(ascii: "\"") else {
                throw Malformed()
            }
            index += 1
            let begin = index
            skip(octets, &index) { $0 != UInt8(ascii: "\"") && ($0 > ASCII.space) && $0 != 0x7F }
            guard index < octets.count, octets[index] == UInt8(ascii: "\"") else {
                throw Malformed()
            }
            if !isWeak { tags.append(octets.text(begin..<index)) }
            index += 1
        }
        if isFirst { throw Malformed() }
        return tags
    }

    private static func skip(
        _ octets: [UInt8], _ index: inout Int, while isSkipped: (UInt8) -> Bool
    ) {
        while index < octets.count, isSkipped(octets[index]) { index += 1 }
    }
}
