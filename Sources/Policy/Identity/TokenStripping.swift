package import Settings

/// Where tokens, and tickets, may stand in requests of a route: what has to go before the upstream
/// sees them, whether or not the token was the one that counted. Offers of tokens as subprotocols
/// go always (`SubprotocolOffers.withoutTokens`); `Authorization` goes unless the rule that let the
/// request in says `forward_token on` (`VerifiedIdentity.forwardsToken`).
package struct TokenStripping: Sendable, Equatable {
    /// For `QueryString.removing(_:)`.
    package private(set) var queryNames: [String] = []
    /// For `CookieHeader.removing(_:)`.
    package private(set) var cookieNames: [String] = []

    package init(_ rules: [TokenSettings]) {
        if rules.contains(where: { $0.tickets != .off }) {
            queryNames.append(TokenSettings.ticketParameter)
        }
        for place in rules.flatMap(\.from) {
            switch place {
            case .bearer, .subprotocol: break
            case .cookie(let name):
                if !cookieNames.contains(name) { cookieNames.append(name) }
            case .query(let name):
                if !queryNames.contains(name) { queryNames.append(name) }
            }
        }
    }
}
