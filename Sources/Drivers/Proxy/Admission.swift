internal import Bytes
internal import Clock
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import Routing
internal import Sessions
internal import Settings
internal import SocketIO
internal import Transport
internal import Upstreams
internal import WebSocket

/// May this request come in, and where does it go? One list, in this order; every step either
/// passes or throws why not.
struct Admission {
    /// What is to be done with a request that was admitted.
    enum Decision {
        case respond(status: Int, body: String)
        case redirect(status: Int, location: String)
        /// Which requests a page of another origin may make, or which methods are served.
        case options([CrossOriginRule.Field])
        case forward(ForwardPlan)
        /// A one-time ticket, for who asked for it.
        case ticket(String)
        /// The body brings a new token for a live connection.
        case refresh
        /// To be asked once more when keys have been read; else it is refused.
        case awaitKeys(KeyWait)
        /// To be asked once more with the first message of the socket.
        case awaitMessage(Generation.Route)
        /// A session of Engine.IO cannot be opened so that its client could bring a token.
        case refuseEngine(EngineError)
        /// To go on (`seated`) when the store of sessions gives the seat.
        indirect case awaitSeat(Admission, SeatQuestion)
    }

    let head: RequestHead
    let context: RequestContext
    let client: HTTP1Client
    private(set) var target = NormalisedTarget(path: "/")
    private(set) var query = QueryString("")
    private var place: Rulebook.Place?
    /// Browsers send cookies along whatever page makes a request.
    private(set) var isLetInByCookie = false

    init(head: RequestHead, context: RequestContext, client: HTTP1Client) {
        self.head = head
        self.context = context
        self.client = client
    }

    var generation: Generation { context.generation }

    mutating func decide(in worker: Worker) throws(Refusal) -> Decision {
        try normalise()
        if let redirect = try redirectToHTTPS() { return redirect }
        if let refresh = try ownEndpoint(in: worker) { return refresh }
        let place = findPlace()
        if let answer = try preflight() { return answer }
        if let redirect = redirectRewritten(place) { return redirect }
        let route = try route(at: place)
        try checkKind(route)
        // Requests with bodies, and WebSockets, have been asked before.
        if context.isEventStream { try worker.checkMemory() }
        try checkAddress(route, in: worker)
        try checkSocketOrigin(route)
        try checkTime(in: worker)
        try checkEarlyRates(route, in: worker)
        if let wait = try authenticate(route, in: worker) { return wait }
        // They may speak of the client, who is known now.
        if context.identity != nil { noteAnswerFields(of: route, routeCaptures) }
        try checkCookieOrigin(route)
        try authorise(route, in: worker)
        try checkLateRates(route, in: worker)
        if let wait = try admit(route, in: worker) { return wait }
        try begin(route, in: worker)
        return try choose(route, in: worker)
    }

    // MARK: 1 normalise

    private mutating func normalise() throws(Refusal) {
        target = try Target.normalise(
            head.fields.bytes.span.extracting(head.target), escapedSlashes: .kept)
        query = QueryString(target.query ?? "")
        context.path = target.path
        if target.query != nil {
            context.path += "?" + query.redacting(generation.redactedQueryNames)
        }
    }

    /// Where clients bring new tokens that can send no messages; there is such a place where there
    /// are tokens.
    private func ownEndpoint(in worker: Worker) throws(Refusal) -> Decision? {
        guard target.path == RefreshOrder.path, !generation.settings.tokens.isEmpty else {
            return nil
        }
        if let rule = generation.refreshOrigins {
            if let preflight = CrossOriginRule.Preflight(head) {
                return try answer(preflight, by: rule)
            }
            context.crossOrigin = rule.answer(to: head.fields)
        }
        try requirePOST()
        try checkRefreshOrigin()
        return .refresh
    }

    private func requirePOST() throws(Refusal) {
        if head.method == .post { return }
        context.allow = ["POST"]
        throw Refusal(.policy, status: 405, message: "The method is not allowed here")
    }

    private mutating func findPlace() -> Rulebook.Place {
        let place = generation.rules.place(
            of: target, authority: context.authority, method: head.method)
        self.place = place
        context.rewrite = place.rewrite
        target = place.target
        return place
    }

    // MARK: 2 route

    private func route(at place: Rulebook.Place) throws(Refusal) -> Generation.Route {
        switch place.match {
        case .route(let index, _):
            context.route = index
            let route = generation.routes[index]
            if let rule = route.crossOrigin, !context.isWebSocket {
                context.crossOrigin = rule.answer(to: head.fields)
            }
            noteAnswerFields(of: route, routeCaptures)
            context.kind = RequestKind(
                head.method, upgrades: context.isWebSocket,
                acceptsEvents: head.fields.accepts(mediaType: "text/event-stream"),
                on: route.settings.kind)
            return route
        case .noRoute:
            throw Refusal(.policy, status: 404, message: "Nothing is served under this path")
        case .wrongMethod(let allowed):
            context.allow = allowed
            throw Refusal(.policy, status: 405, message: "The method is not allowed here")
        case .refused(let objection): throw objection.refusal
        }
    }

