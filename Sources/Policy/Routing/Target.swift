import Bytes
package import Endings
import HTTP

/// The target of a request in the one spelling that routes are chosen by.
package struct NormalisedTarget: Sendable, Hashable {
    /// Begins with a slash (or is `*`, for `OPTIONS *`); no dot segments, no empty segments but one
    /// at the end, escapes in upper case and only where needed.
    package var path: String
    /// What follows the first `?`, as sent; nil without one.
    package var query: String?
    /// The path as it was sent; nil when that is `path` to the octet.
    package var spelling: String?
    /// What of the path as it was sent some apps read otherwise.
    package var oddities: PathOddities

    package init(
        path: String, query: String? = nil, spelling: String? = nil, oddities: PathOddities = []
    ) {
        self.path = path
        self.query = query
        self.spelling = spelling
        self.oddities = oddities
    }

    /// Path and query as they go into a request line.
    package var text: String { query.map { path + "?" + $0 } ?? path }

    /// With the path as it was sent in the place of the normal one.
    package var asSent: NormalisedTarget {
        var target = self
        target.path = spelling ?? path
        return target
    }
}

/// What of a path apps do not read alike.
package struct PathOddities: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let dotSegments = PathOddities(rawValue: 1)
    /// Besides the one at the end.
    package static let emptySegments = PathOddities(rawValue: 2)
    /// Escapes of characters that need none: `%41`.
    package static let needlessEscapes = PathOddities(rawValue: 4)
    /// `%2F`.
    package static let escapedSlash = PathOddities(rawValue: 8)
    /// `%5C`.
    package static let escapedBackslash = PathOddities(rawValue: 16)
    /// `;`.
    package static let parameters = PathOddities(rawValue: 32)
    /// `%3B`.
    package static let escapedSemicolon = PathOddities(rawValue: 64)
}

/// Brings request targets into one spelling (RFC 3986 §6.2.2), so that no rule can be got around by
/// writing a path differently. Admission's first step.
package enum Target {
    /// What is done with `%2F` and `%5C` in a path.
    package enum EscapedSlashes: Sendable {
        case refused
        /// Escaped slashes stay within their segment: the route has to say what becomes of them.
        case kept
    }

    /// The normal form of `target`, in origin-form, absolute-form (whose authority is
    /// `RequestHead.authority`) or asterisk-form.
    ///
    /// - Escapes of unreserved characters are decoded; other escapes stay, in upper case; raw
    ///   characters that a path may not hold are escaped.
    /// - Dot segments are removed *after* that, so `%2e%2e` is one.
    /// - Runs of slashes become one, for matching and, unless the route keeps the spelling,
    /// forwarding alike: `//admin` cannot get past the rules of `/admin`, nor be read as a host by
    /// the next server.
    /// - Refused with 400: broken escapes, escaped or raw controls, a raw backslash, a fragment, a
    ///   path that climbs above the root, and dot segments with parameters (`..;`), which some
    ///   servers take for `..`.
    /// - The query is not changed, only checked for controls, spaces and fragments.
    package static func normalise(
        _ target: Span<UInt8>, escapedSlashes: EscapedSlashes = .refused
    ) throws(Refusal) -> NormalisedTarget {
        guard target.firstIndex(of: UInt8(ascii: "#")) == nil else {
            throw refusal("The request target contains a fragment.")
        }
        if target.matches("*") { return NormalisedTarget(path: "*") }
        var start = 0
        var isAbsolute = false
        if let authorityStart = Authority.start(ofAbsolute: target) {
            start = authorityStart
            while start < target.count, !Authority.isEnd(target[start]) { start += 1 }
            guard Authority.isLegal(target.extracting(authorityStart..<start)) else {
                throw refusal("The host of the request target is malformed.")
            }
            isAbsolute = true
        }
        let end = target.firstIndex(of: UInt8(ascii: "?"), from: start) ?? target.count
        let sent = target.extracting(start..<end)
        if PathNormaliser.isNormal(sent) {
            return NormalisedTarget(path: sent.text, query: try query(of: target, from: end))
        }
        var path = PathNormaliser()
        // An absolute target may have no path at all, which means the root.
        if !isAbsolute || start < end {
            try path.normalise(sent)
        }
        if escapedSlashes == .refused, path.hasEscapedSlashes {
            throw refusal("The path of the request target contains an escaped slash.")
        }
        return NormalisedTarget(
            path: path.text, query: try query(of: target, from: end),
            spelling: path.spelling(of: sent), oddities: path.oddities)
    }

    /// What follows the `?` at `end`; nil when `end` is the end.
    private static func query(
        of target: Span<UInt8>, from end: Int
    ) throws(Refusal) -> String? {
        guard end < target.count else { return nil }
        let query = target.extracting(end + 1..<target.count)
        for index in query.indices where !ASCII.isVisible(query[index]) {
            throw refusal("The query of the request target is malformed.")
        }
        return query.text
    }

    fileprivate static func refusal(_ message: String) -> Refusal {
        Refusal(.protocolError, status: 400, message: message)
    }
}

/// Writes a path segment by segment, taking the last one back where a dot segment says so.
private struct PathNormaliser {
    private var output: [UInt8] = []
    private(set) var oddities: PathOddities = []

