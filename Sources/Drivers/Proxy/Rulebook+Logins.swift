internal import HTTP
internal import Routing
internal import Settings

extension Rulebook {
    /// A `login` that leads to where a token is asked for as well.
    struct LoopingLogin {
        var route: Int
        var warning: Generation.BuildError
    }

    /// Whoever is sent there would be sent there again, and again.
    var loopingLogins: [LoopingLogin] {
        routes.indices.compactMap { index in
            guard let login = routes[index].settings.login,
                let destination = destination(of: login, on: routes[index].settings.host),
                routes[destination].turnsAway
            else { return nil }
            let name = routes[destination].name
            return LoopingLogin(
                route: index,
                warning: Generation.BuildError(
                    position: login.position,
                    message: "this leads to the route \(name), which asks for a token itself, so"
                        + " nobody is sent there (give the login a route with 'auth off')",
                    severity: .warning))
        }
    }

    /// The route that a login leads to; nil when that is somewhere else, or nothing.
    private func destination(of login: RouteSettings.Login, on host: HostPattern) -> Int? {
        guard case .text(let start)? = login.location.parts.first else { return nil }
        let isWhole = login.location.parts.count == 1
        var rest = Substring(start)
        var authority = host.example
        if let begin = Authority.start(ofAbsolute: start.utf8.span) {
            rest = rest.dropFirst(begin)
            authority = Authority(String(rest.prefix { !"/?#".contains($0) }))
            rest = rest.drop { !"/?#".contains($0) }
            // Of any other host it is not known whether it is this gateway's.
            guard let host = authority?.host,
                routes.contains(where: { $0.settings.host == .exact(host) })
            else { return nil }
        }
        let path = rest.prefix { !"?#".contains($0) }
        // What the path is, the request would say.
        if !isWhole, path.count == rest.count { return nil }
        guard let target = try? Target.normalise((path.isEmpty ? "/" : path).utf8.span) else {
            return nil
        }
        return place(of: target, authority: authority, method: .get).route
    }
}

extension Generation.Route {
    /// Nobody gets in without a token.
    fileprivate var turnsAway: Bool {
        authenticates && !settings.allowsAnonymous && !settings.reportOnly.contains(.auth)
            && settings.kind == .any
    }
}

extension HostPattern {
    /// A host that it means; nil for any.
    fileprivate var example: Authority? {
        switch self {
        case .any: nil
        case .exact(let name): Authority(name)
        case .suffix(let name): Authority("www." + name)
        }
    }
}
