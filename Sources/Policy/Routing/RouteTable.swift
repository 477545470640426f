package import HTTP
package import Settings

/// Which route a request takes.
package enum RouteMatch: Sendable, Hashable {
    /// An index into the routes, and what their captures stand for, decoded.
    case route(Int, captures: [String: String])
    /// Nothing is served there: 404.
    case noRoute
    /// Something is, but not for this method: 405, with these in `Allow`.
    case wrongMethod(allowed: [String])
    /// The app may read the path as another one: 400.
    case refused(PathObjection)
}

/// Finds the route of a request: the most specific host first, then the longest path.
///
/// - Hosts: the exact name, then the longest `*.suffix`, then routes for any host. Where a host has
///   no route for a path, the next less specific one is asked.
/// - Paths: the route with the most segments wins; at the same depth a literal beats a capture.
///   `/ws/admin` matches itself, itself with a slash, and all below; `/ws/` matches all below it,
///   and `/ws` too unless `/ws` has a route of its own, so that no rule is escaped by leaving out a
///   slash. Where both are written, the one spelt like the path wins, and `/ws/` wins below.
/// - Methods decide last, among routes for the same host and path. A path whose only routes are for
///   other methods is 405: it does not fall back to a shorter path with laxer rules. A route for
///   GET is one for HEAD as well (RFC 9110 §9.3.2).
/// - Between equals the first one written wins.
package struct RouteTable: Sendable {
    private var exact: [String: RouteTree] = [:]
    /// By what comes after `*.`.
    private var suffixes: [String: RouteTree] = [:]
    private var anyHost = RouteTree()

    /// The longest name that the DNS knows (RFC 1035 §2.3.4); longer ones match no pattern.
    private static let maximumHostSize = 253

    private var manners: [RouteManners] = []
    /// Readings of apps that some route speaks of, besides the exact one.
    private var readings: Set<PathReading> = []

    /// Routes that no request can reach, because earlier ones take all of theirs: for a warning.
    package private(set) var unreachable: [Int] = []

    package init(routes: [RouteSettings]) {
        manners = routes.map(RouteManners.init)
        readings = Set(manners.map(\.reading)).subtracting([[]])
        for (index, route) in routes.enumerated() {
            let wasReachable =
                switch route.host {
                case .any: anyHost.insert(route, index: index)
                case .exact(let host):
                    exact[Self.normal(host), default: RouteTree()].insert(route, index: index)
                case .suffix(let host):
                    suffixes[Self.normal(host), default: RouteTree()].insert(route, index: index)
                }
            if !wasReachable { unreachable.append(index) }
        }
    }

    /// Some route is for a host, and not for any.
    package var namesHosts: Bool { !(exact.isEmpty && suffixes.isEmpty) }

    /// The host of a pattern as those of requests are compared.
    private static func normal(_ host: String) -> String { Authority(host)?.host ?? host }

    /// The route for a request. `authority` is whom it is for, nil when it does not say.
    ///
    /// A path that apps read in several ways is refused unless all of them lead to that route, and
    /// to the same captures where those decide who is let in.
    package func match(
        authority: Authority?, target: NormalisedTarget, method: Method
    ) -> RouteMatch {
        let match = match(authority: authority, path: target.path, method: method)
        guard case .route(let index, let captures) = match else {
            return target.hasEscapedSlashes ? .refused(.escapedSlash) : match
        }
        if let objection = manners[index].objection(to: target) { return .refused(objection) }
        let own = manners[index].reading
        let isOdd = !manners[index].oddities(of: target).isPlain
        if readings.isEmpty, !isOdd { return match }
        for reading in readings.union([own]) where isOdd || !reading.isEmpty {
            let readings = manners[index].readings(of: target, reading)
            if readings.haveDotSegments { return .refused(.ambiguous) }
            let leadsElsewhere = readings.texts.contains { text in
                let other = self.match(
                    authority: authority, path: String(decoding: text, as: UTF8.self),
                    method: method, .all(ignoringCase: reading.contains(.ignoringCase)))
                return (own == reading || concerns(other, reading))
                    && !manners[index].agrees(with: other, index, captures)
            }
            if leadsElsewhere { return .refused(.ambiguous) }
        }
        return match
    }

    /// True when some app reads paths in this way behind what `match` led to, or may do so.
    private func concerns(_ match: RouteMatch, _ reading: PathReading) -> Bool {
        switch match {
        case .route(let index, _): manners[index].reading == reading
        case .wrongMethod: true
        case .noRoute, .refused: false
        }
    }

    /// What the app behind a route is sent of a path.
    package func sentPath(of target: NormalisedTarget, to route: Int) -> String {
        manners[route].sentPath(of: target)
    }

    /// Finds the route of a normal path by its first reading alone.
    package func match(authority: Authority?, path: String, method: Method) -> RouteMatch {
        match(authority: authority, path: path, method: method, .asWritten)
    }

    private func match(
        authority: Authority?, path: String, method: Method, _ comparison: RouteTree.Comparison
    ) -> RouteMatch {
        // `*`, of `OPTIONS *`, is no path.
        guard path.utf8.first == UInt8(ascii: "/") else { return .noRoute }
        if let authority, namesHosts,
            let match = matchNamed(authority.host, path: path, method: method, comparison)
        {
            return match
        }
        return anyHost.match(path: path, method: method, comparison) ?? .noRoute
    }

    private func matchNamed(
        _ host: String, path: String, method: Method, _ comparison: RouteTree.Comparison
    ) -> RouteMatch? {
        guard host.utf8.count <= Self.maximumHostSize else { return nil }
        if let match = exact[host]?.match(path: path, method: method, comparison) { return match }
        if suffixes.isEmpty { return nil }
        var rest = Substring(host).utf8
        while let dot = rest.firstIndex(of: UInt8(ascii: ".")) {
            rest = rest[rest.index(after: dot)...]
            let suffix = String(Substring(rest))
            if let match = suffixes[suffix]?.match(path: path, method: method, comparison) {
                return match
            }
        }
        return nil
    }
}
