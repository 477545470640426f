package import Identity
package import Settings

/// Which `jwt` blocks let in at a route, and on what terms.
package struct Door: Sendable {
    /// Indices into the blocks; none for a route without `auth`.
    private let blocks: [Int]
    private let allowsAnonymous: Bool
    private let acceptsTickets: Bool

    package init(_ route: RouteSettings) {
        blocks = route.auth
        allowsAnonymous = route.allowsAnonymous
        acceptsTickets = route.destination != .ticket
    }

    /// The gate in it, with the keys that the blocks have; nil where everybody may pass.
    package func gate(among authenticators: [Authenticator]) -> TokenGate? {
        if blocks.isEmpty { return nil }
        return TokenGate(
            rules: blocks.map { authenticators[$0] }, allowsAnonymous: allowsAnonymous,
            acceptsTickets: acceptsTickets)
    }
}
