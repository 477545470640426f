internal import Bytes
internal import Clients
internal import Forwarding
internal import HTTP
internal import Settings
internal import Transport

/// Whom a request comes from, by which scheme and to which host: what the connection shows or,
/// where trusted proxies stand in between, what they say. Made once when the request comes, and
/// asked by everybody: limits, sessions, tickets, origins, cookies, redirects, the log, upstreams.
///
/// Proxies append what they heard to what others said, so that the chain is read from its end: an
/// element counts when all that come behind it, and the connection, are trusted proxies.
struct Provenance {
    /// What trusted proxies said before this connection.
    enum Chain {
        /// Nothing, or nobody is believed.
        case none
        /// `X-Forwarded-For`, `-Proto` and `-Host`.
        case xForwarded([ForwardingNode?])
        case forwarded([ForwardedElement])
    }

    /// The client's.
    let address: SocketAddress
    let addressText: String
    /// The client speaks TLS with somebody: the scheme is `https`.
    let isSecure: Bool
    /// Whom trusted proxies say that it is for.
    private let claimedAuthority: Authority?
    /// Whom the request itself says that it is for.
    let ownAuthority: Authority?
    let chain: Chain
    /// The element of the chain that names the client; its end when none does.
    let clientIndex: Int
    /// The connection comes from a trusted proxy.
    let isForwarded: Bool

    /// - Parameter authority: what the request itself says.
    init(
        _ fields: Fields, authority: Authority?, connection: ConnectionOrigin, settings: Settings
    ) {
        self.init(fields, authority, connection, settings.trust, settings.trustedFields)
    }

    init(
        _ fields: Fields, _ own: Authority?, _ connection: ConnectionOrigin,
        _ trust: [AddressRange], _ trustedFields: TrustedFields
    ) {
        ownAuthority = own
        isForwarded = trust.contains(connection.address)
        guard isForwarded else {
            (address, addressText) = (connection.address, connection.addressText)
            (isSecure, claimedAuthority) = (connection.isSecure, nil)
            (chain, clientIndex) = (.none, 0)
            return
        }
        chain = Self.chain(fields, trustedFields)
        let nodes = chain.nodes
        let walk = Self.walk(nodes, from: connection.address, trust)
        address = walk.address
        addressText = walk.address.host
        clientIndex = walk.index
        let said: (scheme: [UInt8]?, host: [UInt8]?)
        switch chain {
        case .forwarded(let elements):
            let counted = elements[walk.index...]
            said.scheme = counted.lazy.compactMap(\.scheme).first
            said.host = counted.lazy.compactMap(\.host).first
        case .xForwarded:
            said.scheme = fields.element(of: .xForwardedProto, at: walk.index, of: nodes.count)
            said.host = fields.element(of: .xForwardedHost, at: walk.index, of: nodes.count)
        case .none: said = (nil, nil)
        }
        isSecure = said.scheme.flatMap { Self.isSecure($0.span) } ?? connection.isSecure
        claimedAuthority = said.host.flatMap { Authority($0.span) }
    }

    /// Whom it is for; nil when nobody says.
    var authority: Authority? { claimedAuthority ?? ownAuthority }

    var scheme: String { isSecure ? "https" : "http" }

    /// From the end of the chain to the first who is no trusted proxy. Whoever is named by no
    /// address ends the way: the last one that was found counts.
    private static func walk(
        _ nodes: [ForwardingNode?], from address: SocketAddress, _ trust: [AddressRange]
    ) -> (address: SocketAddress, index: Int) {
        var found = (address: address, index: nodes.count)
        for index in nodes.indices.reversed() {
            found.index = index
            guard let node = nodes[index], case .address(let address) = node.name else { break }
            found.address = SocketAddress(address, port: node.port ?? 0)
            if !trust.contains(found.address) { break }
        }
        return found
    }

    private static func chain(_ fields: Fields, _ trusted: TrustedFields) -> Chain {
        switch trusted {
        case .xForwarded: return xForwarded(fields)
        case .forwarded: return forwarded(fields) ?? .none
        case .any:
            if fields.contains(.xForwardedFor) { return xForwarded(fields) }
            return forwarded(fields) ?? xForwarded(fields)
        }
    }

    private static func xForwarded(_ fields: Fields) -> Chain {
        let elements = fields.lastElements(of: .xForwardedFor)
        return .xForwarded(elements.map { ForwardingNode(fields.bytes.span.extracting($0)) })
    }

    private static func forwarded(_ fields: Fields) -> Chain? {
        guard fields.contains(.forwarded) else { return nil }
        var list = ForwardedList()
        for line in fields.lines where line.known == .forwarded {
            list.read(fields.bytes.span.extracting(line.value))
        }
        return .forwarded(list.elements)
    }

    /// Some proxies name the scheme of a WebSocket; nil for every other word.
    private static func isSecure(_ scheme: Span<UInt8>) -> Bool? {
        if scheme.matchesIgnoringCase("https") || scheme.matchesIgnoringCase("wss") { return true }
        if scheme.matchesIgnoringCase("http") || scheme.matchesIgnoringCase("ws") { return false }
        return nil
    }
}

extension Provenance.Chain {
    var nodes: [ForwardingNode?] {
        switch self {
        case .none: []
        case .xForwarded(let nodes): nodes
        case .forwarded(let elements): elements.map(\.node)
        }
    }
}

extension Fields {
    /// The element that stands beside the one at `index` of a chain of `count`, where every proxy
    /// has appended to both. Most say one thing for all: then, and where the lists do not fit, it
    /// is the last, which the nearest proxy said.
    fileprivate func element(of field: KnownField, at index: Int, of count: Int) -> [UInt8]? {
        guard contains(field) else { return nil }
        let found = lastElements(of: field)
        let range = found.count == count && index < count ? found[index] : found.last
        return range.map { Array(bytes[$0]) }
    }

    /// The elements that the nearest proxies said, as many of them as a chain may have.
    fileprivate func lastElements(of field: KnownField) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var elements = ListElements(of: field, in: self)
        while let element = elements.next() { found.append(element) }
        return Array(found.suffix(ForwardedList.elementLimit))
    }
}

extension Provenance {
    /// The header that tells an upstream whom a connection is opened for (`send_proxy`). Ports that
    /// nobody named are 0.
    ///
    /// - Parameter server: whom the client has connected to, if that is known.
    func proxyHeader(to server: SocketAddress?) -> ProxyHeader {
        guard let client = address.endpoint else { return ProxyHeader(.local) }
        let nowhere = ProxyHeader.Endpoint(
            address: client.address.isIPv4 ? .unspecified4 : .unspecified6, port: 0)
        return ProxyHeader(.internet(client: client, server: server?.endpoint ?? nowhere))
    }
}
