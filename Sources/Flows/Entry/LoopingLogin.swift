import HTTP
import Routing
package import Settings

/// A `login` that leads to where a token is asked for as well.
package struct LoopingLogin: Sendable {
    package var route: Int
    /// The name of the route that it leads to.
    package var destination: String
    package var position: SourcePosition

    /// Routes whose clients would be sent to the login again, and again.
    static func all(_ routes: [ServedRoute], _ places: Places) -> [LoopingLogin] {
        routes.indices.compactMap { index in
            guard let login = routes[index].settings.login,
                let destination = destination(
                    of: login, on: routes[index].settings.host, routes, places),
                routes[destination].turnsAway
            else { return nil }
            return LoopingLogin(
                route: index, destination: routes[destination].name, position: login.position)
        }
    }

    /// The route that a login leads to; nil when that is somewhere else, or nothing.
    private static func destination(
        of login: RouteSettings.Login, on host: HostPattern, _ routes: [ServedRoute],
        _ places: Places
    ) -> Int? {
        guard case .text(let start)? = login.location.parts.first else { return nil }
        let isWhole = login.location.parts.count == 1
        var rest = Substring(start)
        var authority = host.example
        if let begin = Authority.start(ofAbsolute: start.utf8.span) {
            rest = rest.dropFirst(begin)
            authority = Authority(String(rest.prefix { !"/?#".contains($0) }))
            rest = rest.drop { !"/?#".contains($0) }
            // Whether any other host is this gateway's is not known.
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
        return places.place(of: target, authority: authority, method: .get).route
    }
}

extension ServedRoute {
    /// The route lets no client in without a token.
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