    /// True when it is seen at once that nothing of `path` is written otherwise, and that all apps
    /// read it alike: of nearly all paths, and of none with an escape, a parameter, an empty
    /// segment, or a segment that begins with a dot.
    static func isNormal(_ path: Span<UInt8>) -> Bool {
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else { return false }
        var isBeginning = true
        for index in 1..<path.count {
            let octet = path[index]
            if octet == UInt8(ascii: "/") {
                if isBeginning { return false }
                isBeginning = true
            } else {
                let isOdd = octet == UInt8(ascii: ";") || isBeginning && octet == UInt8(ascii: ".")
                guard !isOdd, PercentEncoding.isPathOctet(octet) else { return false }
                isBeginning = false
            }
        }
        return true
    }

    var hasEscapedSlashes: Bool {
        !oddities.isDisjoint(with: [.escapedSlash, .escapedBackslash])
    }

    var text: String { output.isEmpty ? "/" : String(decoding: output, as: UTF8.self) }

    /// `path`, which was normalised, as text; nil when that is the same.
    func spelling(of path: Span<UInt8>) -> String? {
        if path.isEmpty || path.count == output.count && output.span.matches(path) { return nil }
        return path.text
    }

    mutating func normalise(_ path: Span<UInt8>) throws(Refusal) {
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else {
            throw Target.refusal("The path of the request target does not begin with a slash.")
        }
        output.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            // At a slash.
            let end = path.firstIndex(of: UInt8(ascii: "/"), from: index + 1) ?? path.count
            try segmentRead(path.extracting(index + 1..<end), isLast: end == path.count)
            index = end
        }
    }

    private mutating func segmentRead(_ segment: Span<UInt8>, isLast: Bool) throws(Refusal) {
        let slash = output.count
        output.append(UInt8(ascii: "/"))
        try appendNormalised(segment)
        switch dots(from: slash + 1) {
        case 0 where output.count > slash + 1: return
        case 0:
            if !isLast { oddities.insert(.emptySegments) }
            output.removeSubrange(slash...)
        case 1:
            oddities.insert(.dotSegments)
            output.removeSubrange(slash...)
        default:
            oddities.insert(.dotSegments)
            // The slash before the parent segment; a slash within a segment is written as an
            // escape.
            guard let parent = output[..<slash].lastIndex(of: UInt8(ascii: "/")) else {
                throw Target.refusal("The path of the request target leads above the root.")
            }
            output.removeSubrange(parent...)
        }
        // An empty segment or a dot segment at the end leaves a directory.
        if isLast { output.append(UInt8(ascii: "/")) }
    }

    /// 1 for `.`, 2 for `..`, 0 for any other segment that was written from `start` on.
    private func dots(from start: Int) -> Int {
        let count = output.count - start
        guard count == 1 || count == 2 else { return 0 }
        return output[start...].allSatisfy { $0 == UInt8(ascii: ".") } ? count : 0
    }

    private mutating func appendNormalised(_ segment: Span<UInt8>) throws(Refusal) {
        var index = 0
        var onlyDots = true
        while index < segment.count {
            var octet = segment[index]
            let isEscape = octet == UInt8(ascii: "%")
            if isEscape {
                octet = try escape(in: segment, at: index)
                index += 2
            }
            index += 1
            guard octet >= ASCII.space, octet != 0x7F else {
                throw Target.refusal("The path of the request target contains a control character.")
            }
            if octet == UInt8(ascii: ";"), !isEscape {
                // Without them the segment is empty, or one of two dots for who ignores them.
                if onlyDots, segment[0] != octet {
                    throw Target.refusal(
                        "The path of the request target has an ambiguous segment.")
                }
                oddities.insert(.parameters)
            }
            onlyDots = onlyDots && octet == UInt8(ascii: ".")
            try append(octet, wasEscaped: isEscape)
        }
    }

    private mutating func append(_ octet: UInt8, wasEscaped: Bool) throws(Refusal) {
        let isPlain: Bool
        if wasEscaped {
            isPlain = PercentEncoding.isUnreserved(octet)
            switch octet {
            case UInt8(ascii: "/"): oddities.insert(.escapedSlash)
            case UInt8(ascii: "\\"): oddities.insert(.escapedBackslash)
            case UInt8(ascii: ";"): oddities.insert(.escapedSemicolon)
            default: if isPlain { oddities.insert(.needlessEscapes) }
            }
        } else {
            guard octet != UInt8(ascii: "\\") else {
                throw Target.refusal("The path of the request target contains a backslash.")
            }
            isPlain = PercentEncoding.isPathOctet(octet)
        }
        if isPlain {
            output.append(octet)
        } else {
            PercentEncoding.append(escaping: octet, to: &output)
        }
    }

    /// The octet that the escape at `index` stands for.
    private func escape(in segment: Span<UInt8>, at index: Int) throws(Refusal) -> UInt8 {
        guard let octet = PercentEncoding.escape(in: segment, at: index) else {
            throw Target.refusal("The path of the request target has a malformed percent-escape.")
        }
        return octet
    }
}
