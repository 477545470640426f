internal import Bytes

/// What runs but should not.
extension Document {
    func warn(about routes: [RouteDraft], _ used: UsedBlocks, _ reading: inout Reading) {
        warnAboutListeners(&reading)
        warnAboutTokens(&reading)
        warnAboutAddresses(routes, &reading)
        warnAboutTransport(routes, &reading)
        // Where something could not be read, blocks only seem to be unused and routes alike.
        if reading.hasErrors { return }
        warnAboutUnused(used, &reading)
        warnAboutShadowed(routes, &reading)
        warnAboutShadowedRewrites(&reading)
        warnAboutCaptures(routes, &reading)
        warnAboutReadings(routes, &reading)
        warnAboutFrames(routes, &reading)
        warnAboutStores(routes, &reading)
        warnAboutNull(routes, &reading)
        if routes.isEmpty, let first = listeners.first(where: { $0.redirect == nil }) {
            reading.warn(
                "there is no 'route': every request is answered with 404",
                at: first.word.location)
        }
    }

    /// Listeners that others can reach and read along on.
    private var plainListeners: [ListenerDraft] {
        listeners.filter {
            $0.tls == nil && $0.redirect == nil && !$0.word.isBroken && !$0.settings.address.isLocal
        }
    }

    private func warnAboutListeners(_ reading: inout Reading) {
        if let console, let address = settings.console?.address, !address.isLocal {
            reading.warn(
                "the console at \(console.shown) has no TLS: its token is sent unencrypted",
                at: console.location)
        }
        for listener in plainListeners {
            reading.warn(
                "\(listener.word.shown) is reachable from other machines and has no 'tls'",
                at: listener.word.location)
        }
    }

    /// Without a `deny` every address passes anyway; `allow all` says so where `defaults` do not.
    private func warnAboutAddresses(_ routes: [RouteDraft], _ reading: inout Reading) {
        let all =
            listeners.map { ($0.settings.addresses, $0.allow) }
            + routes.map { ($0.settings.addresses, $0.allow) }
        for case (let addresses, let allow?) in all {
            let isPointless = addresses.rules.allSatisfy {
                $0.verdict == .allow && $0.pattern != .all
            }
            guard isPointless, !addresses.rules.isEmpty else { continue }
            reading.warn(
                "'allow' alone refuses no address (end with 'deny all')", at: allow.location)
        }
    }

    /// `hsts` is said over https only, which is spoken here or by a trusted proxy.
    private func warnAboutTransport(_ routes: [RouteDraft], _ reading: inout Reading) {
        if trust != nil { return }
        let isSpoken = listeners.contains { $0.tls != nil }
        for listener in listeners where listener.tls == nil {
            guard let word = listener.transport else { continue }
            reading.warn(
                "'hsts' is for https only: this listener has no 'tls'", at: word.location)
        }
        for case let word? in routes.map(\.transport) where !isSpoken {
            reading.warn("'hsts' is for https only: no listener has 'tls'", at: word.location)
        }
    }

    private func warnAboutTokens(_ reading: inout Reading) {
        for token in tokens where !token.name.isBroken {
            if let expiring = token.expiring, token.settings.onExpiry == .ignore {
                reading.warn(
                    "with 'on_expiry ignore' no connection ends, so clients need no notice",
                    at: expiring.location)
            }
            if token.settings.audiences.isEmpty, !token.hidesWords {
                reading.warn(
                    "jwt \(token.name.shown) names no 'audience': it lets in tokens that were"
                        + " made for other services", at: token.name.location)
            }
            if let query = token.query, let listener = plainListeners.first {
                let place = reading.mention(
                    listener.word.location, seenFrom: query.location)
                reading.warn(
                    "tokens in the query are sent unencrypted: the listener at \(place) has no"
                        + " 'tls'", at: query.location)
            }
        }
    }

    private func warnAboutUnused(_ used: UsedBlocks, _ reading: inout Reading) {
        func warn(_ title: String, _ blocks: [some NamedDraft], _ used: Set<Int>) {
            for (index, block) in blocks.enumerated() where !used.contains(index) {
                reading.warn("no route uses \(title) \(block.name.shown)", at: block.name.location)
            }
        }
        warn("jwt", tokens, used.tokens)
        for (index, token) in tokens.enumerated() where !used.tickets.contains(index) {
            guard used.tokens.contains(index), let word = token.tickets else { continue }
            reading.warn(
                "no route issues tickets of jwt \(token.name.shown) (a route with 'ticket'"
                    + " does)", at: word.location)
        }
        warn("backend", backends, used.backends)
        warn("sessions", sessions, used.sessions)
    }

    /// Warns about stores that a request may name with any token: any user could take the seats of
    /// any store, and end the sessions there.
    private func warnAboutStores(_ routes: [RouteDraft], _ reading: inout Reading) {
        var warned: Set<Word> = []
        for route in routes where !route.auth.isEmpty {
            guard let word = route.sessions,
                let block = sessions.first(where: { $0.name.text == word.text }),
                let place = block.store,
                !route.settings.require.contains(where: { $0.binds(block.settings.store) }),
                warned.insert(word).inserted
            else { continue }
            if case .claim = block.settings.store { continue }
            reading.warn(
                "the request alone says which store it is for, so a client can name the store of"
                    + " another one: bind \(place.shown) to the token (as in 'require"
                    + " claim:store_id == \(place.text.printable())')", at: word.location)
        }
    }

