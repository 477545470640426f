internal import Endings
internal import HTTP
internal import Identity
internal import Routing
internal import Settings

/// What is answered here although there may be an app to ask: the ways to other URLs, and how far a
/// request comes.
extension Admission {
    /// To what the client wrote, but for tokens: they have travelled in the clear.
    func redirectToHTTPS() throws(Refusal) -> Decision? {
        // A trusted proxy may have spoken TLS with the client already.
        guard !context.isTLS, let port = client.doorway.settings.redirectToHTTPS else {
            return nil
        }
        guard let name = context.authority?.uriHost else {
            throw Refusal(
                .protocolError, detail: "host", message: "The request does not say which host")
        }
        let authority =
            switch port {
            case .standard: name
            case .port(let number): "\(name):\(number)"
            }
        Self.noteEarlyAnswer(to: head, context)
        // `OPTIONS *` is about the host as a whole.
        let path = target.path == "*" ? NormalisedTarget(path: "/") : target.asSent
        let text = path.removing(generation.tokenParameters, from: query).text
        return .redirect(status: 308, location: "https://\(authority)\(text)")
    }

    /// A browser follows a redirect for a page of another origin only when `cors` of the route
    /// lets that page read it (Fetch, HTTP fetch), and follows none for a preflight.
    func redirectRewritten(_ place: Rulebook.Place) -> Decision? {
        guard let rewrite = place.rewrite, generation.settings.rewrites[rewrite].redirects,
            !context.isWebSocket, place.objection == nil
        else { return nil }
        let route = place.route.map { generation.routes[$0] }
        Self.noteEarlyAnswer(to: head, context)
        noteAnswerFields(of: route, routeCaptures)
        return .redirect(status: 308, location: target.text)
    }

    /// RFC 9110 §7.6.2: who asks how far a request comes is answered here when it may go no
    /// further, by the rules of the route that it would have taken.
    func lastHop() throws(Refusal) -> Decision? {
        switch head.forwardingLimit {
        case .none: return nil
        case .malformed:
            throw Refusal(.protocolError, message: "Max-Forwards is malformed")
        case .hops(let hops) where hops > 0: return nil
        case .hops:
            let methods = generation.rules.methods(at: target, authority: context.authority)
            if head.method == .options { return .methods(methods) }
            // What it would answer holds what proxies added (RFC 9110 §9.3.8).
            context.allow = methods.filter { $0 != Method.trace.name }
            throw Refusal(.policy, status: 405, message: "TRACE is not served here")
        }
    }
}
