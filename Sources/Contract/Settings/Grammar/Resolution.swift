internal import Bytes

/// From drafts to settings: routes get their defaults, names become indices.
extension Document {
    /// Everything that could be made of the files. Worth something only if no error was found.
    consuming func resolved(_ reading: inout Reading) -> Settings {
        settings.listeners = listeners.map(\.settings)
        settings.tokens = tokens.map(\.settings)
        settings.backends = backends.map(\.settings)
        settings.sessions = sessions.map(\.settings)
        var used = UsedBlocks()
        let base = readDefaults(&reading)
        var routes: [RouteDraft] = []
        for directive in self.routes {
            let draft = readRoute(directive, from: base, &reading)
            routes.append(draft)
            settings.routes.append(resolve(draft, &used, &reading))
        }
        checkListeners(&reading)
        warn(about: routes, used, &reading)
        return settings
    }

    private func readDefaults(_ reading: inout Reading) -> RouteDraft {
        let nowhere = Word(text: "", location: SourceRange(file: 0, line: 1, column: 1, length: 1))
        var base = RouteDraft(word: defaults?.name ?? nowhere)
        guard let defaults else { return base }
        Grammar.defaults.read(defaults.block ?? [], into: &base, &reading)
        // Names are looked up here, too: no route may come to use them.
        for word in base.auth { _ = index(of: word, in: tokens, Self.jwtTitle, &reading) }
        if let word = base.sessions {
            _ = index(of: word, in: sessions, Self.sessionsTitle, &reading)
        }
        if case .backend(let word) = base.destination {
            _ = index(of: word, in: backends, Self.backendTitle, &reading)
        }
        base.own = []
        return base
    }

    private func readRoute(
        _ directive: Directive, from base: RouteDraft, _ reading: inout Reading
    ) -> RouteDraft {
        var draft = base
        draft.word = directive.arguments[0]
        draft.settings.position = reading.position(of: directive.name.location)
        draft.authSetter = nil
        draft.captures = readPath(draft.word, into: &draft.settings, &reading)
        Grammar.route.read(directive.block ?? [], into: &draft, &reading)
        dropInherited(&draft)
        let tried = (directive.block ?? []).contains { Self.destinations.contains($0.name.text) }
        if draft.destination == nil, !tried {
            reading.error(
                "a route needs 'backend', 'respond', 'redirect' or 'ticket'", at: directive.name)
        }
        return draft
    }

    /// One that was given but could not be read has been complained about.
    private static let destinations: Set<String> = ["backend", "respond", "redirect", "ticket"]

    /// `[HOST]PATH`; answers the captures.
    private func readPath(
        _ word: Word, into settings: inout RouteSettings, _ reading: inout Reading
    ) -> [String] {
        let host = word.text.prefix { $0 != "/" }
        if !host.isEmpty {
            if host.count == word.text.count {
                let hint = HostPattern(String(host)) == nil ? HostPattern.hint(for: host + "") : ""
                reading.error("a route needs a path; write at least '/'\(hint)", at: word)
                return []
            }
            if let pattern = HostPattern(String(host)) {
                settings.host = pattern
            } else {
                reading.error(
                    "'\(String(host).printable())' is not a host name"
                        + HostPattern.hint(for: String(host)), at: word, offset: 0,
                    length: host.count)
                // Behind a scheme there is no path.
                if host.hasSuffix(":") { return [] }
            }
        }
        guard let path = PathPattern.read(word, from: host.count, for: .route, &reading) else {
            return []
        }
        settings.path = path
        return path.captures
    }

    /// A route that says `auth off` means to have no rules about tokens from `defaults` either, and
    /// one that says `stream` has nothing that could be counted.
    private func dropInherited(_ draft: inout RouteDraft) {
        if draft.settings.kind == .stream, !draft.own.contains("sessions") {
            draft.sessions = nil
        }
        guard draft.own.contains("auth"), draft.auth.isEmpty else { return }
        if !draft.own.contains("roles") {
            draft.roles = nil
            draft.settings.roles = []
        }
        if !draft.own.contains("require") {
            draft.claims = []
            draft.settings.require.removeAll(where: \.readsClaim)
        }
        if !draft.own.contains("rate") {
            draft.rates = []
            draft.settings.rates.removeAll(where: \.needsIdentity)
        }
    }

    private func resolve(
        _ draft: RouteDraft, _ used: inout UsedBlocks, _ reading: inout Reading
    ) -> RouteSettings {
        var route = draft.settings
        for word in draft.auth {
            if let index = index(of: word, in: tokens, Self.jwtTitle, &reading) {
                route.auth.append(index)
                used.tokens.insert(index)
            }
        }
        if let word = draft.sessions,
            let index = index(of: word, in: sessions, Self.sessionsTitle, &reading)
        {
            route.sessions = index
            used.sessions.insert(index)
            checkSessions(sessions[index], word, draft, &reading)
        }
        switch draft.destination {
        case .backend(let word)?:
            if let index = index(of: word, in: backends, Self.backendTitle, &reading) {
                route.destination = .backend(index)
                used.backends.insert(index)
                BackendWords.check(backends[index].settings.choice, word, draft, &reading)
            }
        case .answer(let destination, let word)?:
            route.destination = destination
            if destination == .ticket { checkTicket(word, route, draft, &used, &reading) }
        case nil: break
        }
        checkRules(draft, &reading)
        checkWebSocket(draft, &route, &reading)
        checkFirstMessage(draft, &route, &reading)
        checkSocketIO(draft, route, &reading)
        checkStream(draft, route, &reading)
        checkCORS(draft, route, &reading)
        checkLogin(draft, &route, &reading)
        checkReports(draft, &route, &reading)
        checkPaths(draft, route, &reading)
        return route
    }

