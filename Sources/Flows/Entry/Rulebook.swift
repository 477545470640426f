package import Endings
package import HTTP
package import Identity
package import Routing
package import Settings

/// What a configuration says of who may be where: rewrites, routes, and whom those let in.
///
/// Admission asks it when a request comes, a refresh with the new token, and a reload for everybody
/// who is connected: all by the same rules, so that none of them can say otherwise.
package final class Rulebook: Sendable {
    /// What is to become of a connection that was let in by other rules.
    package struct Standing {
        /// Nil when nothing is served there any more.
        package var route: Int?
        /// The client as these rules see it.
        package var identity: VerifiedIdentity
        /// Why it may not stay; nil when it may.
        package var refusal: Refusal?
        /// What it may stay in spite of, because it is only reported about.
        package var reported: [RouteSettings.Rule] = []

        package init(route: Int? = nil, identity: VerifiedIdentity, refusal: Refusal? = nil) {
            self.route = route
            self.identity = identity
            self.refusal = refusal
        }
    }

    package let settings: Settings
    package let routes: [ServedRoute]
    package let sessionBlocks: [SessionBlock]
    /// Query parameters that hold a token or a ticket of some `jwt` block.
    package let tokenParameters: [String]
    /// Query parameters whose values appear in no log: wherever a token may stand, and the names
    /// under which apps of all kinds expect one.
    package let redactedQueryNames: [String]
    /// Pages that may renew tokens: those that any route with `auth` is for.
    let refreshOrigins: CrossOriginRule?
    /// Cookies that may hold a token.
    let tokenCookies: [String]
    /// The gates of the routes with no other keys than secrets: they know where tokens stand and
    /// what is asked of them, and verify none.
    private let gates: [TokenGate?]
    package let places: Places
    private let rewriteAccess: [AccessRule]
    /// Routes whose `login` is turned away in its turn: nobody is sent there.
    package let loopingLogins: [LoopingLogin]

    /// - Parameters:
    ///   - number: of the generation.
    ///   - authenticators: of the `jwt` blocks, in their order.
    package init(_ settings: Settings, number: UInt64, _ authenticators: [Authenticator]) {
        self.settings = settings
        routes = settings.routes.map { ServedRoute($0, settings.tokens) }
        sessionBlocks = settings.sessions.map { SessionBlock($0, generation: number) }
        let tokens = TokenStripping(settings.tokens)
        tokenParameters = tokens.queryNames
        tokenCookies = tokens.cookieNames
        redactedQueryNames =
            tokenParameters
            + ["token", "access_token", "id_token", "jwt", "ticket", "api_key", "password"]
        refreshOrigins = CrossOriginRule(
            joining: settings.routes.filter { !$0.auth.isEmpty }.compactMap(\.crossOrigin),
            methods: ["POST"])
        gates = settings.routes.map { Door($0).gate(among: authenticators) }
        places = Places(settings)
        rewriteAccess = settings.rewrites.map { AccessRule(roles: [], require: $0.require) }
        loopingLogins = LoopingLogin.all(routes, places)
    }

    /// A handshake says nothing of who makes it, and the first message of the socket may.
    func asksFirstMessage(at route: Int, _ fields: Fields, _ query: QueryString) -> Bool {
        gates[route]?.asksFirstMessage(fields, query: query) ?? false
    }

    func place(of target: NormalisedTarget, for request: EnteringRequest) -> RequestPlace {
        places.place(of: target, for: request)
    }

    /// - Parameter authority: whom the request is for; nil when it names nobody.
    package func place(
        of target: NormalisedTarget, authority: Authority?, method: Method
    ) -> RequestPlace {
        places.place(of: target, authority: authority, method: method)
    }

    /// Neither the rewrite nor the route asks anything of anybody.
    func letsEverybodyIn(at place: RequestPlace) -> Bool {
        place.rewrite.map { rewriteAccess[$0].letsEverybodyIn } != false
            && place.route.map { routes[$0].access.letsEverybodyIn } != false
    }

    /// What the rules of the rewrite and of the route say of a request: each is asked about the
    /// captures of its own path, whichever `facts` has.
    package func judge(
        at place: RequestPlace, roles: [String], facts: @autoclosure () -> RequestFacts
    ) -> AccessRule.Verdict {
        if letsEverybodyIn(at: place) { return AccessRule.Verdict() }
        var rules: [(rule: AccessRule, captures: [String: String])] = []
        if let rewrite = place.rewrite, !rewriteAccess[rewrite].letsEverybodyIn {
            rules.append((rewriteAccess[rewrite], place.rewriteCaptures))
        }
        if let route = place.route, !routes[route].access.letsEverybodyIn {
            rules.append((routes[route].access, place.routeCaptures))
        }
        return AccessRule.judge(rules, roles: roles, facts: facts())
    }

    /// May a connection stay that was let in by other rules? Its route has to serve such ones, the
    /// `jwt` block of its token has to let in there, and what is asked there has to hold.
    package func standing(of request: LiveRequest, _ identity: VerifiedIdentity) -> Standing {
        guard let asked = request.asked(), let place = self.place(of: asked, request) else {
            return Standing(identity: identity, refusal: .routeIsGone)
        }
        var standing = Standing(route: place.route, identity: identity)
        if let index = place.route, let gate = gates[index] {
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
    package func place(of asked: LiveRequest.Asked, _ request: LiveRequest) -> RequestPlace? {
        let place = place(of: asked.target, authority: request.authority, method: asked.method)
        guard let index = place.route, routes[index].takes(webSocket: request.isWebSocket),
            case .backend = routes[index].settings.destination
        else { return nil }
        return place
    }
}

extension Refusal {
    /// Nothing is served any more under the path of a live connection, or nothing that lasts.
    package static let routeIsGone = Refusal(
        .forbidden, detail: "route", message: "This is not served any more")
}
