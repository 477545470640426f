package import Forwarding

/// `backend NAME { server … }`: a group of upstream servers.
package struct BackendSettings: Sendable, Equatable {
    package struct Server: Sendable, Hashable {
        /// How it is found.
        package enum Place: Sendable, Hashable {
            case address(SocketAddressSettings)
            case name(ServerName)
        }

        package var place: Place
        /// 0 to 1000; with 0 only those come that stick to it.
        package var weight = 1
        /// Used only while no other server of the group is healthy.
        package var isBackup = false
        /// `down`: never chosen.
        package var isDown = false
        /// `max_connections=N`: exchanges at once, of all workers; nil for no limit.
        package var connectionLimit: Int?
        /// The gateway does not start, and takes no configuration over, without an address for it.
        package var mustResolve = false
        /// Where its name is written; not kept of an address.
        package var namePosition = SourcePosition()

        package init(_ place: Place, weight: Int = 1, isBackup: Bool = false) {
            self.place = place
            self.weight = weight
            self.isBackup = isBackup
        }

        package init(address: SocketAddressSettings, weight: Int = 1, isBackup: Bool = false) {
            self.init(.address(address), weight: weight, isBackup: isBackup)
        }

        /// Nil for one that is found at its address.
        package var name: ServerName? {
            if case .name(let name) = place { name } else { nil }
        }
    }

    package var name: String
    package var servers: [Server]
    package var choice = ServerChoice()
    package var bounds = GroupBounds()
    package var connectTimeout: Duration = .seconds(3)
    /// From the last octet of the request that the server took, or the last informational
    /// response, to the head of the response.
    package var responseTimeout: Duration = .seconds(60)
    /// From one octet of a response's body to the next, event streams excepted; nil for no limit.
    package var responsePause: Duration? = .seconds(60)
    /// As `responseTimeout`, for a WebSocket: to the 101.
    package var webSocketHandshakeTimeout: Duration = .seconds(10)
    package var health = HealthSettings()
    package var keepAlive = KeepAlive()
    /// `send_proxy v1|v2`: connections begin with a PROXY header, and are one client's each.
    package var proxyHeader: ProxyHeader.Version?
    /// Nil for servers without TLS.
    package var tls: ServerTLSSettings?
    package var position = SourcePosition()

    package init(name: String, servers: [Server]) {
        self.name = name
        self.servers = servers
    }

    /// A server that could not be connected to is passed over for this long.
    package var failTimeout: Duration {
        get { health.failTimeout }
        set { health.failTimeout = newValue }
    }
}

/// Connections to servers that are kept for reuse.
package struct KeepAlive: Sendable, Equatable {
    /// How many idle ones, a server and a worker.
    package var count = 128
    /// How long an idle one is kept.
    package var timeout: Duration = .seconds(60)
    /// How long after it was made one may be used again; nil for ever.
    package var age: Duration? = .seconds(3600)
}
