import Settings

extension PathPattern {
    /// The segments of `path` that the captures stand for, as they are spelt there, when `path` is
    /// exactly this pattern, with or without a slash at the end; nil otherwise.
    ///
    /// Literals are compared with segments, both decoded: the same path in another
    /// spelling still matches.
    func spelling(ofCapturesIn path: String) -> [(name: String, segment: Substring)]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        var captures: [(name: String, segment: Substring)] = []
        var rest = PathSegments(path)
        for wanted in segments {
            guard let segment = rest.next() else { return nil }
            switch wanted {
            case .literal(let text):
                let decoded = PercentEncoding.decode(Substring(text))
                guard PercentEncoding.decode(segment) == decoded else { return nil }
            case .capture(let name): captures.append((name, segment))
            }
        }
        return rest.isAtEnd ? captures : nil
    }
}
