import Bytes

/// The ways in which an app may read the path that it is sent, other than routes are chosen by.
///
/// Servers differ in how they read what clients escape, double or append: whether `%2F` separates
/// segments (CVE-2021-29492 of Envoy), whether `//` is `/`, whether `%41` is decoded before routes
/// are compared, whether a `;` ends a segment. So no reading is trusted: a request passes when all
/// of them lead to the same route.
struct PathReadings {
    /// Each begins with a slash, and may hold empty segments.
    private(set) var texts: [[UInt8]]

    /// - Parameters:
    ///   - path: what the app is sent.
    ///   - oddities: those of `path`.
    ///   - ignoringParameters: the app does, by what the configuration says.
    init(of path: String, _ oddities: PathOddities, ignoringParameters: Bool) {
        texts = [Array(path.utf8)]
        if oddities.contains(.needlessEscapes) { also(Self.withoutNeedlessEscapes) }
        if oddities.contains(.escapedSlash) { also { Self.decoding(UInt8(ascii: "/"), in: $0) } }
        if oddities.contains(.escapedBackslash) {
            also { Self.decoding(UInt8(ascii: "\\"), in: $0) }
        }
        if ignoringParameters {
            if oddities.contains(.escapedSemicolon) {
                also { Self.decoding(UInt8(ascii: ";"), in: $0) }
            }
            texts = texts.map(Self.withoutParameters)
        }
        if texts.contains(where: Self.hasEmptySegments) { also(Self.merged) }
    }

    /// True when some reading has a dot segment: what that leads to is anybody's guess.
    var haveDotSegments: Bool {
        texts.contains { Self.hasDotSegments(Self.decoding(UInt8(ascii: "."), in: $0)) }
    }

    private mutating func also(_ reading: ([UInt8]) -> [UInt8]) {
        for text in texts.map(reading) where !texts.contains(text) { texts.append(text) }
    }

    // MARK: Readings

    private static let slash = UInt8(ascii: "/")

    /// The path as a server reads it that does not decode before it compares: `%41` is three
    /// characters.
    private static func withoutNeedlessEscapes(_ path: [UInt8]) -> [UInt8] {
        mapEscapes(in: path) { octet, escape in
            PercentEncoding.isUnreserved(octet) ? [UInt8(ascii: "%")] + "25".utf8 + escape : nil
        }
    }

    /// The path as a server reads it that decodes first: escapes of `octet` are `octet`; a
    /// backslash is a slash.
    private static func decoding(_ octet: UInt8, in path: [UInt8]) -> [UInt8] {
        let separator = octet == UInt8(ascii: "\\") ? slash : octet
        return mapEscapes(in: path) { escaped, _ in escaped == octet ? [separator] : nil }
    }

    /// - Parameter replacement: for an escape of `octet`, whose digits are `escape`; nil to leave
    ///   it.
    private static func mapEscapes(
        in path: [UInt8], _ replacement: (_ octet: UInt8, _ escape: ArraySlice<UInt8>) -> [UInt8]?
    ) -> [UInt8] {
        var read: [UInt8] = []
        read.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            if path[index] == UInt8(ascii: "%"),
                let octet = PercentEncoding.escape(in: path.span, at: index)
            {
                let escape = path[index + 1...index + 2]
                read += replacement(octet, escape) ?? Array(path[index...index + 2])
                index += 3
            } else {
                read.append(path[index])
                index += 1
            }
        }
        return read
    }

    private static func withoutParameters(_ path: [UInt8]) -> [UInt8] {
        var isInParameters = false
        return path.filter { octet in
            if octet == slash { isInParameters = false }
            if octet == UInt8(ascii: ";") { isInParameters = true }
            return !isInParameters
        }
    }

    private static func hasEmptySegments(_ path: [UInt8]) -> Bool {
        zip(path, path.dropFirst()).contains { $0 == slash && $1 == slash }
    }

    private static func merged(_ path: [UInt8]) -> [UInt8] {
        var last: UInt8?
        return path.filter { octet in
            defer { last = octet }
            return octet != slash || last != slash
        }
    }

    /// True for dot segments, with parameters, too, which some servers remove before they look for
    /// dots.
    private static func hasDotSegments(_ path: [UInt8]) -> Bool {
        path.split(separator: slash).contains { segment in
            let dots = segment.prefix { $0 == UInt8(ascii: ".") }.count
            let hasParameters = dots < segment.count && segment[segment.startIndex + dots] == 0x3B
            return dots > 0 && (hasParameters || dots == segment.count && dots <= 2)
        }
    }
}
