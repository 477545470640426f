internal import Forwarding
internal import HTTP1
package import Transport

/// The client at the other end of a connection: the socket's address, or what a PROXY header
/// of a trusted proxy says. An object, since every request asks for it.
package final class ConnectionOrigin {
    package let address: SocketAddress
    /// The address without its port; every request needs it.
    package let addressText: String
    /// The client speaks TLS, with us or with the proxy.
    package let isSecure: Bool
    /// The field line that says so to upstreams, where no proxy is trusted.
    package let forwardedFor: [UInt8]
    /// Where the client connected to, as far as a PROXY header says; else the socket knows.
    package let server: SocketAddress?

    package init(address: SocketAddress, isSecure: Bool, server: SocketAddress? = nil) {
        self.address = address
        let text = address.host
        addressText = text
        var line: [UInt8] = []
        HeadEncoder.appendField(ownName: "X-Forwarded-For", value: text, to: &line)
        forwardedFor = line
        self.isSecure = isSecure
        self.server = server
    }

    /// What is known of the connection behind its PROXY header.
    func told(by header: ProxyHeader) -> ConnectionOrigin {
        let isSecure = isSecure || header.isSecure == true
        switch header.origin {
        case .local: return ConnectionOrigin(address: address, isSecure: isSecure)
        case .unix: return ConnectionOrigin(address: .unix(path: ""), isSecure: isSecure)
        case .internet(let client, let server):
            return ConnectionOrigin(
                address: SocketAddress(client.address, port: client.port), isSecure: isSecure,
                server: SocketAddress(server.address, port: server.port))
        }
    }
}
