package import HTTP
package import Settings

/// What of the requests of a route may carry tokens, and tickets, and has to go before the upstream
/// sees them, whether or not the token was the one that counted.
package struct TokenStripping: Sendable, Equatable {
    /// What a route says about tokens.
    package enum Policy: Sendable {
        /// `auth`: everything that its blocks look at goes. `Authorization` stays when the rule
        /// that let the request in says `forward_token on` (`VerifiedIdentity.forwardsToken`).
        case authenticated
        /// No `auth`: what comes along by itself goes where it can be seen to be a token, in a
        /// cookie that some block names or in an offer `jwt.…`. `Authorization` and the query stay:
        /// a client says them to that very URL, and they may be tokens of the app's own.
        case open
        /// `forward_token on`: the app reads tokens itself. Tickets go, they are used up.
        case forwarded
    }

    package let policy: Policy
    /// For `QueryString.removing(_:)`.
    package private(set) var queryNames: [String] = []
    /// Cookies that go whatever they hold, and those that go when they hold a token.
    package private(set) var cookieNames: [String] = []
    package private(set) var tokenCookieNames: [String] = []

    /// Members of a WebSocket's first message.
    package private(set) var messagePaths: [[String]] = []

    /// - Parameters:
    ///   - rules: the `jwt` blocks of the route.
    ///   - others: those of the configuration.
    package init(
        _ rules: [TokenSettings], among others: [TokenSettings] = [],
        _ policy: Policy = .authenticated
    ) {
        self.policy = policy
        if rules.contains(where: { $0.tickets != .off }) {
            queryNames.append(TokenSettings.ticketParameter)
        }
        if case .forwarded = policy { return }
        for place in rules.flatMap(\.from) {
            switch place {
            case .bearer, .subprotocol: break
            case .cookie(let name):
                if !cookieNames.contains(name) { cookieNames.append(name) }
            case .message(let path):
                if !messagePaths.contains(path) { messagePaths.append(path) }
            case .query(let name):
                if !queryNames.contains(name) { queryNames.append(name) }
            }
        }
        for case .cookie(let name) in others.flatMap(\.from)
        where !cookieNames.contains(name) && !tokenCookieNames.contains(name) {
            tokenCookieNames.append(name)
        }
    }

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
