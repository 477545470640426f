/// The segments of a path, one after the other, without splitting all of it: a path may have
/// thousands, a route has a few.
struct PathSegments {
    /// What was not taken yet: empty, or with its slash in front.
    private(set) var rest: Substring.UTF8View

    /// `path` begins with a slash.
    init(_ path: String) { rest = Substring(path).utf8 }

    /// True when nothing is left, or the slash at the end alone.
    var isAtEnd: Bool { rest.isEmpty || isAtTrailingSlash }

    var isAtTrailingSlash: Bool { rest.count == 1 }

    /// What was not taken yet, without its first slash.
    var text: Substring { Substring(rest.dropFirst()) }

    /// The next segment as it stands, empty where the path has an empty one; nil at the end.
    mutating func next() -> Substring? {
        guard !isAtEnd else { return nil }
        let segment = rest.dropFirst().prefix { $0 != UInt8(ascii: "/") }
        rest = rest[segment.endIndex...]
        return Substring(segment)
    }
}
