import Settings

/// A session that asks to come in: everything that is known of it before it is decided.
package struct Arrival: Sendable {
    /// Never used before; see `SessionID.init(using:)`.
    package var id: SessionID
    package var connection: ConnectionAddress
    package var store: StoreKey
    package var device: DeviceIdentity
    package var role: String?
    package var user: String?
    /// The client's address without port.
    package var address: String
    package var userAgent: String
    /// The route's path as the configuration writes it.
    package var route: String
    /// The rules of the generation that the connection was accepted by.
    package var rules: SessionRules
    /// How many devices the token says there may be: `SessionRules.devices(claimed:)` of the claim
    /// that `SessionRules.claim(for:)` names.
    package var claimedDevices: Int32?
    /// One of `LiveTransport.counted`.
    package var transport: LiveTransport
    /// `report_only sessions`: it comes in whatever the rules say, and ends nobody.
    package var isReportOnly: Bool

    package init(
        id: SessionID, connection: ConnectionAddress, store: StoreKey, device: DeviceIdentity,
        role: String?, user: String? = nil, claimedDevices: Int? = nil, address: String,
        userAgent: String, transport: LiveTransport, route: String, rules: SessionRules,
        isReportOnly: Bool = false
    ) {
        self.id = id
        self.connection = connection
        self.store = store
        self.device = device
        self.role = role
        self.user = user
        self.claimedDevices = claimedDevices.flatMap { Int32(exactly: $0) }
        self.address = address
        self.userAgent = userAgent
        self.transport = transport
        self.route = route
        self.rules = rules
        self.isReportOnly = isReportOnly
    }
}
