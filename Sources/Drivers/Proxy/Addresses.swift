internal import Forwarding
internal import Settings
internal import Transport

extension SocketAddress {
    /// The address a configuration names; nil when it is not numeric, which the reader refuses.
    init?(_ settings: SocketAddressSettings) {
        switch settings {
        case .ip(let address, let port): self.init(numeric: address, port: port)
        case .unix(let path): self = .unix(path: path)
        }
    }
}

extension SocketAddress {
    init(_ address: NumericAddress, port: UInt16) {
        let octets = Array(address.networkOctets)
        self = address.isIPv4 ? .ip4(octets: octets, port: port) : .ip6(octets: octets, port: port)
    }

    /// Nil for a path. An IPv4 address that a socket of both kinds shows as an IPv6 address is the
    /// IPv4 address it is.
    var endpoint: ProxyHeader.Endpoint? {
        switch self {
        case .ip4(let octets, let port), .ip6(let octets, let port):
            NumericAddress(networkOctets: octets).map {
                ProxyHeader.Endpoint(address: $0.unmapped, port: port)
            }
        case .unix: nil
        }
    }
}

extension [AddressRange] {
    /// Never true of a path, which has no address.
    func contains(_ address: SocketAddress) -> Bool {
        if isEmpty { return false }
        if case .unix = address { return false }
        let octets = address.mappedOctets
        return contains { $0.contains(octets) }
    }
}

extension SocketAddressSettings {
    /// As the configuration writes it.
    var text: String {
        switch self {
        case .ip(let address, let port):
            address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
