internal import Endings
internal import HTTP
internal import Identity
internal import Routing
internal import Settings

/// What the gateway's own answers say that are given before, or without, an app.
extension RequestContext {
    /// What pages of other origins may read of an answer that is given before a route is chosen, or
    /// for want of one: `cors` of the route that the path belongs to by its normal form, whatever
    /// the method.
    func noteEarlyAnswer(to head: RequestHead) {
        guard !isWebSocket, crossOrigin.isEmpty else { return }
        let target = try? Target.normalise(
            head.fields.bytes.span.extracting(head.target), escapedSlashes: .kept)
        guard let target else { return }
        let isOwn = target.path == RefreshOrder.path && !generation.settings.tokens.isEmpty
        let rules =
            isOwn
            ? [generation.refreshOrigins]
            : generation.rules.routes(at: target, authority: authority, head.method)
                .map { generation.routes[$0].crossOrigin }
        let answers = rules.compactMap { $0?.answer(to: head.fields) }
        crossOrigin = answers.max { $0.count < $1.count } ?? []
    }

    /// Who asks how far a request comes is answered here when it may go no further (RFC 9110
    /// §7.6.2), by the rules of the route that it would have taken.
    ///
    /// - Parameter target: after rewrites.
    /// - Returns: the methods that are served; nil when the request goes on.
    func lastHop(
        of head: RequestHead, to target: NormalisedTarget
    ) throws(Refusal) -> [CrossOriginRule.Field]? {
        switch head.forwardingLimit {
        case .none: return nil
        case .malformed:
            throw Refusal(.protocolError, message: "Max-Forwards is malformed")
        case .hops(let hops) where hops > 0: return nil
        case .hops:
            let methods = generation.rules.methods(at: target, authority: authority)
            if head.method == .options { return [("Allow", methods.joined(separator: ", "))] }
            // What it would answer holds what proxies added (RFC 9110 §9.3.8).
            allow = methods.filter { $0 != Method.trace.name }
            throw Refusal(.policy, status: 405, message: "TRACE is not served here")
        }
    }
}
