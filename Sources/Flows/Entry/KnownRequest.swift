import Endings
package import HTTP
import HTTP1
package import Identity
import Routing
package import Sessions
package import Settings
package import SocketIO
import WebSocket

/// What is known of a request while it is let in, and what the rules of its generation say to that.
/// The value answers what needs nothing but the request and the rules; what needs the world,
/// `RequestEntry` asks. Never copied: it is changed where it is.
package struct KnownRequest: ~Copyable {
    package let request: EnteringRequest
    package let rules: Rulebook
    package internal(set) var found = Findings()
    private(set) var target = NormalisedTarget(path: "/")
    package private(set) var query = QueryString("")
    private(set) var place: RequestPlace?

    init(_ request: EnteringRequest, _ rules: Rulebook) {
        self.request = request
        self.rules = rules
        found.answerFields = request.answerFields
    }

    var head: RequestHead { request.head }

    var route: ServedRoute? { found.route.map { rules.routes[$0] } }

    /// The request takes a seat, hears what the gateway says, and ends by rule.
    var isEventStream: Bool { found.kind == .events }

    /// The request stays for as long as both sides like.
    var stays: Bool { request.isWebSocket || isEventStream }

    /// Browsers send cookies along whatever page makes a request.
    var isLetInByCookie: Bool { if case .cookie = found.tokenPlace { true } else { false } }

    // MARK: Where it belongs

    mutating func normalise() throws(Refusal) {
        target = try Target.normalise(
            head.fields.bytes.span.extracting(head.target), escapedSlashes: .kept)
        query = QueryString(target.query ?? "")
        found.path = target.path
        if target.query != nil {
            found.path += "?" + query.redacting(rules.redactedQueryNames)
        }
    }

    mutating func findPlace() {
        let place = rules.place(of: target, for: request)
        self.place = place
        found.rewrite = place.rewrite
        target = place.target
    }

    mutating func findRoute() throws(Refusal) {
        switch place?.match {
        case .route(let index, _):
            found.route = index
            let route = rules.routes[index]
            if let rule = route.crossOrigin, !request.isWebSocket {
                found.crossOrigin = rule.answer(to: head.fields)
            }
            noteAnswerFields(of: route, routeCaptures)
            found.kind = RequestKind(
                head.method, upgrades: request.isWebSocket,
                acceptsEvents: head.fields.accepts(mediaType: "text/event-stream"),
                on: route.settings.kind)
        case .noRoute, nil:
            throw Refusal(.policy, status: 404, message: "Nothing is served under this path")
        case .wrongMethod(let allowed): throw .notAllowed(allow: allowed)
        case .refused(let objection): throw objection.refusal
        }
    }

    /// The route has to serve such ones, and a handshake has to be a proper one.
    func checkKind() throws(Refusal) {
        guard route?.takes(webSocket: request.isWebSocket) != false else {
            throw request.isWebSocket
                ? .noWebSocket : Refusal(.policy, status: 426, message: "This is a WebSocket")
        }
        guard request.isWebSocket else { return }
        do throws(HandshakeError) {
            _ = try OpeningHandshake(head)
        } catch {
            throw error.refusal
        }
        if head.fields.contains(.secWebSocketExtensions), (try? ExtensionList(head.fields)) == nil {
            throw Refusal(.protocolError, message: "Sec-WebSocket-Extensions is malformed")
        }
        guard SubprotocolOffers(head.fields).isWellFormed else {
            throw Refusal(.protocolError, message: "Sec-WebSocket-Protocol is malformed")
        }
    }

    // MARK: Who it is from

    /// `allow` and `deny`: by the client's address, a trusted proxy's word counted.
    func checkAddress() throws(Refusal) {
        guard let rules = route?.settings.addresses, !rules.rules.isEmpty,
            rules.denies(request.mappedAddress)
        else { return }
        throw Refusal(
            .policy, status: 403, detail: "address", message: "This address may not come here")
    }

    /// What has to be had from the first message of the socket: `nil` where nothing has to.
    ///
    /// - Throws: `engine`, in so far as a session of Engine.IO cannot be opened for that.
    func firstMessageNeed() -> FirstMessageNeed {
        guard let index = found.route, let route, route.authenticates, route.enforcesTokens else {
            return .nothing
        }
        let speaksSocketIO = route.settings.socketIO != nil
        guard request.isWebSocket || speaksSocketIO,
            rules.asksFirstMessage(at: index, head.fields, query)
        else { return .nothing }
        guard speaksSocketIO else { return .message }
        let handshake = EngineHandshake(query)
        // A session that was begun by polling goes on as it began: with nobody's token.
        if route.settings.allowsAnonymous, !request.isWebSocket || handshake.hasSession {
            return .nothing
        }
        guard request.isWebSocket || handshake.isMeant else { return .nothing }
        return handshake.objection(isWebSocket: request.isWebSocket).map { .refused($0) }
            ?? .message
    }

    enum FirstMessageNeed {
        case nothing
        case message
        /// No session of Engine.IO can be opened so that its client could bring a token.
        case refused(EngineError)
    }

    /// Where a person may sign in who visits a page without a good token. Nil where the way leads
    /// back here, and for everybody else.
    var login: String? {
        guard let index = found.route, let login = rules.routes[index].settings.login,
            PageVisit.isOne(head), !rules.loopingLogins.contains(where: { $0.route == index }),
            let location = ConfiguredTexts(self)
                .location(login.location, keepsTokens: false),
            !location.hasPrefix("//"), !location.hasPrefix("/\\")
        else { return nil }
        let path = location.prefix { $0 != "?" && $0 != "#" }
        return path == target.path ? nil : location
    }

    /// What the rules of the place say of whom the token has let in, or of nobody.
    var verdict: AccessRule.Verdict {
        guard let place else { return AccessRule.Verdict() }
        return rules.judge(at: place, roles: found.identity?.roles ?? [], facts: facts)
    }

    /// What the route may ask about: a rewrite's captures are known in the rewrite only.
    var facts: RequestFacts {
        RequestFacts(
            claims: found.identity?.claims, captures: routeCaptures, query: query,
            fields: head.fields)
    }

    var routeCaptures: [String: String] { place?.routeCaptures ?? [:] }
    var rewriteCaptures: [String: String] { place?.rewriteCaptures ?? [:] }

    // MARK: What it hears

    /// Also of who came without a token: one that comes later is nothing for the upstream.
    ///
    /// - Parameter speaksSocketIO: nothing but packets of Socket.IO is sent on it.
    mutating func noteControl(speaksSocketIO: Bool) {
        guard route?.authenticates == true else { return }
        found.speaksControl =
            request.isWebSocket
            ? SubprotocolOffers(head.fields).offersControl && !speaksSocketIO
            : EventControl.isWanted(by: head, query)
    }

    /// One that stays may be told that it ends, with a seat or without.
    mutating func noteLanguages() {
        found.languages = .heard(by: head, on: route?.settings)
    }

    // MARK: What is configured of it

    /// What `header` says, of the rewrite and of the route. One name is one line: the route's.
    func configuredFields(_ route: ServedRoute, _ target: NormalisedTarget) -> [ConfiguredField] {
        let rewrite = found.rewrite.map { rules.settings.rewrites[$0].headers } ?? []
        let own = route.settings.headers
        if own.isEmpty, rewrite.isEmpty { return [] }
        return ConfiguredTexts(self).fields(own, routeCaptures, besides: rewrite, target)
    }

    /// What `response_header` and `hsts` say, to be written into whatever answer there will be.
    /// Called when the route is known, and again when the client is.
    ///
    /// - Parameter route: nil where a rewrite answers by itself.
    mutating func noteAnswerFields(of route: ServedRoute?, _ captures: [String: String]) {
        let rewrite = found.rewrite.map { rules.settings.rewrites[$0].responseHeaders } ?? []
        let own = route?.settings.responseHeaders ?? []
        if !own.isEmpty || !rewrite.isEmpty {
            let bare = target.removing(rules.tokenParameters, from: query)
            found.answerFields.configured = ConfiguredTexts(self)
                .fields(own, captures, besides: rewrite, bare)
        }
        found.answerFields.note(route?.settings.transport ?? .listeners, isSecure: request.isSecure)
    }

    /// Where a route's `redirect` leads. A token goes along to where the request was going anyway,
    /// and nowhere else.
    func location(_ template: Template) throws(Refusal) -> String {
        let texts = ConfiguredTexts(self)
        guard let location = texts.location(template, keepsTokens: true) else {
            throw Refusal(
                .protocolError, detail: "location",
                message: "The request does not fit where it would be sent")
        }
        return location
    }

    /// The target as the upstream sees it: without tokens.
    func forwarded(_ route: ServedRoute) -> NormalisedTarget {
        let target = NormalisedTarget(path: place?.sentPath ?? target.path, query: target.query)
        guard target.query != nil else { return target }
        var names = route.stripping.queryNames
        if found.speaksControl { names.append(EventControl.parameter) }
        return target.removing(names, from: query)
    }
}

extension LanguagePreference {
    /// In which languages the client of a connection that stays is told that it ends.
    ///
    /// - Parameter settings: those of the route; nil where none is known.
    package static func heard(
        by head: RequestHead, on settings: RouteSettings?
    ) -> LanguagePreference {
        let preference = LanguagePreference(acceptLanguage: head.fields.text(of: .acceptLanguage))
        return settings?.sessions == nil
            ? SessionMessages.builtInPreference(preference) : preference
    }
}

extension EngineHandshake {
    package init(_ query: QueryString) {
        self.init(
            version: query.only("EIO"), transport: query.only("transport"),
            hasSession: query.contains(anyOf: ["sid"]))
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