    /// The route has to serve such ones, and a handshake has to be a proper one.
    private func checkKind(_ route: Generation.Route) throws(Refusal) {
        guard route.takes(webSocket: context.isWebSocket) else {
            throw context.isWebSocket
                ? Refusal(.policy, status: 404, message: "No WebSocket is served here")
                : Refusal(.policy, status: 426, message: "This is a WebSocket")
        }
        if context.isWebSocket {
            do throws(HandshakeError) {
                _ = try OpeningHandshake(head)
            } catch {
                throw error.refusal
            }
            if head.fields.contains(.secWebSocketExtensions),
                (try? ExtensionList(head.fields)) == nil
            {
                throw Refusal(
                    .protocolError, message: "Sec-WebSocket-Extensions is malformed")
            }
            guard SubprotocolOffers(head.fields).isWellFormed else {
                throw Refusal(.protocolError, message: "Sec-WebSocket-Protocol is malformed")
            }
        }
    }

    /// What would stay does not begin while the process stops.
    private func checkTime(in worker: Worker) throws(Refusal) {
        if worker.isDraining, context.isWebSocket || context.isEventStream {
            throw Refusal.draining
        }
    }

    // MARK: 6 authenticate

    /// Something to wait for, or nil.
    private mutating func authenticate(
        _ route: Generation.Route, in worker: Worker
    ) throws(Refusal) -> Decision? {
        guard route.authenticates, let attempt = GateAttempt(context: context) else { return nil }
        let isReportOnly = !context.enforcesTokens
        let (fields, query) = (head.fields, query)
        let message = context.opened?.message
        if !isReportOnly, let decision = askFirstMessage(of: route, attempt, in: worker) {
            return decision
        }
        var pass: TokenGate.Pass?
        let outcome = attempt.run(in: worker) {
            (gate, circumstances, cache) throws(GateFailure) in
            pass = try gate.authenticate(
                fields, query: query, message: message, circumstances, cache: &cache)
            return pass?.identity
        }
        isLetInByCookie = pass?.isByCookie ?? false
        switch outcome {
        case .passed(let identity):
            context.identity = identity
            context.tokenPlace = pass?.place
        case .refused(let refusal) where isReportOnly:
            worker.noteReportOnly(.auth, of: context, as: refusal.refusal)
        // It would delay who is let in anyway.
        case .awaitKeys(let wait) where isReportOnly:
            worker.noteReportOnly(.auth, of: context, as: wait.refusal.refusal)
        case .refused(let refusal):
            let refusal = worker.answer(refusal, of: context)
            context.challenge = refusal.challenge
            context.login = login(of: route)
            throw refusal.refusal
        case .awaitKeys(let wait):
            context.login = login(of: route)
            return .awaitKeys(wait)
        }
        return nil
    }

    /// Where a person may sign in who visits a page without a good token. Nil where the way leads
    /// back here, and for everybody else.
    private func login(of route: Generation.Route) -> String? {
        guard let login = route.settings.login, PageVisit.isOne(head),
            let index = context.route, !generation.loopingLogins.contains(index),
            let location = expand(login.location, keepsTokens: false),
            !location.hasPrefix("//"), !location.hasPrefix("/\\")
        else { return nil }
        let path = location.prefix { $0 != "?" && $0 != "#" }
        return path == target.path ? nil : location
    }

    // MARK: 8 authorise

    private func authorise(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        guard let place else { return }
        let verdict = generation.rules.judge(
            at: place, roles: context.identity?.roles ?? [], facts: facts)
        for violation in verdict.reported {
            worker.noteReportOnly(violation.rule, of: context, as: violation.refusal)
        }
        guard let violation = verdict.refused else { return }
        let refusal = GateRefusal(
            refusal: violation.refusal, isFailedAttempt: route.authenticates)
        throw worker.answer(refusal, of: context).refusal
    }

    /// What the route may ask about: a rewrite's captures are known in the rewrite only.
    var facts: RequestFacts {
        RequestFacts(
            claims: context.identity?.claims, captures: routeCaptures, query: query,
            fields: head.fields)
    }

    var routeCaptures: [String: String] { place?.routeCaptures ?? [:] }
    var rewriteCaptures: [String: String] { place?.rewriteCaptures ?? [:] }

    // MARK: 9 admit

    /// A connection that stays has a place among the live ones. Whether others stay, their
    /// responses say.
    private func begin(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        if route.authenticates {
            // Also of who came without a token: one that comes later is nothing for the upstream.
            context.speaksControl =
                context.isWebSocket
                ? SubprotocolOffers(head.fields).offersControl && !context.speaksSocketIO
                : EventControl.isWanted(by: head, query)
        }
        guard let transport = context.kind.transport else { return }
        try context.becomeLive(as: transport, client, head, in: worker)
    }

