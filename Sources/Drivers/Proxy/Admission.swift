internal import Bytes
internal import Clock
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import Routing
internal import Sessions
internal import Settings
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
        case forward(ForwardPlan)
        /// A one-time ticket, for who asked for it.
        case ticket(String)
        /// The body brings a new token for a live connection.
        case refresh
        /// To be asked once more when keys have been read; else it is refused.
        case awaitKeys(KeyWait)
        /// To go on (`seated`) when the store of sessions gives the seat.
        case awaitSeat(Admission)
    }

    let head: RequestHead
    let context: RequestContext
    let client: ClientConnection
    private var target = NormalisedTarget(path: "/")
    private var query = QueryString("")
    private var place: Rulebook.Place?

    init(head: RequestHead, context: RequestContext, client: ClientConnection) {
        self.head = head
        self.context = context
        self.client = client
    }

    var generation: Generation { context.generation }

    mutating func decide(in worker: Worker) throws(Refusal) -> Decision {
        try normalise()
        if let redirect = redirectToHTTPS() { return redirect }
        if let refresh = try ownEndpoint(in: worker) { return refresh }
        let place = findPlace()
        if let redirect = redirectRewritten() { return redirect }
        let route = try route(at: place)
        try checkKind(route)
        try checkOrigin(route)
        try checkTime(in: worker)
        if route.authenticates, context.enforcesTokens { try worker.checkAttempts(of: context) }
        if let wait = try authenticate(route, in: worker) { return wait }
        try authorise(route, in: worker)
        if let wait = try admit(route, in: worker) { return wait }
        try begin(route, in: worker)
        return try choose(route, in: worker)
    }

    // MARK: 1 normalise

    private mutating func normalise() throws(Refusal) {
        target = try Target.normalise(head.fields.bytes.span.extracting(head.target))
        query = QueryString(target.query ?? "")
        context.path = target.path
        if target.query != nil {
            context.path += "?" + query.redacting(generation.redactedQueryNames)
        }
    }

    private func redirectToHTTPS() -> Decision? {
        guard let port = client.doorway.settings.redirectToHTTPS else { return nil }
        let name = Authority.host(of: context.host)
        let authority =
            switch port {
            case .standard: name
            case .port(let number): "\(name):\(number)"
            }
        return .redirect(status: 308, location: "https://\(authority)\(target.text)")
    }

    /// Where clients bring new tokens that can send no messages; there is such a place where there
    /// are tokens.
    private func ownEndpoint(in worker: Worker) throws(Refusal) -> Decision? {
        guard target.path == RefreshOrder.path, !generation.settings.tokens.isEmpty else {
            return nil
        }
        try requirePOST()
        try worker.checkAttempts(of: context)
        return .refresh
    }

    private func requirePOST() throws(Refusal) {
        if head.method == .post { return }
        context.allow = ["POST"]
        throw Refusal(.policy, status: 405, message: "The method is not allowed here")
    }

    private mutating func findPlace() -> Rulebook.Place {
        let place = generation.rules.place(of: target, host: context.host, method: head.method)
        self.place = place
        context.rewrite = place.rewrite
        target.path = place.path
        return place
    }

    private func redirectRewritten() -> Decision? {
        guard let rewrite = context.rewrite, generation.settings.rewrites[rewrite].redirects,
            !context.isWebSocket
        else { return nil }
        return .redirect(status: 308, location: target.text)
    }

    // MARK: 2 route

    private func route(at place: Rulebook.Place) throws(Refusal) -> Generation.Route {
        switch place.match {
        case .route(let index, _):
            context.route = index
            let route = generation.routes[index]
            if route.settings.kind == .events { context.isEventStream = !context.isWebSocket }
            return route
        case .noRoute:
            throw Refusal(.policy, status: 404, message: "Nothing is served under this path")
        case .wrongMethod(let allowed):
            context.allow = allowed
            throw Refusal(.policy, status: 405, message: "The method is not allowed here")
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
            do throws(HeadError) {
                _ = try head.webSocketKey()
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

    // MARK: 3 origin

    private func checkOrigin(_ route: Generation.Route) throws(Refusal) {
        guard context.isWebSocket else { return }
        try route.origin.check(head.fields, authority: context.host, isTLS: context.isTLS)
    }

    /// What would stay does not begin while the process stops.
    private func checkTime(in worker: Worker) throws(Refusal) {
        if worker.isDraining, context.isWebSocket || context.isEventStream {
            throw Refusal.draining
        }
    }

    // MARK: 5 authenticate

    /// Something to wait for, or nil.
    private func authenticate(
        _ route: Generation.Route, in worker: Worker
    ) throws(Refusal) -> Decision? {
        guard route.authenticates, let attempt = GateAttempt(context: context) else { return nil }
        let isReportOnly = !context.enforcesTokens
        let outcome = attempt.run(in: worker) {
            (gate, circumstances, cache) throws(GateFailure) in
            try gate.authenticate(head.fields, query: query, circumstances, cache: &cache)
        }
        switch outcome {
        case .passed(let identity): context.identity = identity
        case .refused where isReportOnly: worker.noteReportOnly(.auth, of: context)
        // It would delay who is let in anyway.
        case .awaitKeys where isReportOnly: worker.noteReportOnly(.auth, of: context)
        case .refused(let refusal):
            context.challenge = refusal.challenge
            if refusal.isFailedAttempt { worker.noteFailedAttempt(of: context) }
            throw refusal.refusal
        case .awaitKeys(let wait): return .awaitKeys(wait)
        }
        return nil
    }

    // MARK: 6 authorise

    private func authorise(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        guard let place else { return }
        let verdict = generation.rules.judge(
            at: place, roles: context.identity?.roles ?? [], facts: facts)
        for violation in verdict.reported { worker.noteReportOnly(violation.rule, of: context) }
        guard let violation = verdict.refused else { return }
        if route.authenticates { worker.noteFailedAttempt(of: context) }
        throw violation.refusal
    }

    var facts: RequestFacts {
        RequestFacts(
            claims: context.identity?.claims, captures: captures, query: query,
            fields: head.fields)
    }

    private var captures: [String: String] { place?.captures ?? [:] }

    // MARK: 7 admit

    /// A connection that stays, and that a token let in, has a place among the live ones. Whether
    /// others stay, their responses say.
    private func begin(_ route: Generation.Route, in worker: Worker) throws(Refusal) {
        guard route.authenticates else { return }
        // Also of who came without a token: one that comes later is nothing for the upstream.
        context.speaksControl =
            context.isWebSocket
            ? SubprotocolOffers(head.fields).offersControl
            : EventControl.isWanted(by: head, query)
        guard context.identity != nil, context.isWebSocket || context.isEventStream else { return }
        try context.becomeLive(client, head, in: worker)
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

    // MARK: 8 choose

    private func choose(
        _ route: Generation.Route, in worker: Worker
    ) throws(Refusal) -> Decision {
        switch route.settings.destination {
        case .respond(let status, let body): return .respond(status: status, body: body)
        case .redirect(let status, let location):
            return .redirect(status: status, location: expand(location))
        case .ticket:
            try requirePOST()
            return .ticket(try issueTicket(route, in: worker))
        case .backend(let index):
            var plan = ForwardPlan(
                group: generation.groups[index], route: route, target: target,
                stripping: route.authenticates ? route.stripping : nil)
            if let stripping = plan.stripping, target.query != nil {
                var names = stripping.queryNames
                if context.speaksControl { names.append(EventControl.parameter) }
                if !names.isEmpty { plan.target.query = query.removing(names) }
            }
            if route.settings.sessions != nil, !context.isWebSocket, !context.isEventStream {
                plan.latecomer = self
            }
            let rules =
                (context.rewrite.map { generation.settings.rewrites[$0].headers } ?? [])
                + route.settings.headers
            plan.fields = rules.map { ($0.name, expand($0.value)) }
            return .forward(plan)
        }
    }

    private func issueTicket(
        _ route: Generation.Route, in worker: Worker
    ) throws(Refusal) -> String {
        guard let identity = context.identity, let attempt = GateAttempt(context: context),
            let (gate, _) = generation.gates.gate(ofRoute: attempt.route, worker.shared.keys)
        else {
            throw Refusal(.unauthenticated, message: "Tickets are for who brings a token")
        }
        return try gate.issueTicket(
            for: identity, head.fields, query: query, attempt.circumstances(worker))
    }

    private func expand(_ template: Template) -> String {
        template.expanded { name in
            switch name {
            case "client.address": context.client
            case "request.id": context.id
            case "request.host": context.host
            case "request.path": target.path
            case "request.target": target.text
            case "request.method": context.method.name
            case "request.scheme": context.isTLS ? "https" : "http"
            case "auth.user": context.identity?.user
            case "auth.role": context.identity?.role
            default: captures[name]
            }
        }
    }
}

/// Everything an exchange needs to know to forward a request.
struct ForwardPlan {
    let group: BackendGroup
    let route: Generation.Route
    var target: NormalisedTarget
    /// What of the request may carry tokens and must go; nil on a route without `auth`.
    let stripping: TokenStripping?
    /// Fields the configuration adds.
    var fields: [(name: String, value: String)] = []
    /// Of a request that takes a seat only when its response turns out to be an event stream.
    var latecomer: Admission?

    init(
        group: BackendGroup, route: Generation.Route, target: NormalisedTarget,
        stripping: TokenStripping?
    ) {
        self.group = group
        self.route = route
        self.target = target
        self.stripping = stripping
    }
}
