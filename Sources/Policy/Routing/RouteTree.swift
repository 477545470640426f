import HTTP
import Settings

/// The routes of one host by the segments of their paths. A match walks down the path once; only
/// where a literal and a capture stand side by side does it walk both ways.
struct RouteTree: Sendable {
    /// What is written at one path.
    private struct Node {
        var literals: [String: Int] = [:]
        /// The node below a capture, whatever its name.
        var capture: Int?
        /// Written without a slash at the end, and with one.
        var plain: [Entry] = []
        var slashed: [Entry] = []
    }

    private struct Entry {
        var route: Int
        /// Upper case; empty for all.
        var methods: [String]
        var captureNames: [String]

        func accepts(_ method: String) -> Bool {
            methods.isEmpty || methods.contains(method)
                || method == "HEAD" && methods.contains("GET")
        }
    }

    /// The deepest node found so far.
    private struct Best {
        var node = -1
        var depth = -1
        var captures: [Substring] = []
        var endsThere = false
        var hasTrailingSlash = false
    }

    private var nodes = [Node()]

    /// Adds a route; false when earlier ones with the same path take all requests it could get.
    @discardableResult
    mutating func insert(_ route: RouteSettings, index: Int) -> Bool {
        var node = 0
        var names: [String] = []
        for segment in route.path.segments {
            switch segment {
            case .literal(let text):
                let decoded = PercentEncoding.decode(Substring(text))
                node = child(of: node, at: \.literals[decoded])
            case .capture(let name):
                names.append(name)
                node = child(of: node, at: \.capture)
            }
        }
        let slot = route.path.hasTrailingSlash ? \Node.slashed : \Node.plain
        let earlier = nodes[node][keyPath: slot]
        let entry = Entry(route: index, methods: route.methods, captureNames: names)
        nodes[node][keyPath: slot].append(entry)
        if earlier.contains(where: \.methods.isEmpty) { return false }
        return entry.methods.isEmpty
            || !entry.methods.allSatisfy { method in earlier.contains { $0.accepts(method) } }
    }

    private mutating func child(of node: Int, at key: WritableKeyPath<Node, Int?>) -> Int {
        if let child = nodes[node][keyPath: key] { return child }
        nodes[node][keyPath: key] = nodes.count
        nodes.append(Node())
        return nodes.count - 1
    }

    /// The match for `path`, which begins with a slash; nil when nothing is written for it.
    func match(path: String, method: Method) -> RouteMatch? {
        var best = Best()
        descend(from: 0, depth: 0, rest: PathSegments(path), captures: [], best: &best)
        guard best.node >= 0 else { return nil }
        let entries = candidates(for: best)
        let name = method.name
        guard let entry = entries.first(where: { $0.accepts(name) }) else {
            return .wrongMethod(allowed: Self.allowed(entries))
        }
        let captures = zip(entry.captureNames, best.captures).map { name, segment in
            (name, PercentEncoding.decode(segment))
        }
        return .route(
            entry.route,
            captures: Dictionary(captures, uniquingKeysWith: { first, _ in first }))
    }

    private func descend(
        from node: Int, depth: Int, rest: PathSegments, captures: [Substring], best: inout Best
    ) {
        if depth > best.depth, !(nodes[node].plain.isEmpty && nodes[node].slashed.isEmpty) {
            best = Best(
                node: node, depth: depth, captures: captures, endsThere: rest.isAtEnd,
                hasTrailingSlash: rest.isAtTrailingSlash)
        }
        if nodes[node].literals.isEmpty, nodes[node].capture == nil { return }
        var below = rest
        guard let segment = below.next() else { return }
        if let child = nodes[node].literals[PercentEncoding.decode(segment)] {
            descend(from: child, depth: depth + 1, rest: below, captures: captures, best: &best)
        }
        if let child = nodes[node].capture {
            descend(
                from: child, depth: depth + 1, rest: below, captures: captures + [segment],
                best: &best)
        }
    }

    /// The routes at a node in the order in which they are asked. Those of one spelling hide those
    /// of the other: only between routes for the very same path do methods decide.
    private func candidates(for best: Best) -> [Entry] {
        let node = nodes[best.node]
        let prefersPlain = best.endsThere && !best.hasTrailingSlash
        let (first, second) =
            prefersPlain ? (node.plain, node.slashed) : (node.slashed, node.plain)
        return first.isEmpty ? second : first
    }

    private static func allowed(_ entries: [Entry]) -> [String] {
        var allowed: [String] = []
        for method in entries.flatMap(\.methods) {
            if !allowed.contains(method) { allowed.append(method) }
            if method == "GET", !allowed.contains("HEAD") { allowed.append("HEAD") }
        }
        return allowed
    }
}