    // MARK: Names

    private static let jwtTitle = "jwt block"
    private static let backendTitle = "backend group"
    private static let sessionsTitle = "sessions block"

    /// The index of the block called `word`; nil after saying that there is none.
    private func index(
        of word: Word, in blocks: [some NamedDraft], _ title: String, _ reading: inout Reading
    ) -> Int? {
        if let index = blocks.firstIndex(where: { $0.name.text == word.text }) { return index }
        // A block whose own name is missing may well be the one that is meant.
        if blocks.contains(where: \.name.isBroken) { return nil }
        let names = blocks.map(\.name.text)
        var known = names.prefix(8).joined(separator: ", ")
        if names.count > 8 { known += ", …" }
        let hint = names.isEmpty ? "none is defined" : "defined: \(known)"
        reading.error("no \(title) named \(word.shown) (\(hint))", at: word)
        return nil
    }

    // MARK: Rules across settings

    private func checkRules(_ draft: RouteDraft, _ reading: inout Reading) {
        if draft.auth.isEmpty {
            let explained = "needs 'auth NAME': without a token there is nothing to check"
            if let roles = draft.roles { reading.error("'roles' \(explained)", at: roles) }
            for word in draft.claims {
                reading.error("'require claim:…' \(explained)", at: word)
            }
            for word in draft.rates {
                reading.error(
                    "\(word.shown) needs 'auth NAME': without a token there is nothing to count by",
                    at: word)
            }
        }
        if draft.settings.allowsAnonymous, let roles = draft.roles,
            draft.settings.reportOnly.isDisjoint(with: [.auth, .roles])
        {
            reading.warn(
                "a client without a token has no role: with 'roles', no client passes because of"
                    + " 'optional'", at: roles.location)
        }
        if draft.settings.silenceTimeout <= draft.settings.pingInterval {
            reading.error(
                "'silence' must be longer than 'ping', else quiet clients are cut off",
                at: draft.silence ?? draft.word)
        }
    }

    /// A route reports about rules it has. What comes from `defaults` falls away where it has none.
    private func checkReports(
        _ draft: RouteDraft, _ route: inout RouteSettings, _ reading: inout Reading
    ) {
        var rules: Set<RouteSettings.Rule> = []
        if !draft.auth.isEmpty { rules.insert(.auth) }
        if !route.roles.isEmpty { rules.insert(.roles) }
        if !route.require.isEmpty { rules.insert(.require) }
        if !route.rates.isEmpty { rules.insert(.rate) }
        if draft.sessions != nil { rules.insert(.sessions) }
        for (word, rule) in draft.reported
        where draft.own.contains("report_only") && !rules.contains(rule) {
            reading.error("this route has no '\(rule.rawValue)' for 'report_only'", at: word)
        }
        route.reportOnly.formIntersection(rules)
    }

    /// Browsers open a WebSocket without the questions that `cors` answers, and no body comes with
    /// its request. What comes from `defaults` falls away there.
    private func checkWebSocket(
        _ draft: RouteDraft, _ route: inout RouteSettings, _ reading: inout Reading
    ) {
        guard route.kind == .webSocket else { return }
        if route.crossOrigin != nil, let word = draft.cors, draft.own.contains("cors") {
            reading.error(
                "'cors' has no effect on a WebSocket ('origins' says which pages may open it)",
                at: word)
        }
        if route.bodyBufferSize != nil, let word = draft.bodyBuffer,
            draft.own.contains("buffer_body")
        {
            reading.error(
                "'buffer_body' has no effect on a WebSocket: its request has no body", at: word)
        }
        if route.finishesWithoutClient, let word = draft.finishing,
            draft.own.contains("finish_without_client")
        {
            reading.error(
                "'finish_without_client' has no effect on a WebSocket: it ends with its client",
                at: word)
        }
        route.crossOrigin = nil
        route.bodyBufferSize = nil
        route.finishesWithoutClient = false
    }

    /// Only a GET is an event stream, and on a route with `stream` nothing is.
    private func checkStream(
        _ draft: RouteDraft, _ route: RouteSettings, _ reading: inout Reading
    ) {
        switch route.kind {
        case .stream:
            guard let word = draft.sessions else { return }
            reading.error(
                "'sessions' counts WebSockets and event streams, but a route with 'stream' has"
                    + " neither ('events' is for what an EventSource reads)", at: word)
        case .events:
            guard let word = draft.kind, !route.methods.isEmpty, !route.methods.contains("GET")
            else { return }
            reading.warn(
                "only a GET is an event stream, but GET is not among this route's 'methods'",
                at: word.location)
        case .any, .webSocket: break
        }
    }

