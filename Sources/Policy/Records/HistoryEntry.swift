package import Clock

/// A session that is over.
package struct HistoryEntry: Sendable, Hashable {
    /// Octets of any text; what is longer is cut when it is kept.
    package static let longestText = 256

    /// Octets and messages, one way.
    package struct Traffic: Sendable, Hashable {
        package var octets: Int64
        package var messages: Int64

        package init(octets: Int64 = 0, messages: Int64 = 0) {
            self.octets = octets
            self.messages = messages
        }
    }

    package var session: String
    /// The name of the `sessions` block.
    package var block: String
    package var store: String
    /// The ClientId, or what else the device is known by.
    package var device: String
    /// Where that was found (`query:client_id`), or that it was not (`fallback`).
    package var deviceSource: String
    package var role: String?
    package var user: String?
    /// The client's address without port.
    package var address: String
    package var transport: String
    /// The route's path as the configuration writes it.
    package var route: String
    package var began: WallTime
    package var ended: WallTime
    /// The word for how it ended (`EndReason`).
    package var reason: String
    /// The finer word for it (`eject_old`, `kicked`, `token_expired`); nil when `reason` says all.
    package var rule: String?
    /// What the client sent, and what it got.
    package var received: Traffic
    package var sent: Traffic

    package init(
        session: String, block: String, store: String, device: String, deviceSource: String,
        role: String? = nil, user: String? = nil, address: String, transport: String,
        route: String, began: WallTime, ended: WallTime, reason: String, rule: String? = nil,
        received: Traffic = .init(), sent: Traffic = .init()
    ) {
        self.session = session
        self.block = block
        self.store = store
        self.device = device
        self.deviceSource = deviceSource
        self.role = role
        self.user = user
        self.address = address
        self.transport = transport
        self.route = route
        self.began = began
        self.ended = ended
        self.reason = reason
        self.rule = rule
        self.received = received
        self.sent = sent
    }

    /// The entry with every text cut to what is kept of it.
    package var shortened: HistoryEntry {
        func cut(_ text: String) -> String { RecordText.cut(text, to: Self.longestText) }
        var entry = self
        entry.session = cut(session)
        entry.block = cut(block)
        entry.store = cut(store)
        entry.device = cut(device)
        entry.deviceSource = cut(deviceSource)
        entry.role = role.map(cut)
        entry.user = user.map(cut)
        entry.address = cut(address)
        entry.transport = cut(transport)
        entry.route = cut(route)
        entry.reason = cut(reason)
        entry.rule = rule.map(cut)
        return entry
    }
}
