/// What one configuration says, with every default filled in: plain values, made only by
/// `SettingsReader` (and by tests). Names are resolved to indices, so a value of this type never
/// points at something that is not there.
package struct Settings: Sendable, Equatable {
    /// Worker threads; nil for one a core (`auto`).
    package var workers: Int?
    package var log = LogSettings()
    /// Proxies whose forwarded headers, and PROXY headers, are believed.
    package var trust: [AddressRange] = []
    /// Which of their headers.
    package var trustedFields = TrustedFields.any
    package var limits = LimitSettings()
    package var resolver = ResolverSettings()
    package var console: ConsoleSettings?
    /// Nil to keep what operators decide in memory only.
    package var state: StateSettings?
    package var listeners: [ListenerSettings] = []
    package var tokens: [TokenSettings] = []
    package var backends: [BackendSettings] = []
    package var sessions: [SessionSettings] = []
    package var rewrites: [RewriteSettings] = []
    package var routes: [RouteSettings] = []

    package init() {}
}

/// Where in the files a value was written; for messages and counters.
package struct SourcePosition: Sendable, Hashable {
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, in characters.
    package var column: Int

    package init(file: String = "", line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// `log { access json stdout; level info }`.
package struct LogSettings: Sendable, Equatable {
    package enum Level: String, Sendable, CaseIterable, Comparable {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool {
            left.order < right.order
        }

        private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    package enum Destination: Sendable, Equatable {
        case off
        case standardOutput
        case standardError
        case file(String)
    }

    package var access: Destination = .off
    /// Where `access` names a file.
    package var accessPosition = SourcePosition()
    package var level: Level = .info

    package init() {}
}

/// `limits { … }`: what holds for every connection, before a route is known.
package struct LimitSettings: Sendable, Equatable {
    package var tlsHandshakeTimeout: Duration = .seconds(10)
    package var requestHeadTimeout: Duration = .seconds(10)
    /// For the first message of a WebSocket that has to bring a token.
    package var firstMessageTimeout: Duration = .seconds(10)
    package var requestHeadSize = 32 * 1024
    package var requestFieldCount = 100
    package var targetSize = 8 * 1024
    package var keepAliveTimeout: Duration = .seconds(75)
    package var drain = DrainSettings()
    /// Within this time connections end that the rules of a reload do not let stay; nil for with
    /// their tokens.
    package var reloadEnds: Duration? = .seconds(30)
    /// Client connections a worker holds at most; further ones are not accepted meanwhile.
    package var connections = 100_000
    /// Client connections from one address (IPv6: one /64) to the whole process; nil for no limit.
    package var connectionsPerAddress: Int?
    /// Octets a worker keeps of messages it compressed, so that a broadcast is compressed once;
    /// 0 for none.
    package var compressCacheSize = 1024 * 1024
    /// Attempts to enter that failed, from one address; nil for no limit.
    package var failedAttempts: AttemptLimit? = AttemptLimit()
    /// How fast a client sends the body of a request, at least.
    package var bodyRate = LeastRate(octetsPerSecond: 500, patience: .seconds(30))
    /// How fast a client takes what waits for it, at least.
    package var responseRate = LeastRate(octetsPerSecond: 500, patience: .seconds(60))
    /// How clients are read from that were answered before they had sent everything.
    package var lingering = LingeringLimit()
    /// Octets that all connections may hold together; nil for no limit.
    package var memory: Int? = 1024 * 1024 * 1024

    package init() {}
}

/// `drain DURATION`, `drain_delay DURATION`: how the gateway stops.
package struct DrainSettings: Sendable, Hashable {
    /// For who is here to finish; what lives ends over most of it, little by little.
    package var time: Duration = .seconds(30)
    /// From when it says that it is not ready any more until nobody new is let in.
    package var delay: Duration = .zero

    package init() {}
}

/// `attempts N [burst N]`: a bucket of `burst` that fills up at a rate.
package struct AttemptLimit: Sendable, Hashable {
    package var perSecond: Int
    package var burst: Int

    package init(perSecond: Int = 20, burst: Int = 40) {
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// `body_rate`, `response_rate`: octets a second, measured over a time of patience.
package struct LeastRate: Sendable, Hashable {
    /// 0 when only who stands still for `patience` is too slow.
    package var octetsPerSecond: Int
    package var patience: Duration

    package init(octetsPerSecond: Int, patience: Duration) {
        self.octetsPerSecond = octetsPerSecond
        self.patience = patience
    }

    /// `off`.
    package static let standstill = LeastRate(octetsPerSecond: 0, patience: .seconds(60))
}

/// `lingering_time`, `lingering_timeout`, `lingering_rate`: how a connection is read on from behind
/// its last answer, so that the answer is not lost to a reset (RFC 9112 §9.6).
package struct LingeringLimit: Sendable, Hashable {
    /// In all; nil for `off`: what still comes is not waited for.
    package var time: Duration? = .seconds(30)
    /// From one octet to the next.
    package var timeout: Duration = .seconds(5)
    /// Octets a second that are read, and thrown away, at most.
    package var octetsPerSecond = 4 * 1024 * 1024

    package init() {}
}

/// `trust_fields any|x_forwarded|forwarded`: where trusted proxies say whom a request comes from.
package enum TrustedFields: String, Sendable, CaseIterable {
    /// `X-Forwarded-For` and its kin; without it `Forwarded` (RFC 7239).
    case any
    case xForwarded = "x_forwarded"
    case forwarded
}

/// An IPv4 or IPv6 address range in CIDR form; the address as 16 octets (IPv4 mapped).
package struct AddressRange: Sendable, Hashable {
    package var octets: [UInt8]
    /// 0 to 128, counted on the 16 octets.
    package var prefixLength: Int

    package init(octets: [UInt8], prefixLength: Int) {
        self.octets = octets
        self.prefixLength = prefixLength
    }

    /// ::ffff:0:0/96, where IPv4 addresses are mapped to (RFC 4291 §2.5.5.2).
    private static let mapped = AddressRange(
        octets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], prefixLength: 96)

    /// True when `address` (16 octets, IPv4 mapped) lies in the range. An IPv4 address lies in no
    /// network of IPv6, not even in ::/0.
    package func contains(_ address: [UInt8]) -> Bool {
        hasPrefix(of: address)
            && (prefixLength >= Self.mapped.prefixLength || !Self.mapped.hasPrefix(of: address))
    }

    private func hasPrefix(of address: [UInt8]) -> Bool {
        guard address.count == 16, octets.count == 16 else { return false }
        let whole = prefixLength / 8
        if whole > 0, address[..<whole] != octets[..<whole] { return false }
        let rest = prefixLength % 8
        if rest == 0 { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return address[whole] & mask == octets[whole] & mask
    }
}

/// Where a socket is bound or connected.
package enum SocketAddressSettings: Sendable, Hashable {
    /// A numeric IPv4 or IPv6 address and a port (0: any free one, for listeners).
    case ip(address: String, port: UInt16)
    /// The path of a Unix domain socket.
    case unix(path: String)

    /// As the configuration writes it.
    package var text: String {
        switch self {
        case .ip(let address, let port):
            address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// `listen ADDRESS:PORT { tls { … } host NAME { … } redirect https; proxy_protocol }`.
package struct ListenerSettings: Sendable, Equatable {
    package var address: SocketAddressSettings
    /// Where the address stands.
    package var addressPosition = SourcePosition()
    package var tls: TLSSettings?
    /// `redirect https`: answer everything with 308 to the https form of its URL; the value is the
    /// port to name there (nil for 443).
    package var redirectToHTTPS: RedirectPort?
    /// Which addresses may connect, by the address of the socket.
    package var addresses = AddressRules()
    /// `hsts`: for what routes say nothing else about.
    package var transport: StrictTransport?
    /// `proxy_protocol`: connections from trusted proxies begin with a PROXY header.
    package var expectsProxyHeader = false
    package var position: SourcePosition

    package enum RedirectPort: Sendable, Equatable {
        case standard
        case port(UInt16)
    }

    package init(
        address: SocketAddressSettings, tls: TLSSettings? = nil,
        redirectToHTTPS: RedirectPort? = nil, position: SourcePosition = .init()
    ) {
        self.address = address
        self.tls = tls
        self.redirectToHTTPS = redirectToHTTPS
        self.position = position
    }
}

package struct TLSSettings: Sendable, Equatable {
    package enum Version: String, Sendable, CaseIterable { case v12 = "1.2", v13 = "1.3" }

    package enum Certificate: Sendable, Hashable {
        /// PEM files, absolute paths: the chain and its private key.
        case files(chain: String, key: String)
        /// Made up at start, for trying out.
        case selfSigned
    }

    /// Where the certificate and its key are named.
    package struct Words: Sendable, Equatable {
        package var certificate = SourcePosition()
        package var key = SourcePosition()

        package init(certificate: SourcePosition = .init(), key: SourcePosition = .init()) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Used when no host below matches the server name (SNI), or the client sent none.
    package var certificate: Certificate
    package var words = Words()
    package var versions: Set<Version> = [.v12, .v13]
    /// Certificates by server name; a name may begin with `*.`.
    package var hosts: [Host] = []

    package struct Host: Sendable, Equatable {
        package var name: String
        package var certificate: Certificate
        package var words = Words()
        package var position: SourcePosition

        package init(name: String, certificate: Certificate, position: SourcePosition = .init()) {
            self.name = name
            self.certificate = certificate
            self.position = position
        }
    }

    package init(certificate: Certificate) { self.certificate = certificate }
}

/// A value that is never printed. Its description is a placeholder whatever it holds.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let octets: [UInt8]
    package init(_ octets: [UInt8]) { self.octets = octets }
    package var description: String { "(secret)" }
    package var debugDescription: String { "(secret)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where a value is found in a request: `query:NAME header:NAME cookie:NAME claim:NAME path:NAME`.
package enum ValueSource: Sendable, Hashable {
    case query(String)
    case header(String)
    case cookie(String)
    case claim(String)
    case path(String)
}
