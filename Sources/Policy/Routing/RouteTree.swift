import HTTP
import Settings

/// The routes of one host by the segments of their paths. A match walks down the path once; only
/// where a literal and a capture stand side by side does it walk both ways.
struct RouteTree: Sendable {
    /// How segments are compared with the literals of routes.
    enum Comparison: Sendable, Hashable {
        /// Each as its route says that its app reads paths.
        case asWritten
        /// All of them with case, or without.
        case all(ignoringCase: Bool)
    }

    /// What is written at one path.
    private struct Node {
        /// The nodes below literals, by how their routes read them (`PathReading.rawValue`).
        var literals: [[SegmentText: Int]] = Array(repeating: [:], count: PathReading.count)
        /// The children by the text of their segment: compared with case, and without.
        var exact: [SegmentText: [Int]] = [:]
        var folded: [SegmentText: [Int]] = [:]
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
        /// The name of the capture of all segments that are left.
        var restName: String?
        var reading: PathReading

        func accepts(_ method: String) -> Bool {
            methods.isEmpty || methods.contains(method)
                || method == "HEAD" && methods.contains("GET")
        }

        func captures(of best: Best) -> [String: String] {
            var captures: [String: String] = [:]
            for (name, segment) in zip(captureNames, best.captures) where captures[name] == nil {
                captures[name] = reading.decoded(segment)
            }
            if let restName { captures[restName] = reading.decoded(segments: best.rest.text) }
            return captures
        }
    }

    /// The deepest node found so far.
    private struct Best {
        var node = -1
        var depth = -1
        var captures: [Substring] = []
        /// What lies below the node.
        var rest = PathSegments("/")
    }

    private var nodes = [Node()]
    /// The readings of routes in this tree, by which a segment is looked up.
    private var readings: [PathReading] = []

    /// Adds a route; false when earlier ones with the same path take all requests it could get.
    @discardableResult
    mutating func insert(_ route: RouteSettings, index: Int) -> Bool {
        let reading = PathReading(route.paths)
        if !readings.contains(reading) {
            readings.append(reading)
            // Routes that compare exactly come first.
            readings.sort { $0.rawValue < $1.rawValue }
        }
        var node = 0
        var names: [String] = []
        for segment in route.path.segments {
            switch segment {
            case .literal(let text): node = child(of: node, literal: text, reading)
            case .capture(let name):
                names.append(name)
                node = capture(of: node)
            }
        }
        let slot = route.path.hasTrailingSlash ? \Node.slashed : \Node.plain
        let earlier = nodes[node][keyPath: slot]
        let entry = Entry(
            route: index, methods: route.methods, captureNames: names, restName: route.path.rest,
            reading: reading)
        nodes[node][keyPath: slot].append(entry)
        if earlier.contains(where: \.methods.isEmpty) { return false }
        return entry.methods.isEmpty
            || !entry.methods.allSatisfy { method in earlier.contains { $0.accepts(method) } }
    }

    private mutating func child(
        of node: Int, literal: String, _ reading: PathReading
    ) -> Int {
        let text = Substring(literal)
        let key = reading.key(of: text)
        if let child = nodes[node].literals[reading.rawValue][key] { return child }
        let child = nodes.count
        nodes.append(Node())
        nodes[node].literals[reading.rawValue][key] = child
        nodes[node].exact[PathReading().key(of: text), default: []].append(child)
        nodes[node].folded[PathReading.ignoringCase.key(of: text), default: []].append(child)
        return child
    }

    private mutating func capture(of node: Int) -> Int {
        if let child = nodes[node].capture { return child }
        nodes[node].capture = nodes.count
        nodes.append(Node())
        return nodes.count - 1
    }

    /// The match for `path`, which begins with a slash; nil when nothing is written for it.
    func match(path: String, method: Method, _ comparison: Comparison) -> RouteMatch? {
        var best = Best()
        descend(
            from: 0, depth: 0, rest: PathSegments(path), captures: [], comparison, best: &best)
        guard best.node >= 0 else { return nil }
        let entries = candidates(for: best)
        let name = method.name
        guard let entry = entries.first(where: { $0.accepts(name) }) else {
            return .wrongMethod(allowed: Self.allowed(entries))
        }
        return .route(entry.route, captures: entry.captures(of: best))
    }

    private func descend(
        from node: Int, depth: Int, rest: PathSegments, captures: [Substring],
        _ comparison: Comparison, best: inout Best
    ) {
        if depth > best.depth, !(nodes[node].plain.isEmpty && nodes[node].slashed.isEmpty) {
            best = Best(node: node, depth: depth, captures: captures, rest: rest)
        }
        if nodes[node].exact.isEmpty, nodes[node].capture == nil { return }
        var below = rest
        guard let segment = below.next() else { return }
        func descend(to child: Int, _ captures: [Substring]) {
            self.descend(
                from: child, depth: depth + 1, rest: below, captures: captures, comparison,
                best: &best)
        }
        switch comparison {
        case .asWritten:
            for reading in readings where !nodes[node].literals[reading.rawValue].isEmpty {
                let key = reading.key(of: segment)
                guard let child = nodes[node].literals[reading.rawValue][key] else { continue }
                descend(to: child, captures)
            }
        case .all(let ignoringCase):
            let key = (ignoringCase ? PathReading.ignoringCase : []).key(of: segment)
            let children = ignoringCase ? nodes[node].folded : nodes[node].exact
            for child in children[key] ?? [] { descend(to: child, captures) }
        }
        if let child = nodes[node].capture { descend(to: child, captures + [segment]) }
    }

    /// The routes at a node in the order in which they are asked. Those of one spelling hide those
    /// of the other: only between routes for the very same path do methods decide.
    private func candidates(for best: Best) -> [Entry] {
        let index = best.node
        let prefersPlain = best.rest.isAtEnd && !best.rest.isAtTrailingSlash
        let takesPlain = prefersPlain ? !nodes[index].plain.isEmpty : nodes[index].slashed.isEmpty
        return takesPlain ? nodes[index].plain : nodes[index].slashed
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