    /// Every page can have the origin `null`: in a frame with `sandbox`.
    private func warnAboutNull(_ routes: [RouteDraft], _ reading: inout Reading) {
        var warned: Set<Word> = []
        for route in routes {
            let names = route.auth.map(\.text)
            guard tokens.contains(where: { $0.readsCookie && names.contains($0.name.text) })
            else { continue }
            if case .listed(let origins) = route.settings.origins, origins.contains("null"),
                let word = route.origins, warned.insert(word).inserted
            {
                reading.warn(Self.nullText, at: word.location)
            }
            if let cors = route.settings.crossOrigin, cors.allowsCredentials,
                case .listed(let origins) = cors.origins, origins.contains("null"),
                let word = route.cors, warned.insert(word).inserted
            {
                reading.warn(Self.nullText, at: word.location)
            }
        }
    }

    private static let nullText =
        "'null' can be any page in a sandboxed frame: with the user's cookie, it is let in here"

    /// A `frame_size` that no route has use for: the message is refused first.
    private func warnAboutFrames(_ routes: [RouteDraft], _ reading: inout Reading) {
        var limited: Set<Word> = []
        var words: [Word] = []
        for route in routes {
            guard let word = route.frameSize, let size = route.settings.frameSize else { continue }
            words.append(word)
            if size <= route.settings.messageSize { limited.insert(word) }
        }
        for word in words where !limited.contains(word) {
            reading.warn(
                "'frame_size' is larger than 'message_size': it limits nothing", at: word.location)
        }
    }

    /// The first rewrite that matches wins, so a second one with the same path does nothing.
    private func warnAboutShadowedRewrites(_ reading: inout Reading) {
        var earlier: [[String]: Word] = [:]
        for (rewrite, word) in zip(settings.rewrites, rewrites) {
            guard let first = earlier[rewrite.from.shape] else {
                earlier[rewrite.from.shape] = word
                continue
            }
            let place = reading.mention(first.location, seenFrom: word.location)
            reading.warn(
                "no request reaches this rewrite: the one at \(place) matches all of them",
                at: word.location)
        }
    }

    /// Routes of equal host and path, of which earlier ones take every method.
    private func warnAboutShadowed(_ routes: [RouteDraft], _ reading: inout Reading) {
        struct Key: Hashable {
            var host: HostPattern
            var shape: [String]
            var hasTrailingSlash: Bool
        }
        struct Taken {
            var first: Word
            var all: Word?
            var methods: Set<String> = []
        }
        var earlier: [Key: Taken] = [:]
        for route in routes {
            let (path, methods) = (route.settings.path, route.settings.methods)
            let key = Key(
                host: route.settings.host, shape: path.shape,
                hasTrailingSlash: path.hasTrailingSlash)
            var taken = earlier[key] ?? Taken(first: route.word)
            let isCovered = !methods.isEmpty && taken.methods.isSuperset(of: methods)
            if let other = taken.all ?? (isCovered ? taken.first : nil) {
                let place = reading.mention(other.location, seenFrom: route.word.location)
                reading.warn(
                    "no request reaches this route: the one at \(place) matches all of them",
                    at: route.word.location)
            }
            if methods.isEmpty, taken.all == nil { taken.all = route.word }
            taken.methods.formUnion(methods)
            earlier[key] = taken
        }
    }

    /// A rewrite and a route that it leads to, which each capture something else under one name.
    private func warnAboutCaptures(_ routes: [RouteDraft], _ reading: inout Reading) {
        let capturing = routes.filter { !$0.settings.path.captures.isEmpty }
        for (rewrite, word) in zip(settings.rewrites, rewrites)
        where !rewrite.from.captureNames.isEmpty {
            // Once for all routes, of which there may be thousands.
            let target = rewrite.to.pathSegments
            for route in capturing {
                guard
                    let name = rewrite.captureConfused(with: route.settings.path, through: target)
                else { continue }
                let place = reading.mention(route.word.location, seenFrom: word.location)
                reading.warn(
                    "the route at \(place) also has a '{\(name)}': the directives of the route"
                        + " read that one, those of this rewrite its own", at: word.location)
            }
        }
    }
}

extension RewriteSettings {
    /// The first capture of a route that has the name of one of this rewrite and stands for another
    /// part of the path; nil where the rewrite does not lead to that route.
    ///
    /// - Parameter target: the segments of the path it leads to.
    fileprivate func captureConfused(
        with path: PathPattern, through target: [[Template.Part]]
    ) -> String? {
        guard path.segments.count <= target.count else { return nil }
        let pairs = zip(path.segments, target)
        let leadsThere = pairs.allSatisfy { wanted, parts in
            switch wanted {
            case .literal(let text):
                parts == [.text(text)] || parts.contains(where: \.isPlaceholder)
            case .capture: true
            }
        }
        guard leadsThere else { return nil }
        for case (.capture(let name), let parts) in pairs
        where from.captureNames.contains(name) && parts != [.placeholder(name)] {
            return name
        }
        return nil
    }
}

extension Template {
    /// What stands between the slashes, without empty segments.
    fileprivate var pathSegments: [[Part]] {
        var segments: [[Part]] = [[]]
        for part in parts {
            guard case .text(let text) = part else {
                segments[segments.count - 1].append(part)
                continue
            }
            for (index, piece) in text.split(separator: "/", omittingEmptySubsequences: false)
                .enumerated()
            {
                if index > 0 { segments.append([]) }
                if !piece.isEmpty { segments[segments.count - 1].append(.text(String(piece))) }
            }
        }
        return segments.filter { !$0.isEmpty }
    }
}

extension Template.Part {
    fileprivate var isPlaceholder: Bool { if case .placeholder = self { true } else { false } }
}
