/// A path with captures, as in `/ws/journey/{user_id}` and `/files/{path...}`.
package struct PathPattern: Sendable, Hashable {
    package enum Segment: Sendable, Hashable {
        case literal(String)
        /// Matches one non-empty segment.
        case capture(String)
    }

    package var segments: [Segment]
    /// The name of a capture at the end, `{path...}`, that stands for all segments that are left,
    /// or none. A pattern that has one has a trailing slash.
    package var rest: String?
    /// Written with a trailing slash: everything below matches too. Without it the path itself and
    /// what lies below it match (`/ws/admin`, `/ws/admin/`, `/ws/admin/…`); a rewrite is always
    /// exact but for a trailing slash.
    package var hasTrailingSlash: Bool

    package init(segments: [Segment], hasTrailingSlash: Bool) {
        self.segments = segments
        self.hasTrailingSlash = hasTrailingSlash
    }

    package init(segments: [Segment], rest: String) {
        self.init(segments: segments, hasTrailingSlash: true)
        self.rest = rest
    }

    /// The captures, in order.
    package var captures: [String] {
        segments.compactMap { segment in
            if case .capture(let name) = segment { name } else { nil }
        } + (rest.map { [$0] } ?? [])
    }

    /// As the configuration writes it.
    package var text: String {
        let path = segments.map { segment in
            switch segment {
            case .literal(let text): "/" + text
            case .capture(let name): "/{" + name + "}"
            }
        }.joined()
        if let rest { return path + "/{" + rest + "...}" }
        return hasTrailingSlash || path.isEmpty ? path + "/" : path
    }
}
