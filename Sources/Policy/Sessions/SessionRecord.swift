package import Clock
package import Settings

/// A session that asks to come in: everything that is known of it before it is decided.
package struct Arrival: Sendable {
    package enum Transport: String, Sendable, CaseIterable {
        case webSocket = "websocket"
        case eventStream = "event_stream"
    }

    /// Never used before; see `SessionID.init(using:)`.
    package var id: SessionID
    package var connection: ConnectionAddress
    package var store: StoreKey
    package var device: DeviceKey
    /// Where the ClientId was found; nil when the device is known by its fallback only.
    package var deviceSource: ValueSource?
    package var role: String?
    /// Its role counts and can be refused or ejected (`SessionSettings.limits(role:)`).
    package var isLimited: Bool
    package var user: String?
    /// The client's address without port.
    package var address: String
    package var userAgent: String
    package var transport: Transport
    /// The route's path as the configuration writes it.
    package var route: String
    /// The generation of the configuration that the connection was born in.
    package var generation: UInt64

    package init(
        id: SessionID, connection: ConnectionAddress, store: StoreKey, device: DeviceKey,
        deviceSource: ValueSource? = nil, role: String?, isLimited: Bool, user: String? = nil,
        address: String, userAgent: String, transport: Transport, route: String,
        generation: UInt64
    ) {
        self.id = id
        self.connection = connection
        self.store = store
        self.device = device
        self.deviceSource = deviceSource
        self.role = role
        self.isLimited = isLimited
        self.user = user
        self.address = address
        self.userAgent = userAgent
        self.transport = transport
        self.route = route
        self.generation = generation
    }
}

/// A live session as it stands in the table. What changes with every message (last heard, octets,
/// messages, server) is the connection's own and is asked of its worker.
package struct SessionRecord: Sendable {
    package let arrival: Arrival
    /// When this session was admitted.
    package let connectedSince: Instant
    /// When its device first came, refreshes in between not counted: the place in seniority.
    package let deviceSince: Instant

    package var id: SessionID { arrival.id }
}

/// Which sessions are meant; what is nil does not matter.
package struct SessionFilter: Sendable {
    package var block: String?
    package var store: String?
    package var role: String?
    package var user: String?
    package var clientID: ClientID?
    package var transport: Arrival.Transport?

    package init(
        block: String? = nil, store: String? = nil, role: String? = nil, user: String? = nil,
        clientID: ClientID? = nil, transport: Arrival.Transport? = nil
    ) {
        self.block = block
        self.store = store
        self.role = role
        self.user = user
        self.clientID = clientID
        self.transport = transport
    }

    func matches(_ record: SessionRecord) -> Bool {
        let arrival = record.arrival
        return matches(arrival.store)
            && (role == nil || role == arrival.role)
            && (user == nil || user == arrival.user)
            && (clientID == nil || clientID == arrival.device.clientID)
            && (transport == nil || transport == arrival.transport)
    }

    func matches(_ key: StoreKey) -> Bool {
        (block == nil || block == key.block) && (store == nil || store == key.store)
    }
}

extension SessionSettings {
    /// True when sessions of `role` count towards the limit; none is a role that is not listed.
    package func limits(role: String?) -> Bool {
        limited.isEmpty || role.map(limited.contains) ?? false
    }

    /// The limit of one store: its own, or the block's.
    package func limit(forStore store: String) -> Limit { stores[store] ?? limit }
}
