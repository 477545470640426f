import Settings

/// How the app behind a route reads paths, and what it is sent of them.
final class RouteManners: Sendable {
    let reading: PathReading
    private let paths: PathSettings
    private let judgedCaptures: Set<String>

    init(_ route: RouteSettings) {
        paths = route.paths
        reading = PathReading(route.paths)
        judgedCaptures = route.judgedCaptures
    }

    /// What speaks against `target` whatever other routes there are.
    func objection(to target: NormalisedTarget) -> PathObjection? {
        if target.hasEscapedSlashes, paths.encodedSlashes == .refuse { return .escapedSlash }
        if paths.spelling == .keep, target.oddities.contains(.dotSegments) { return .dotSegments }
        if paths.parameters == .refuse, target.oddities.contains(.parameters) {
            return .parameters
        }
        // A normal path has single slashes.
        guard paths.spelling == .keep || target.hasEscapedSlashes else { return nil }
        return beginsLikeHost(spelling(of: target)) || beginsLikeHost(sentPath(of: target))
            ? .leadingSlashes : nil
    }

    /// The oddities of the target that the app is sent.
    func oddities(of target: NormalisedTarget) -> PathOddities {
        paths.spelling == .keep
            ? target.oddities
            : target.oddities.subtracting([.emptySegments, .needlessEscapes, .dotSegments])
    }

    /// The ways in which an app may read what it is sent.
    func readings(of target: NormalisedTarget, _ reading: PathReading) -> PathReadings {
        PathReadings(
            of: spelling(of: target), oddities(of: target),
            ignoringParameters: reading.contains(.ignoringParameters))
    }

    /// True when `other` is this route, `index`, with the same captures as far as they decide.
    func agrees(with other: RouteMatch, _ index: Int, _ captures: [String: String]) -> Bool {
        guard case .route(index, let others) = other else { return false }
        return judgedCaptures.allSatisfy { name in
            captures[name].map { SegmentText(text: $0) }
                == others[name].map { SegmentText(text: $0) }
        }
    }

    /// What the app is sent.
    func sentPath(of target: NormalisedTarget) -> String {
        let path = spelling(of: target)
        guard let prefix = paths.prefix else { return path }
        var segments = PathSegments(path)
        for _ in 0..<prefix.segmentCount { _ = segments.next() }
        return segments.rest.isEmpty ? "/" : String(Substring(segments.rest))
    }

    private func spelling(of target: NormalisedTarget) -> String {
        paths.spelling == .keep ? target.spelling ?? target.path : target.path
    }

    /// `//host`, and what becomes that when it is decoded (RFC 3986 §4.2).
    private func beginsLikeHost(_ path: String) -> Bool {
        ["//", "/%2F", "/%2f", "/%5C", "/%5c"].contains { path.hasPrefix($0) }
    }
}

extension PathOddities {
    /// True when all servers read the path alike.
    var isPlain: Bool {
        isDisjoint(with: [
            .emptySegments, .needlessEscapes, .dotSegments, .escapedSlash, .escapedBackslash,
        ])
    }
}

extension NormalisedTarget {
    var hasEscapedSlashes: Bool {
        !oddities.isDisjoint(with: [.escapedSlash, .escapedBackslash])
    }
}
