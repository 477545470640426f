internal import Endings
internal import HTTP
internal import Identity
internal import Routing
internal import Settings

/// What is answered here although there may be an app to ask: the ways to other URLs.
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
        // `OPTIONS *` is about the host as a whole.
        let path = target.path == "*" ? NormalisedTarget(path: "/") : target.asSent
        let text = path.removing(generation.tokenParameters, from: query).text
        return .redirect(status: 308, location: "https://\(port.authority(of: name))\(text)")
    }

    /// A browser follows a redirect for a page of another origin only when `cors` of the route
    /// lets that page read it (Fetch, HTTP fetch), and follows none for a preflight.
    func redirectRewritten(_ place: Rulebook.Place) -> Decision? {
        guard let rewrite = place.rewrite, generation.settings.rewrites[rewrite].redirects,
            !context.isWebSocket, place.objection == nil
        else { return nil }
        let route = place.route.map { generation.routes[$0] }
        noteAnswerFields(of: route, routeCaptures)
        return .redirect(status: 308, location: target.text)
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
