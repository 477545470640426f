package import Clock

/// A WebSocket or an event stream that a token let in.
package struct LiveConnection: Sendable, Hashable {
    /// What is known of the token it lives on.
    package struct Token: Sendable, Hashable {
        /// The `jwt` block that verified it.
        package var rule: String
        package var user: String?
        /// Its claims `jti` and `iat`.
        package var id: String?
        package var issued: WallTime?

        package init(rule: String, user: String?, id: String?, issued: WallTime?) {
            self.rule = rule
            self.user = user
            self.id = id
            self.issued = issued
        }
    }

    /// Nobody can guess it; whoever knows it may send a new token for the connection, of the same
    /// user.
    package let id: SessionID
    package let address: ConnectionAddress
    /// The one of the last refresh.
    package internal(set) var token: Token

    package init(id: SessionID, address: ConnectionAddress, token: Token) {
        self.id = id
        self.address = address
        self.token = token
    }
}
