internal import Endings
internal import HTTP
internal import Identity
internal import Routing
internal import Settings

/// What a configuration says of who may be where: rewrites, routes, and whom those let in.
///
/// Admission asks it when a request comes, a refresh with the new token, and a reload for everybody
/// who is connected: all by the same rules, so that none of them can say otherwise.
final class Rulebook: Sendable {
    /// Where a request belongs: what the rewrites make of its path, and the route of that. An
    /// object, since many ask it.
    final class Place {
        /// An index into the rewrites; nil when none fits the path.
        let rewrite: Int?
        /// What is served: that by which the route was chosen.
        let target: NormalisedTarget
        let match: RouteMatch
        /// Of the path that was asked for, by the rewrite. Their names have nothing to do with
        /// those of the route.
        let rewriteCaptures: [String: String]

        /// Of the path that the upstream sees, by the route.
        var routeCaptures: [String: String] {
            if case .route(_, let captures) = match { captures } else { [:] }
        }

        /// The path as the upstream is sent it.
        let sentPath: String

        init(
            target: NormalisedTarget, match: RouteMatch, sentPath: String, by rewritten: Rewritten?
        ) {
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
        var route: Int? { if case .route(let index, _) = match { index } else { nil } }
    }

    /// What is to become of a connection that was let in by other rules.
    struct Standing {
        /// Nil when nothing is served there any more.
        var route: Int?
        /// Who the client is by these rules.
        var identity: VerifiedIdentity
        /// Why it may not stay; nil when it may.
        var refusal: Refusal?
        /// What it may stay in spite of, because it is only reported about.
        var reported: [RouteSettings.Rule] = []
    }

    let routes: [Generation.Route]
    let gates: Gates
    private let rewriter: Rewriter
    private let rewriteAccess: [AccessRule]
    private let table: RouteTable

    init(_ settings: Settings) throws(Generation.BuildError) {
        gates = try Gates(settings)
        routes = settings.routes.map { Generation.Route($0, settings.tokens) }
        rewriter = Rewriter(rules: settings.rewrites)
        rewriteAccess = settings.rewrites.map { AccessRule(roles: [], require: $0.require) }
        table = RouteTable(routes: settings.routes)
    }

    /// - Parameter authority: whom the request is for; nil when it names nobody.
    func place(of target: NormalisedTarget, authority: Authority?, method: Method) -> Place {
        let rewritten = rewriter.rewrite(path: target.path)
        let served = rewritten == nil ? target : rewritten.flatMap { Self.served(target, $0) }
        let match: RouteMatch =
            served.map { self.match($0, authority: authority, method: method) }
            ?? .refused(.rewritten)
        let target = served ?? target
        var sentPath = target.path
        if case .route(let index, _) = match { sentPath = table.sentPath(of: target, to: index) }
        return Place(target: target, match: match, sentPath: sentPath, by: rewritten)
    }

    /// What a rewrite made of a target; nil when that is no path, or one that is not what it looks
    /// like: pieces of the old path may have come together to dot segments.
    private static func served(
        _ target: NormalisedTarget, _ rewritten: Rewritten
    ) -> NormalisedTarget? {
        guard !rewritten.isAmbiguous,
            var served = try? Target.normalise(
                rewritten.path.utf8.span, escapedSlashes: .kept),
            !served.oddities.contains(.dotSegments)
        else { return nil }
        // The spelling is the rewrite's, not the client's.
        served.spelling = nil
        served.oddities.subtract([.emptySegments, .needlessEscapes])
        served.query = target.query
        return served
    }

    /// The route of a target that was rewritten already.
    func match(_ target: NormalisedTarget, authority: Authority?, method: Method) -> RouteMatch {
        table.match(authority: authority, target: target, method: method)
    }

    /// The routes that a path belongs to by its normal form, also those for other methods: nobody
    /// is let in by that, but is told what they say of answers.
    func routes(at target: NormalisedTarget, authority: Authority?, _ method: Method) -> [Int] {
        let place = place(of: target, authority: authority, method: method)
        func route(_ method: Method) -> Int? {
            let match = table.match(
                authority: authority, path: place.target.path, method: method)
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
    func methods(at target: NormalisedTarget, authority: Authority?) -> [String] {
        // What no route names, only one that names none takes.
        let match = match(target, authority: authority, method: .other(""))
        if case .wrongMethod(let allowed) = match { return allowed }
        let all: [Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        return all.map(\.name)
    }

    /// What the rules of the rewrite and of the route say of a request: each is asked about the
    /// captures of its own path, whichever `facts` has.
    func judge(
        at place: Place, roles: [String], facts: @autoclosure () -> RequestFacts
    ) -> AccessRule.Verdict {
        var rules: [(rule: AccessRule, captures: [String: String])] = []
        if let rewrite = place.rewrite, !rewriteAccess[rewrite].letsEverybodyIn {
            rules.append((rewriteAccess[rewrite], place.rewriteCaptures))
        }
        if let route = place.route, !routes[route].access.letsEverybodyIn {
            rules.append((routes[route].access, place.routeCaptures))
        }
        if rules.isEmpty { return AccessRule.Verdict() }
        return AccessRule.judge(rules, roles: roles, facts: facts())
    }

    /// May a connection stay that was let in by other rules? Its route has to serve such ones, the
    /// `jwt` block of its token has to let in there, and what is asked there has to hold.
    func standing(of request: LiveRequest, _ identity: VerifiedIdentity) -> Standing {
        guard let asked = request.asked(), let place = self.place(of: asked, request) else {
            return Standing(identity: identity, refusal: .routeIsGone)
        }
        var standing = Standing(route: place.route, identity: identity)
        if let index = place.route, let gate = gates.snapshot.gate(ofRoute: index) {
            do throws(Refusal) {
                standing.identity = try gate.reread(identity)
            } catch {
                guard routes[index].settings.reportOnly.contains(.auth) else {
                    standing.refusal = error
                    return standing
                }
                standing.reported.append(.auth)
            }
        }
        let verdict = judge(
            at: place, roles: standing.identity.roles,
            facts: asked.facts(claims: standing.identity.claims))
        standing.reported += verdict.reported.map(\.rule)
        standing.refusal = verdict.refused?.refusal
        return standing
    }

    /// Where a live connection belongs; nil when there is nothing any more that lasts.
    func place(of asked: LiveRequest.Asked, _ request: LiveRequest) -> Place? {
        let place = place(
            of: asked.target, authority: request.authority, method: asked.method)
        guard let index = place.route, routes[index].takes(webSocket: request.isWebSocket),
            case .backend = routes[index].settings.destination
        else { return nil }
        return place
    }
}

extension Generation.Route {
    /// A `websocket` route takes handshakes only, one with `events` or `stream` takes none.
    func takes(webSocket isWebSocket: Bool) -> Bool {
        switch settings.kind {
        case .any: true
        case .webSocket: isWebSocket
        case .events, .stream: !isWebSocket
        }
    }
}

extension Refusal {
    /// Nothing is served any more under the path of a live connection, or nothing that lasts.
    static let routeIsGone = Refusal(
        .forbidden, detail: "route", message: "This is not served any more")
}
