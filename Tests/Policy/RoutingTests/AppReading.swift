/// How an app reads the path that it is sent: a model of what servers and frameworks do, written
/// without a look at how the gateway does it.
struct AppReading: Sendable {
    var mergesSlashes = false
    var decodesSlashes = false
    var decodesBackslashes = false
    /// It decodes before it compares, so that `%61` is `a`.
    var decodesNeedlessly = true
    var ignoresCase = false
    /// What follows a `;` is taken away: before the rest is decoded, or behind it.
    var ignoresParameters = false
    var decodesBeforeParameters = false

    /// The segments that it compares with its routes; nil when it finds none, climbing up.
    func segments(of path: String) -> [String]? {
        var text = path
        if ignoresParameters, !decodesBeforeParameters { text = withoutParameters(text) }
        text = decoded(text)
        if ignoresParameters, decodesBeforeParameters { text = withoutParameters(text) }
        var segments: [String] = []
        for segment in text.split(separator: "/", omittingEmptySubsequences: mergesSlashes)
            .map(String.init)
        {
            switch segment {
            case ".": continue
            case "..": if segments.popLast() == nil { return nil }
            default: segments.append(segment)
            }
        }
        // What stands before the first slash, and behind the last one, is no segment.
        if !mergesSlashes, !segments.isEmpty { segments.removeFirst() }
        if segments.last == "" { segments.removeLast() }
        return ignoresCase ? segments.map { $0.lowercased() } : segments
    }

    private func withoutParameters(_ text: String) -> String {
        text.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.prefix { $0 != ";" } }.joined(separator: "/")
    }

    private func decoded(_ text: String) -> String {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                octets.append(octet)
                continue
            }
            let isNeedless =
                Character(Unicode.Scalar(value)).isLetter || ".-_~".utf8.contains(value)
            switch value {
            case UInt8(ascii: "/") where !decodesSlashes: octets += Array("\u{1}".utf8)
            case UInt8(ascii: "\\"): octets += Array((decodesBackslashes ? "/" : "\u{2}").utf8)
            case UInt8(ascii: ";") where !decodesBeforeParameters: octets += Array("\u{3}".utf8)
            case _ where isNeedless && value < 0x80 && !decodesNeedlessly:
                octets.append(octet)
                continue
            default: octets.append(value)
            }
            rest = rest.dropFirst(2)
        }
        return String(decoding: octets, as: UTF8.self)
    }
}

/// Routes as an app has them: the longest that fits, a literal before a capture.
struct AppRoutes {
    var patterns: [[String]]
    var ignoresCase = false

    func route(of segments: [String]) -> Int? {
        let fitting = patterns.indices.filter { index in
            let pattern = patterns[index]
            return pattern.count <= segments.count
                && zip(pattern, segments).allSatisfy { wanted, segment in
                    wanted.hasPrefix("{")
                        || (ignoresCase ? wanted.lowercased() : wanted) == segment
                }
        }
        return fitting.max { left, right in
            let (a, b) = (patterns[left], patterns[right])
            if a.count != b.count { return a.count < b.count }
            for (one, other) in zip(a, b) where one.hasPrefix("{") != other.hasPrefix("{") {
                return one.hasPrefix("{")
            }
            return left > right
        }
    }
}