    /// People are sent to sign in where a token is asked for and a page may be visited. What comes
    /// from `defaults` falls away elsewhere.
    private func checkLogin(
        _ draft: RouteDraft, _ route: inout RouteSettings, _ reading: inout Reading
    ) {
        guard route.login != nil, let word = draft.login else { return }
        let isOwn = draft.own.contains("login")
        if route.kind != .any {
            if isOwn {
                reading.error(
                    "'login' is for pages, but there are none on a route with"
                        + " '\(draft.kind?.text ?? "events")'", at: word)
            }
            route.login = nil
        } else if draft.auth.isEmpty {
            if isOwn {
                reading.error(
                    "'login' needs 'auth NAME': without it, every client is let in", at: word)
            }
            route.login = nil
        } else if isOwn, route.reportOnly.contains(.auth) {
            reading.warn(
                "with 'report_only auth' no client is refused, so none is sent to sign in",
                at: word.location)
        }
    }

    /// Pages would be promised a method that the route then refuses.
    private func checkCORS(
        _ draft: RouteDraft, _ route: RouteSettings, _ reading: inout Reading
    ) {
        for word in draft.responseHeaders
        where route.crossOrigin != nil && word.text.foldedFieldName.hasPrefix("access-control-") {
            reading.error("\(word.shown) is set by 'cors' of this route", at: word)
        }
        guard let cors = route.crossOrigin, let word = draft.cors, !route.methods.isEmpty,
            let method = cors.methods.first(where: { !route.methods.contains($0) })
        else { return }
        reading.warn(
            "'cors' allows \(method), but it is not among the 'methods' of this route",
            at: word.location)
    }

    private func checkTicket(
        _ word: Word, _ route: RouteSettings, _ draft: RouteDraft, _ used: inout UsedBlocks,
        _ reading: inout Reading
    ) {
        let givers = route.auth.filter { settings.tokens[$0].tickets != .off }
        used.tickets.formUnion(givers)
        if givers.isEmpty {
            reading.error(
                "'ticket' needs 'auth NAME' of a jwt block that has 'tickets on'", at: word)
        }
    }

    /// What a sessions block reads must be there on the route that uses it.
    private func checkSessions(
        _ sessions: SessionDraft, _ word: Word, _ draft: RouteDraft, _ reading: inout Reading
    ) {
        for (place, source) in sessions.sources {
            switch source {
            case .claim where draft.auth.isEmpty:
                reading.error(
                    "\(word.shown) reads \(place.shown), but this route has no 'auth'", at: word)
            case .path(let name) where !(draft.captures ?? []).contains(name):
                reading.error(
                    "\(word.shown) reads \(place.shown), but the path of this route captures no"
                        + " '{\(name.printable())}'", at: word)
            case .claim, .path, .query, .header, .cookie: break
            }
        }
        if sessions.rolesWord != nil, sessions.settings.role == nil, draft.auth.isEmpty {
            reading.error(
                "\(word.shown) limits roles, but this route has no 'auth' to read them from (take"
                    + " the role from the request with 'role query:role' in sessions"
                    + " \(word.shown))", at: word)
        }
    }

    private func checkListeners(_ reading: inout Reading) {
        if let console, let address = settings.console?.address,
            let first = listeners.first(where: { $0.settings.address == address })
        {
            let place = reading.mention(first.word.location, seenFrom: console.location)
            reading.error(
                "\(console.shown) is taken by the listener at \(place)", at: console)
        }
        checkTrust(&reading)
        if listeners.isEmpty, reading.hasSources {
            let start = SourceRange(file: 0, line: 1, column: 1, length: 1)
            reading.error("there is no 'listen': clients could not connect", at: start)
        }
    }
}

extension Document {
    /// What proxies say counts only where it is known which proxies.
    private func checkTrust(_ reading: inout Reading) {
        for listener in listeners {
            guard let word = listener.proxyProtocol else { continue }
            if case .unix(let path) = listener.settings.address {
                // One that could not be read was complained about.
                if path.isEmpty { continue }
                reading.error(
                    "a client of a Unix domain socket has no address that 'trust' could name, so"
                        + " 'proxy_protocol' is for IP addresses", at: word)
            } else if trust == nil {
                reading.error(
                    "'proxy_protocol' needs 'trust CIDR…' at the top level: PROXY headers are"
                        + " accepted only from proxies that are named there", at: word)
            }
        }
        if let word = trustedFields, trust == nil {
            reading.warn("without 'trust' these fields are read from no proxy", at: word.location)
        }
    }
}

/// Indices of blocks that a route uses.
struct UsedBlocks {
    var tokens: Set<Int> = []
    /// The indices into `tokens` whose tickets some route issues.
    var tickets: Set<Int> = []
    var backends: Set<Int> = []
    var sessions: Set<Int> = []
}
