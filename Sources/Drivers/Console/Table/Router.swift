import HTTP

/// Finds the endpoint of a request.
struct Router: Sendable {
    enum Match: Sendable {
        /// What stands in the place of the captures is as it was written.
        case found(ConsoleEndpoint, captured: [Substring])
        /// The path is known, the method is not: these are.
        case otherMethods([String])
        case nothing
    }

    let endpoints: [ConsoleEndpoint]
    /// Paths that need no token.
    let open: Set<String>

    /// The order of `endpoints` does not matter: of two paths that match, the one with the first
    /// literal counts.
    init(_ endpoints: [ConsoleEndpoint]) {
        precondition(
            Set(endpoints.map(\.route)).count == endpoints.count, "an endpoint is there twice")
        precondition(
            Set(endpoints.map(\.name)).count == endpoints.count, "a name is there twice")
        for endpoint in endpoints {
            precondition(
                endpoint.captures.map(\.name) == endpoint.path.captureNames,
                "the captures of \(endpoint.name) are not those of its path")
        }
        self.endpoints = endpoints
        open = Set(endpoints.filter { !$0.needsToken }.map(\.path.text))
    }

    /// - Parameter path: in its normal form. `HEAD` finds the endpoint of `GET`.
    func find(_ method: Method, _ path: String) -> Match {
        // The asterisk of OPTIONS.
        guard path.hasPrefix("/") else { return .nothing }
        let parts = PathTemplate.parts(of: path)
        let matching = endpoints.compactMap { endpoint in
            endpoint.path.match(parts).map { (endpoint: endpoint, captured: $0) }
        }
        let wanted = method == .head ? .get : method
        var best: (endpoint: ConsoleEndpoint, captured: [Substring])?
        for candidate in matching where candidate.endpoint.method == wanted {
            if best.map({ candidate.endpoint.path.isMoreExact(than: $0.endpoint.path) }) ?? true {
                best = candidate
            }
        }
        if let best { return .found(best.endpoint, captured: best.captured) }
        return matching.isEmpty ? .nothing : .otherMethods(Self.allowed(matching.map(\.endpoint)))
    }

    private static func allowed(_ endpoints: [ConsoleEndpoint]) -> [String] {
        var names = Set(endpoints.map(\.method.name))
        if names.contains("GET") { names.insert("HEAD") }
        return names.sorted()
    }
}
