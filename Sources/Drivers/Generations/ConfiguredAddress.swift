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
