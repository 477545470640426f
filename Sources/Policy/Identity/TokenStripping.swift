package import HTTP
package import Settings

/// What of the requests of a route may carry tokens, and tickets, and has to go before the upstream
/// sees them, whether or not the token was the one that counted.
package final class TokenStripping: Sendable {
    /// What a route says about tokens.
    package enum Policy: Sendable {
        /// `auth`: everything that its blocks look at goes, but of `Authorization` only what may be
        /// a token of a block: the app may have an `Authorization` of its own.
        case authenticated
        /// No `auth`: what comes along by itself goes where it can be seen to be a token, in a
        /// cookie or a field that some block names or in an offer `jwt.…`. `Authorization` and the
        /// query stay: a client says them to that very URL, and they may be tokens of the app's
        /// own.
        case open
        /// `forward_token on`: the app reads tokens itself. Tickets go, they are used up.
        case forwarded
    }

    package let policy: Policy
    /// For `QueryString.removing(_:)`.
    package let queryNames: [String]
    /// Cookies that go whatever they hold, and those that go when they hold a token.
    package let cookieNames: [String]
    package let tokenCookieNames: [String]
    /// Fields of other names than `Authorization`, likewise.
    private let fieldNames: [String]
    private let tokenFieldNames: [String]
    /// A block of the route looks at `Authorization`.
    private let looksAtAuthorization: Bool
    private let issued: IssuedTokens

    /// Members of a WebSocket's first message.
    package let messagePaths: [[String]]

    /// - Parameters:
    ///   - rules: the `jwt` blocks of the route.
    ///   - others: those of the configuration.
    package init(
        _ rules: [TokenSettings], among others: [TokenSettings] = [],
        _ policy: Policy = .authenticated
    ) {
        self.policy = policy
        looksAtAuthorization = rules.contains { $0.from.contains(.bearer) }
        issued = IssuedTokens(rules + others)
        var names = Names()
        if rules.contains(where: { $0.tickets != .off }) {
            names.query.append(TokenSettings.ticketParameter)
        }
        if policy != .forwarded { names.collect(from: rules, among: others) }
        queryNames = names.query
        cookieNames = names.cookies
        tokenCookieNames = names.tokenCookies
        fieldNames = names.fields
        tokenFieldNames = names.tokenFields
        messagePaths = names.messagePaths
    }

    /// Where tokens are looked for, each name once.
    private struct Names {
        var query: [String] = []
        var cookies: [String] = []
        var tokenCookies: [String] = []
        var fields: [String] = []
        var tokenFields: [String] = []
        var messagePaths: [[String]] = []

        mutating func collect(from rules: [TokenSettings], among others: [TokenSettings]) {
            for place in rules.flatMap(\.from) {
                switch place {
                case .bearer, .subprotocol: break
                case .cookie(let name): Self.add(name, to: &cookies)
                case .query(let name): Self.add(name, to: &query)
                case .header(let name): Self.add(name, to: &fields)
                case .message(let path):
                    if !messagePaths.contains(path) { messagePaths.append(path) }
                }
            }
            for place in others.flatMap(\.from) {
                switch place {
                case .bearer, .subprotocol, .query, .message: break
                case .cookie(let name):
                    if !cookies.contains(name) { Self.add(name, to: &tokenCookies) }
                case .header(let name): Self.add(name, to: &tokenFields)
                }
            }
        }

        private static func add(_ name: String, to names: inout [String]) {
            if !names.contains(name) { names.append(name) }
        }
    }

    // MARK: Fields

    /// True for a line, of the head or of the trailers, that must not travel on because of what it
    /// holds, or may hold.
    ///
    /// - Parameters:
    ///   - identity: who was let in; nil for nobody.
    ///   - place: by a token of which place; nil for nobody, and for a ticket.
    package func takes(
        _ line: Fields.Line, of fields: Fields, _ identity: VerifiedIdentity?,
        _ place: TokenSettings.Place?
    ) -> Bool {
        switch line.known {
        case .authorization:
            takesAuthorization(fields.bytes.span.extracting(line.value), identity, place)
        case .other: takesField(line, of: fields)
        default: false
        }
    }

    /// The token that let the request in was there, or was looked for there; or what is there may
    /// be another token of a block, which the app must not come by either.
    private func takesAuthorization(
        _ value: Span<UInt8>, _ identity: VerifiedIdentity?, _ place: TokenSettings.Place?
    ) -> Bool {
        guard policy == .authenticated, identity?.forwardsToken != true else { return false }
        if place == .bearer { return true }
        if looksAtAuthorization, identity == nil, TokenForm.isBearer(value) { return true }
        return issued.mayBeIn(value)
    }

    private func takesField(_ line: Fields.Line, of fields: Fields) -> Bool {
        if policy == .forwarded || fieldNames.isEmpty && tokenFieldNames.isEmpty { return false }
        let name = fields.bytes.span.extracting(line.name)
        if fieldNames.contains(where: { name.readsAs($0) }) { return true }
        return tokenFieldNames.contains { name.readsAs($0) }
            && issued.mayBeIn(fields.bytes.span.extracting(line.value))
    }

    /// True for a line that holds, or may hold, a token, wherever it may travel to: for what is
    /// kept of a request.
    package func mayHoldToken(_ line: Fields.Line, of fields: Fields) -> Bool {
        if line.known == .authorization { return true }
        guard line.known == .other else { return false }
        let name = fields.bytes.span.extracting(line.name)
        return fieldNames.contains { name.readsAs($0) }
            || tokenFieldNames.contains { name.readsAs($0) }
    }

    // MARK: Cookies, offers

    package var stripsCookies: Bool { !cookieNames.isEmpty || !tokenCookieNames.isEmpty }

    /// The value of `Cookie` for the upstream, of all lines; nil when nothing is left.
    package func cookies(_ fields: Fields) -> [UInt8]? {
        CookieHeader(fields).removing(cookieNames, tokensIn: tokenCookieNames)
    }

    /// The value of `Sec-WebSocket-Protocol` for the upstream; nil when nothing is left.
    package func subprotocols(_ fields: Fields) -> String? {
        let offers = SubprotocolOffers(fields)
        switch policy {
        case .authenticated: return offers.withoutTokens
        case .open: return offers.withoutVisibleTokens
        case .forwarded: return offers.withoutControl
        }
    }
}
