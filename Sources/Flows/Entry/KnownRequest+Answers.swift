import Endings
import HTTP
import HTTP1
import Identity
import Routing
import Sessions
import Settings

/// What is answered by the gateway although there may be an app to ask, and what pages of other
/// origins may do.
extension KnownRequest {
    // MARK: Other URLs

    /// To what the client wrote, but for tokens: they have travelled in the clear.
    ///
    /// - Returns: nil where who speaks no TLS may come, and for who does.
    func secureLocation() throws(Refusal) -> String? {
        // A trusted proxy may have spoken TLS with the client already.
        guard !request.isSecure, let port = request.redirectToHTTPS else { return nil }
        guard let name = request.authority?.uriHost else {
            throw Refusal(
                .protocolError, detail: "host", message: "The request does not say which host")
        }
        // `OPTIONS *` is about the host as a whole.
        let path = target.path == "*" ? NormalisedTarget(path: "/") : target.asSent
        let text = path.removing(rules.tokenParameters, from: query).text
        return "https://\(port.authority(of: name))\(text)"
    }

    /// A browser follows a redirect for a page of another origin only when `cors` of the route
    /// lets that page read it (Fetch, HTTP fetch), and follows none for a preflight.
    mutating func rewrittenLocation() -> String? {
        guard let place, let rewrite = place.rewrite, rules.settings.rewrites[rewrite].redirects,
            !request.isWebSocket, place.objection == nil
        else { return nil }
        noteAnswerFields(of: place.route.map { rules.routes[$0] }, routeCaptures)
        return target.text
    }

    // MARK: Questions of browsers

    /// Answers the question of a browser whether a page of another origin may make a request, where
    /// `cors` says so; else it is the application's, and the answer is nil.
    mutating func preflight() throws(Refusal) -> [CrossOriginRule.Field]? {
        guard case .options = request.head.method, let preflight = CrossOriginRule.Preflight(head),
            case .route(let index, let captures) = rules.places.match(
                target, authority: request.authority, method: preflight.method),
            let rule = rules.routes[index].crossOrigin
        else { return nil }
        found.route = index
        noteAnswerFields(of: rules.routes[index], captures)
        return try answer(preflight, by: rule)
    }

    /// Throws for a page of another origin than those that the rule names.
    private mutating func answer(
        _ preflight: CrossOriginRule.Preflight, by rule: CrossOriginRule
    ) throws(Refusal) -> [CrossOriginRule.Field] {
        found.crossOrigin = rule.refusedPreflight
        let fields = try rule.answer(to: preflight)
        found.crossOrigin = []
        return fields
    }

    /// Where clients bring new tokens that can send no messages; there is such a place where there
    /// are tokens.
    var asksForRefresh: Bool {
        target.path == RefreshOrder.path && !rules.settings.tokens.isEmpty
    }

    /// May a refresh be asked for like this?
    ///
    /// - Returns: the answer to a browser that asks first; nil for the request itself.
    mutating func checkRefresh() throws(Refusal) -> [CrossOriginRule.Field]? {
        if let rule = rules.refreshOrigins {
            if let preflight = CrossOriginRule.Preflight(head) {
                return try answer(preflight, by: rule)
            }
            found.crossOrigin = rule.answer(to: head.fields)
        }
        try requirePOST()
        try checkRefreshOrigin()
        return nil
    }

    func requirePOST() throws(Refusal) {
        if head.method != .post { throw .notAllowed(allow: ["POST"]) }
    }

    /// A request that asks how far it comes is answered here when it may go no further (RFC 9110
    /// §7.6.2), by the rules of the route that it would have taken.
    ///
    /// - Returns: the methods that are served; nil when the request goes on.
    func lastHop() throws(Refusal) -> [CrossOriginRule.Field]? {
        switch request.head.fields.forwardingLimit(of: request.head.method) {
        case .none: return nil
        case .malformed:
            throw Refusal(.protocolError, message: "Max-Forwards is malformed")
        case .hops(let hops) where hops > 0: return nil
        case .hops:
            let methods = rules.places.methods(at: target, authority: request.authority)
            if head.method == .options { return [("Allow", methods.joined(separator: ", "))] }
            // What it would answer holds what proxies added (RFC 9110 §9.3.8).
            throw .notAllowed(
                "TRACE is not served here", allow: methods.filter { $0 != Method.trace.name })
        }
    }

    /// What pages of other origins may read of an answer that is given before a route is chosen, or
    /// for want of one: `cors` of the route that the path belongs to by its normal form, whatever
    /// the method.
    mutating func noteEarlyAnswer() {
        guard found.route == nil, !request.isWebSocket, found.crossOrigin.isEmpty else { return }
        let target = try? Target.normalise(
            head.fields.bytes.span.extracting(head.target), escapedSlashes: .kept)
        guard let target else { return }
        let isOwn = target.path == RefreshOrder.path && !rules.settings.tokens.isEmpty
        let early =
            isOwn
            ? [rules.refreshOrigins]
            : rules.places.routes(at: target, authority: request.authority, head.method)
                .map { rules.routes[$0].crossOrigin }
        let answers = early.compactMap { $0?.answer(to: head.fields) }
        found.crossOrigin = answers.max { $0.count < $1.count } ?? []
    }

    // MARK: Origins

    func checkSocketOrigin() throws(Refusal) {
        guard request.isWebSocket, let route else { return }
        try route.socketOrigins.check(
            head.fields, authority: request.authority, isTLS: request.isSecure)
    }

    private func checkRequestOrigin(_ route: ServedRoute) throws(Refusal) {
        try route.requestOrigins.check(
            head.fields, authority: request.authority, isTLS: request.isSecure)
    }

    /// A cookie let the request in, which browsers send along for every page.
    func checkCookieOrigin() throws(Refusal) {
        guard isLetInByCookie, let route, route.enforcesTokens, !request.isWebSocket,
            isEventStream || OriginRule.changesSomething(head.method)
        else { return }
        try checkRequestOrigin(route)
    }

    /// A new token is for a connection of some route with `auth`: a page that brings cookies of
    /// theirs has to be one that one of them is for.
    private func checkRefreshOrigin() throws(Refusal) {
        guard CookieHeader(head.fields).contains(anyOf: rules.tokenCookies) else { return }
        var refusal: Refusal?
        for route in rules.routes where route.authenticates {
            do throws(Refusal) {
                return try checkRequestOrigin(route)
            } catch {
                refusal = error
            }
        }
        if let refusal { throw refusal }
    }

    /// A page of another origin must not take a place with the cookies of somebody else, be it that
    /// of the token or that of the device. Of a WebSocket that is known already.
    func checkSeatOrigin(_ origin: DeviceIdentity.Origin) throws(Refusal) {
        guard !request.isWebSocket, let route else { return }
        if case .given(.cookie) = origin {
            try checkRequestOrigin(route)
        } else if isLetInByCookie {
            try checkRequestOrigin(route)
        }
    }
}

extension ListenerSettings.RedirectPort {
    /// The host with its port, where that is not the usual one.
    fileprivate func authority(of name: String) -> String {
        switch self {
        case .standard: name
        case .port(let number): "\(name):\(number)"
        }
    }
}
