import Bytes
package import Endings
import HTTP

/// The target of a request in the one spelling that everything below compares and forwards.
package struct NormalisedTarget: Sendable, Hashable {
    /// Begins with a slash (or is `*`, for `OPTIONS *`); no dot segments, no empty segments but one
    /// at the end, escapes in upper case and only where needed.
    package var path: String
    /// What follows the first `?`, as sent; nil without one.
    package var query: String?

    package init(path: String, query: String? = nil) {
        self.path = path
        self.query = query
    }

    /// Path and query as they go into a request line.
    package var text: String { query.map { path + "?" + $0 } ?? path }
}

/// Brings request targets into one spelling (RFC 3986 §6.2.2), so that no rule can be got around by
/// writing a path differently. Admission's first step.
package enum Target {
    /// The normal form of `target`, in origin-form, absolute-form (whose authority is
    /// `RequestHead.authority`) or asterisk-form.
    ///
    /// - Escapes of unreserved characters are decoded; other escapes stay, in upper case; raw
    ///   characters that a path may not hold are escaped.
    /// - Dot segments are removed *after* that, so `%2e%2e` is one.
    /// - Runs of slashes become one, for matching and forwarding alike: `//admin` cannot get past
    ///   the rules of `/admin`, nor be read as a host by whoever comes next.
    /// - Refused with 400: broken escapes, escaped or raw controls, an escaped slash, any
    ///   backslash, a fragment, a path that climbs above the root, and dot segments with
    ///   parameters (`..;`), which some servers take for `..`.
    /// - The query is not changed, only checked for controls, spaces and fragments.
    package static func normalise(_ target: Span<UInt8>) throws(Refusal) -> NormalisedTarget {
        guard target.firstIndex(of: UInt8(ascii: "#")) == nil else {
            throw refusal("The request target holds a fragment.")
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
        var path = PathNormaliser()
        // An absolute target may have no path at all, which means the root.
        if !isAbsolute || start < end {
            try path.normalise(target.extracting(start..<end))
        }
        return NormalisedTarget(path: path.text, query: try query(of: target, from: end))
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
    /// Where the slashes before the segments written so far are.
    private var slashes: [Int] = []

    var text: String { output.isEmpty ? "/" : String(decoding: output, as: UTF8.self) }

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
        case 0 where output.count > slash + 1:
            slashes.append(slash)
            return
        case 0, 1:
            output.removeSubrange(slash...)
        default:
            guard let parent = slashes.popLast() else {
                throw Target.refusal("The path of the request target climbs above the root.")
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
        var onlyDots = !segment.isEmpty
        while index < segment.count {
            var octet = segment[index]
            let isEscape = octet == UInt8(ascii: "%")
            if isEscape {
                octet = try escape(in: segment, at: index)
                index += 2
            }
            index += 1
            guard octet != UInt8(ascii: "\\") else {
                throw Target.refusal("The path of the request target holds a backslash.")
            }
            guard octet >= ASCII.space, octet != 0x7F else {
                throw Target.refusal("The path of the request target holds a control character.")
            }
            if octet == UInt8(ascii: ";"), !isEscape, onlyDots {
                throw Target.refusal("The path of the request target has an ambiguous segment.")
            }
            onlyDots = onlyDots && octet == UInt8(ascii: ".")
            let isPlain =
                isEscape
                ? PercentEncoding.isUnreserved(octet) : PercentEncoding.isPathOctet(octet)
            if isPlain {
                output.append(octet)
            } else {
                PercentEncoding.append(escaping: octet, to: &output)
            }
        }
    }

    /// The octet that the escape at `index` stands for.
    private func escape(in segment: Span<UInt8>, at index: Int) throws(Refusal) -> UInt8 {
        guard let octet = PercentEncoding.escape(in: segment, at: index) else {
            throw Target.refusal("The path of the request target has a broken escape.")
        }
        guard octet != UInt8(ascii: "/") else {
            throw Target.refusal("The path of the request target holds an escaped slash.")
        }
        return octet
    }
}
