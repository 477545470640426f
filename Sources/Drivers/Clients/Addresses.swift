package import Forwarding
internal import Settings
package import Transport

extension SocketAddress {
    package init(_ address: NumericAddress, port: UInt16) {
        let octets = Array(address.networkOctets)
        self = address.isIPv4 ? .ip4(octets: octets, port: port) : .ip6(octets: octets, port: port)
    }

    /// Nil for a path. An IPv4 address that a socket of both kinds shows as an IPv6 address is the
    /// IPv4 address it is.
    package var endpoint: ProxyHeader.Endpoint? {
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
    package func contains(_ address: SocketAddress) -> Bool {
        if isEmpty { return false }
        if case .unix = address { return false }
        let octets = address.mappedOctets
        return contains { $0.contains(octets) }
    }
}
