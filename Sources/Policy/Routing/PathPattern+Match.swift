import Settings

extension PathPattern {
    /// What of `path` the captures stand for, as it is spelt there, when `path` is exactly this
    /// pattern, with or without a slash at the end; nil otherwise.
    ///
    /// Literals are compared with segments, both decoded: the same path in another
    /// spelling still matches.
    func spelling(ofCapturesIn path: String) -> [PathCapture]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        var captures: [PathCapture] = []
        var left = PathSegments(path)
        for wanted in segments {
            guard let segment = left.next() else { return nil }
            switch wanted {
            case .literal(let text):
                let reading = PathReading()
                guard reading.key(of: segment) == reading.key(of: Substring(text)) else {
                    return nil
                }
            case .capture(let name): captures.append(PathCapture(name: name, spelling: segment))
            }
        }
        if let rest {
            captures.append(PathCapture(name: rest, spelling: left.text))
            return captures
        }
        return left.isAtEnd ? captures : nil
    }
}

/// What a capture of a rewrite stands for.
struct PathCapture {
    let name: String
    /// As it is spelt in a normal path.
    let spelling: Substring

    var decoded: String { PercentEncoding.decode(spelling) }

    /// Whether it is one segment or several is a matter of opinion.
    var hasEscapedSlashes: Bool { spelling.contains("%2F") || spelling.contains("%5C") }
}
