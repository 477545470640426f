/// Servers that are found by a name: which addresses they have, a resolver knows, and tells anew
/// while the gateway runs.
package enum ServerName: Sendable, Hashable {
    /// All IPv4 and IPv6 addresses of the host, at this port.
    case host(String, port: UInt16)
    /// The hosts, ports, priorities and weights of the service records of the name (RFC 2782).
    case service(String)

    /// As the configuration writes it: `app.internal:8000`, `srv:_ws._tcp.app.internal`.
    package var text: String {
        switch self {
        case .host(let host, let port): "\(host):\(port)"
        case .service(let name): "srv:\(name)"
        }
    }
}

/// `resolver [ADDRESS…] { … }`: who is asked for the addresses of servers, and how.
package struct ResolverSettings: Sendable, Hashable {
    /// Numeric addresses of name servers; empty for those of `/etc/resolv.conf`.
    package var addresses: [SocketAddressSettings] = []
    /// For one name server to answer; twice as long each time it is asked again.
    package var timeout: Duration = .seconds(1)
    /// How often a name server is asked again that does not answer.
    package var retries = 1
    /// A name is asked for again after the time its records say, but not before this.
    package var leastTTL: Duration = .seconds(5)
    /// A name is asked for again after this, whatever its records say.
    package var mostTTL: Duration = .seconds(300)
    /// How long the addresses of a name stay in use that is said not to exist any more, counted
    /// from the last answer that had some.
    package var hold: Duration = .seconds(30)

    package init() {}
}
