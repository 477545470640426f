internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import Routing
internal import Sessions
internal import Settings

/// Which page makes the request, and what pages of other origins may do: steps 2, 4 and 7 of
/// admission.
extension Admission {
    // MARK: Questions of browsers

    /// Answers the question of a browser whether a page of another origin may make a request, where
    /// `cors` says so; else it is the application's.
    func preflight() throws(Refusal) -> Decision? {
        guard let preflight = CrossOriginRule.Preflight(head),
            case .route(let index, let captures) = generation.rules.match(
                target, authority: context.authority, method: preflight.method),
            let rule = generation.routes[index].crossOrigin
        else { return nil }
        context.route = index
        noteAnswerFields(of: generation.routes[index], captures)
        return try answer(preflight, by: rule)
    }

    /// Throws for a page of another origin than those that the rule names.
    func answer(
        _ preflight: CrossOriginRule.Preflight, by rule: CrossOriginRule
    ) throws(Refusal) -> Decision {
        context.crossOrigin = rule.refusedPreflight
        let fields = try rule.answer(to: preflight)
        context.crossOrigin = []
        return .options(fields)
    }

    // MARK: Origins

    func checkSocketOrigin(_ route: Generation.Route) throws(Refusal) {
        guard context.isWebSocket else { return }
        try route.socketOrigins.check(
            head.fields, authority: context.authority, isTLS: context.isTLS)
    }

    private func checkRequestOrigin(_ route: Generation.Route) throws(Refusal) {
        try route.requestOrigins.check(
            head.fields, authority: context.authority, isTLS: context.isTLS)
    }

    /// A cookie let the request in, which browsers send along for every page.
    func checkCookieOrigin(_ route: Generation.Route) throws(Refusal) {
        guard isLetInByCookie, context.enforcesTokens, !context.isWebSocket,
            context.isEventStream || OriginRule.changesSomething(head.method)
        else { return }
        try checkRequestOrigin(route)
    }

    /// A new token is for a connection of some route with `auth`: a page that brings cookies of
    /// theirs has to be one that one of them is for.
    func checkRefreshOrigin() throws(Refusal) {
        let names = TokenStripping(generation.settings.tokens).cookieNames
        guard CookieHeader(head.fields).contains(anyOf: names) else { return }
        var refusal: Refusal?
        for route in generation.routes where route.authenticates {
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
    func checkSeatOrigin(
        _ route: Generation.Route, _ origin: DeviceIdentity.Origin
    ) throws(Refusal) {
        if context.isWebSocket { return }
        if case .given(.cookie) = origin {
            try checkRequestOrigin(route)
        } else if isLetInByCookie {
            try checkRequestOrigin(route)
        }
    }
}
