package import Clock

/// A live WebSocket, event stream or streamed download, as the table of live ones knows it. An
/// object, which lists and the lease share; a new token makes another one.
package final class LiveConnection: Sendable {
    /// What is known of the token that let it in, or of the last refresh.
    package struct Token: Sendable, Hashable {
        /// The `jwt` block that verified it.
        package var rule: String
        package var user: String?
        /// The first one that it names.
        package var role: String?
        /// The claim `jti` of the token.
        package var id: String?
        package var issued: WallTime?

        package init(
            rule: String, user: String?, role: String? = nil, id: String?, issued: WallTime?
        ) {
            self.rule = rule
            self.user = user
            self.role = role
            self.id = id
            self.issued = issued
        }
    }

    /// What the request said that began it, and where that led.
    package struct Facts: Sendable, Hashable {
        package var transport: LiveTransport
        /// True when the connection has a seat in a store: the session table knows more about it. A
        /// connection never gets a seat later, and keeps the one it has until it ends.
        package var isSeated: Bool
        /// The route's path as the configuration writes it.
        package var route: String
        /// The number of the configuration that let it in.
        package var generation: UInt64
        /// The client's address without port.
        package var address: String
        package var since: Instant

        package init(
            transport: LiveTransport, isSeated: Bool, route: String, generation: UInt64,
            address: String, since: Instant
        ) {
            self.transport = transport
            self.isSeated = isSeated
            self.route = route
            self.generation = generation
            self.address = address
            self.since = since
        }

        package var kind: LiveCounts.Kind { .init(transport, isSeated: isSeated) }
    }

    /// The id cannot be guessed; a client that knows it may send a new token of the same user for
    /// the connection. A connection with a seat has the id of its session.
    package let id: SessionID
    package let connection: ConnectionAddress
    package let facts: Facts
    private let kept: KeptToken?

    /// Most connections have no token, and should not have to keep room for one.
    private final class KeptToken: Sendable {
        let token: Token

        init(_ token: Token) { self.token = token }
    }

    package init(id: SessionID, connection: ConnectionAddress, facts: Facts, token: Token?) {
        self.id = id
        self.connection = connection
        self.facts = facts
        kept = token.map { KeptToken($0) }
    }

    /// Nil for one that came without.
    package var token: Token? { kept?.token }

    /// The token that it ends with; nil when it would outlive any.
    package var livesOn: Token? { facts.transport.endsWithToken ? token : nil }

    func renewed(_ token: Token) -> LiveConnection {
        LiveConnection(id: id, connection: connection, facts: facts, token: token)
    }
}

extension SessionFilter {
    /// True when the filter selects this connection, which has no seat: it is in no store and comes
    /// from no device.
    package func matches(_ live: LiveConnection) -> Bool {
        allowsSeatless && !live.facts.isSeated
            && (id == nil || id == live.id)
            && (role == nil || role == live.token?.role)
            && (user == nil || user == live.token?.user)
            && (transport == nil || transport == live.facts.transport)
            && (route == nil || route == live.facts.route)
    }

    /// False when only such with a seat can be meant.
    var allowsSeatless: Bool {
        isSeated != true && block == nil && store == nil && clientID == nil && device == nil
    }
}
