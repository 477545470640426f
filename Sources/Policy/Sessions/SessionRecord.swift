package import Clock

/// A live session as it stands in the table. What changes with every message is the connection's
/// own and is asked of its worker: see `SessionFigures`. An object, because lists, reports and
/// decisions share it.
package final class SessionRecord: Sendable {
    package let arrival: Arrival
    /// When this session was admitted.
    package let connectedSince: Instant
    /// When its device first came, refreshes in between not counted.
    package let deviceSince: Instant

    init(_ arrival: Arrival, connectedSince: Instant, deviceSince: Instant) {
        self.arrival = arrival
        self.connectedSince = connectedSince
        self.deviceSince = deviceSince
    }

    package var id: SessionID { arrival.id }
    package var connection: ConnectionAddress { arrival.connection }

    package var deviceName: String { arrival.device.key.name }
}

/// What only the worker of a session's connection knows of it.
package struct SessionFigures: Sendable, Hashable {
    package var lastHeard: Instant?
    package var octetsIn: UInt64
    package var octetsOut: UInt64
    package var messagesIn: UInt64
    package var messagesOut: UInt64
    /// The name of its backend.
    package var backend: String?
    /// The upstream server it talks to.
    package var server: String?

    package init(
        lastHeard: Instant? = nil, octetsIn: UInt64 = 0, octetsOut: UInt64 = 0,
        messagesIn: UInt64 = 0, messagesOut: UInt64 = 0, backend: String? = nil,
        server: String? = nil
    ) {
        self.lastHeard = lastHeard
        self.octetsIn = octetsIn
        self.octetsOut = octetsOut
        self.messagesIn = messagesIn
        self.messagesOut = messagesOut
        self.backend = backend
        self.server = server
    }
}

/// Which sessions are meant; what is nil does not matter.
package struct SessionFilter: Sendable {
    package var id: SessionID?
    package var block: String?
    package var store: String?
    package var role: String?
    package var user: String?
    package var clientID: ClientID?
    /// As `SessionRecord.deviceName`, for devices without ClientId too.
    package var device: String?
    package var transport: LiveTransport?
    /// The route's path as the configuration writes it.
    package var route: String?
    /// True for those with a seat, false for those without.
    package var isSeated: Bool?

    package init(
        id: SessionID? = nil, block: String? = nil, store: String? = nil, role: String? = nil,
        user: String? = nil, clientID: ClientID? = nil, device: String? = nil,
        transport: LiveTransport? = nil, route: String? = nil, isSeated: Bool? = nil
    ) {
        self.id = id
        self.block = block
        self.store = store
        self.role = role
        self.user = user
        self.clientID = clientID
        self.device = device
        self.transport = transport
        self.route = route
        self.isSeated = isSeated
    }

    package func matches(_ record: SessionRecord) -> Bool {
        let arrival = record.arrival
        return isSeated != false
            && (id == nil || id == arrival.id)
            && matches(arrival.store)
            && (role == nil || role == arrival.role)
            && (user == nil || user == arrival.user)
            && (clientID == nil || clientID == arrival.device.key.clientID)
            && (transport == nil || transport == arrival.transport)
            && (route == nil || route == arrival.route)
            && (device == nil || device == record.deviceName)
    }

    func matches(_ key: StoreKey) -> Bool {
        (block == nil || block == key.block)
            && (store.map { $0.utf8.elementsEqual(key.store.utf8) } ?? true)
    }
}
