package import Settings
package import Transport

extension SocketAddress {
    /// The address a configuration names; nil when it is not numeric, which the reader refuses.
    package init?(_ settings: SocketAddressSettings) {
        switch settings {
        case .ip(let address, let port): self.init(numeric: address, port: port)
        case .unix(let path): self = .unix(path: path)
        }
    }
}

extension SocketAddressSettings {
    /// As the configuration writes it.
    package var text: String {
        switch self {
        case .ip(let address, let port):
            address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
