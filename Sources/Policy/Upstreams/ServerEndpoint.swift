package import Settings

/// One server that a name stands for now.
package struct ServerEndpoint: Sendable, Hashable {
    package var address: SocketAddressSettings
    /// The name that its certificate must be for: the host's, or the one of its service record.
    package var host: String
    /// 1 to 1000.
    package var weight: Int
    /// 0 for those of the first choice; the others are backups, in this order.
    package var tier: Int

    package init(address: SocketAddressSettings, host: String, weight: Int = 1, tier: Int = 0) {
        self.address = address
        self.host = host
        self.weight = weight
        self.tier = tier
    }
}

/// What a resolver says of one name, of one kind of records.
package enum NameReply<Record: Sendable & Hashable>: Sendable, Hashable {
    /// - Parameter ttl: how long that is good; the least of all records.
    case records([Record], ttl: Duration)
    /// The name has no records of this kind, or there is no such name.
    case none
    /// No name server answered, or none knew: nothing is known.
    case failure(String)
}

/// A service record (RFC 2782).
package struct ServiceRecord: Sendable, Hashable {
    package var host: String
    package var port: UInt16
    package var priority: UInt16
    package var weight: UInt16

    package init(host: String, port: UInt16, priority: UInt16, weight: UInt16) {
        self.host = host
        self.port = port
        self.priority = priority
        self.weight = weight
    }
}

/// The addresses of a host, numeric, as one question for each kind of address brought them.
package struct HostReply: Sendable, Hashable {
    package var ip4: NameReply<String>
    package var ip6: NameReply<String>

    package init(ip4: NameReply<String>, ip6: NameReply<String>) {
        self.ip4 = ip4
        self.ip6 = ip6
    }
}
