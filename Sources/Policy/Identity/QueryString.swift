import Bytes

/// The query of a request target: `name=value` pairs between `&`, percent-encoded, `+` for a space
/// (the form encoding every web framework reads). A broken escape stands for itself.
package struct QueryString: Sendable {
    private struct Pair: Sendable {
        var name: String
        var value: String
        var written: Substring
    }

    private let pairs: [Pair]

    /// `text` is what follows the question mark; empty when there is none.
    package init(_ text: String) {
        if text.isEmpty {
            pairs = []
            return
        }
        pairs = text.split(separator: "&").map { written in
            let halves = written.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return Pair(
                name: Self.decoded(halves[0]),
                value: halves.count == 2 ? Self.decoded(halves[1]) : "", written: written)
        }
    }

    /// The first value with this name, or nil.
    package func first(_ name: String) -> String? {
        pairs.first { $0.name.isSpelled(name) }?.value
    }

    /// The value with this name when there is exactly one. Of several, readers disagree which one
    /// counts, so that a rule must not choose.
    package func only(_ name: String) -> String? {
        let matching = pairs.filter { $0.name.isSpelled(name) }
        return matching.count == 1 ? matching[0].value : nil
    }

    package func contains(anyOf names: [String]) -> Bool {
        pairs.contains { pair in names.contains { $0.isSpelled(pair.name) } }
    }

    /// The query as it was written, without the pairs of these names; nil when none is left.
    package func removing(_ names: [String]) -> String? {
        let left = pairs.filter { pair in !names.contains { $0.isSpelled(pair.name) } }
        return left.isEmpty ? nil : left.map(\.written).joined(separator: "&")
    }

    /// The query as it was written, the values of these names replaced by `redacted`; for logs.
    package func redacting(_ names: [String]) -> String {
        pairs.map { pair in
            guard names.contains(where: { $0.isSpelled(pair.name) }) else {
                return String(pair.written)
            }
            return pair.written.prefix { $0 != "=" } + "=redacted"
        }.joined(separator: "&")
    }

    private static func decoded(_ text: Substring) -> String {
        let octets = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            switch octets[index] {
            case UInt8(ascii: "+"): result.append(ASCII.space)
            case UInt8(ascii: "%"):
                guard index + 2 < octets.count, let high = ASCII.hexValue(octets[index + 1]),
                    let low = ASCII.hexValue(octets[index + 2])
                else { fallthrough }
                result.append(high << 4 | low)
                index += 2
            default: result.append(octets[index])
            }
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension String {
    /// Equality of code points. `==` would also take strings for equal that merely look the same.
    func isSpelled(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