    /// Goes on where it stopped: the seat is there.
    func seated(in worker: Worker) throws(Refusal) -> Decision {
        guard let index = context.route else {
            throw Refusal(.internalError, message: "There is no route")
        }
        let route = generation.routes[index]
        try begin(route, in: worker)
        return try choose(route, in: worker)
    }

    // MARK: 10 choose

    private func choose(
        _ route: Generation.Route, in worker: Worker
    ) throws(Refusal) -> Decision {
        switch route.settings.destination {
        case .respond(let status, let body): return .respond(status: status, body: body)
        case .redirect(let status, let template):
            return .redirect(status: status, location: try location(template))
        case .ticket:
            try requirePOST()
            return .ticket(try issueTicket(route, in: worker))
        case .backend(let index):
            if let methods = try context.lastHop(of: head, to: target) { return .options(methods) }
            let plan = ForwardPlan(
                group: generation.groups[index], route: route, target: forwarded(route))
            if route.settings.sessions != nil, context.kind == .undeclared {
                plan.latecomer = self
            }
            plan.fields = configuredFields(route, plan.target)
            return .forward(plan)
        }
    }

    /// The target as the upstream sees it: without tokens.
    private func forwarded(_ route: Generation.Route) -> NormalisedTarget {
        let target = NormalisedTarget(path: place?.sentPath ?? target.path, query: target.query)
        guard target.query != nil else { return target }
        var names = route.stripping.queryNames
        if context.speaksControl { names.append(EventControl.parameter) }
        return target.removing(names, from: query)
    }

    private func issueTicket(
        _ route: Generation.Route, in worker: Worker
    ) throws(Refusal) -> String {
        guard let identity = context.identity, let attempt = GateAttempt(context: context),
            let gate = worker.gates.newest(of: generation.gates).gate(ofRoute: attempt.route)
        else {
            throw Refusal(.unauthenticated, message: "Tickets are for who brings a token")
        }
        return try gate.issueTicket(
            for: identity, head.fields, query: query, attempt.circumstances(worker))
    }

    // MARK: Placeholders

    /// Where a route's `redirect` leads. A token goes along to where the request was going anyway,
    /// and nowhere else.
    private func location(_ template: Template) throws(Refusal) -> String {
        guard let location = expand(template, keepsTokens: true) else {
            throw Refusal(
                .protocolError, detail: "location",
                message: "The request does not fit where it would be sent")
        }
        return location
    }

    /// - Parameter keepsTokens: in a target that does not leave the origin.
    /// - Returns: nil when what the client said fits no such location.
    private func expand(_ template: Template, keepsTokens: Bool) -> String? {
        Location.expand(
            template, from: context.authority, isTLS: context.isTLS
        ) { name, leavesOrigin in
            guard let placeholder = Placeholder(rawValue: name) else {
                let text = routeCaptures[name] ?? ""
                return name == context.routeSettings?.path.rest ? .segments(text) : .text(text)
            }
            let isBare = (leavesOrigin || !keepsTokens) && target.query != nil
            let keepsSpelling = context.routeSettings?.paths.spelling == .keep
            var target = keepsSpelling ? target.asSent : target
            if isBare { target = target.removing(generation.tokenParameters, from: query) }
            switch placeholder {
            case .requestHost: return .authority(context.authority)
            case .requestPath: return .path(target.path)
            case .requestTarget: return .target(target)
            case .requestScheme: return .scheme(text(of: placeholder, target))
            case .clientAddress, .requestID, .requestMethod, .authUser, .authRole:
                return .text(text(of: placeholder, target))
            }
        }
    }

    func text(of placeholder: Placeholder, _ target: NormalisedTarget) -> String {
        switch placeholder {
        case .clientAddress: context.client
        case .requestID: context.id
        case .requestMethod: context.method.name
        case .requestScheme: context.provenance.scheme
        case .requestHost: context.authority?.text ?? ""
        case .requestPath: target.path
        case .requestTarget: target.text
        case .authUser: context.identity?.user ?? ""
        case .authRole: context.identity?.roleElement ?? ""
        }
    }
}

extension NormalisedTarget {
    /// Without these parameters of its query; without the question mark when none is left.
    func removing(_ names: [String], from query: QueryString) -> NormalisedTarget {
        guard query.contains(anyOf: names) else { return self }
        var target = self
        target.query = query.removing(names)
        return target
    }
}

/// Everything an exchange needs to know to forward a request. An object, since it is handed from
/// one to the other and never copied.
final class ForwardPlan {
    /// The newest of its name, once it was waited for.
    var group: BackendGroup
    let route: Generation.Route
    let target: NormalisedTarget
    /// What the configuration says of the request's fields.
    var fields: [ConfiguredField] = []
    /// Of a request that takes a seat only when its response turns out to be an event stream.
    var latecomer: Admission?

    init(group: BackendGroup, route: Generation.Route, target: NormalisedTarget) {
        self.group = group
        self.route = route
        self.target = target
    }
}
