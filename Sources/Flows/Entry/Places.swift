import Endings
package import HTTP
package import Routing
import Settings

/// Where a request belongs: what the rewrites make of its path, and the route of that. An
/// object, since many ask it.
package final class RequestPlace {
    /// An index into the rewrites; nil when none fits the path.
    package let rewrite: Int?
    /// What is served: that by which the route was chosen.
    package let target: NormalisedTarget
    package let match: RouteMatch
    /// Captures of the path that was asked for, by the rewrite. Their names have nothing to do with
    /// those of the route.
    let rewriteCaptures: [String: String]

    /// Captures of the path that the upstream sees, by the route.
    var routeCaptures: [String: String] {
        if case .route(_, let captures) = match { captures } else { [:] }
    }

    /// The path as the upstream is sent it.
    package let sentPath: String

    init(target: NormalisedTarget, match: RouteMatch, sentPath: String, by rewritten: Rewritten?) {
        self.target = target
        self.match = match
        self.sentPath = sentPath
        rewrite = rewritten?.ruleIndex
        rewriteCaptures = rewritten?.captures ?? [:]
    }

    /// Why nobody is let in there, whoever it is.
    var objection: PathObjection? {
        if case .refused(let objection) = match { objection } else { nil }
    }

    /// An index into the routes; nil when nothing is served there, or not for the method.
    package var route: Int? { if case .route(let index, _) = match { index } else { nil } }
}

/// What a configuration says of where requests belong: rewrites and routes.
package struct Places: Sendable {
    private let rewriter: Rewriter
    private let table: RouteTable
    /// Where requests belong depends on whom they are for.
    private let namesHosts: Bool

    init(_ settings: Settings) {
        rewriter = Rewriter(rules: settings.rewrites)
        table = RouteTable(routes: settings.routes)
        namesHosts = table.namesHosts
    }

    /// Asks the request whom it is for only where that counts.
    func place(of target: NormalisedTarget, for request: EnteringRequest) -> RequestPlace {
        place(
            of: target, authority: namesHosts ? request.authority : nil,
            method: request.head.method)
    }

    /// - Parameter authority: whom the request is for; nil when it names nobody.
    package func place(
        of target: NormalisedTarget, authority: Authority?, method: Method
    ) -> RequestPlace {
        let rewritten = rewriter.rewrite(path: target.path)
        let served = rewritten == nil ? target : rewritten.flatMap { Self.served(target, $0) }
        let match: RouteMatch =
            served.map { self.match($0, authority: authority, method: method) }
            ?? .refused(.rewritten)
        let target = served ?? target
        var sentPath = target.path
        if case .route(let index, _) = match { sentPath = table.sentPath(of: target, to: index) }
        return RequestPlace(target: target, match: match, sentPath: sentPath, by: rewritten)
    }

    /// What a rewrite made of a target; nil when that is no path, or one that is not what it looks
    /// like: pieces of the old path may have come together to dot segments.
    private static func served(
        _ target: NormalisedTarget, _ rewritten: Rewritten
    ) -> NormalisedTarget? {
        guard !rewritten.isAmbiguous,
            var served = try? Target.normalise(rewritten.path.utf8.span, escapedSlashes: .kept),
            !served.oddities.contains(.dotSegments)
        else { return nil }
        // The spelling is the rewrite's, not the client's.
        served.spelling = nil
        served.oddities.subtract([.emptySegments, .needlessEscapes])
        served.query = target.query
        return served
    }

    /// The route of a target that was rewritten already.
    package func match(_ target: NormalisedTarget, authority: Authority?, method: Method)
        -> RouteMatch
    {
        table.match(authority: authority, target: target, method: method)
    }

    /// The routes that a path belongs to by its normal form, also those for other methods: nobody
    /// is let in by that, but is told what they say of answers.
    package func routes(at target: NormalisedTarget, authority: Authority?, _ method: Method)
        -> [Int]
    {
        let place = place(of: target, authority: authority, method: method)
        func route(_ method: Method) -> Int? {
            let match = table.match(authority: authority, path: place.target.path, method: method)
            return if case .route(let index, _) = match { index } else { nil }
        }
        switch place.match {
        case .route(let index, _): return [index]
        case .noRoute: return []
        case .refused: return route(method).map { [$0] } ?? []
        case .wrongMethod(let allowed): return allowed.compactMap { route(Method($0.utf8.span)) }
        }
    }

    /// The methods that are served at a path that was rewritten already; all that RFC 9110 and RFC
    /// 5789 define, but TRACE and CONNECT, where a route leaves them to the app.
    package func methods(at target: NormalisedTarget, authority: Authority?) -> [String] {
        // What no route names, only one that names none takes.
        let match = match(target, authority: authority, method: .other(""))
        if case .wrongMethod(let allowed) = match { return allowed }
        let all: [Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        return all.map(\.name)
    }
}
