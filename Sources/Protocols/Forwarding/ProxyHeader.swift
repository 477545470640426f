import Bytes

/// What a proxy says of a connection before the first octet of it: the PROXY protocol, versions 1
/// and 2 (HAProxy's `proxy-protocol.txt`).
package struct ProxyHeader: Sendable, Hashable {
    package enum Version: String, Sendable, CaseIterable { case v1, v2 }

    /// One end of a connection.
    package struct Endpoint: Sendable, Hashable {
        package let address: NumericAddress
        package let port: UInt16

        package init(address: NumericAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    package enum Origin: Sendable, Hashable {
        /// The proxy's own connection, a health check perhaps, or one of which it knows nothing
        /// (`LOCAL`, `UNKNOWN`, `UNSPEC`): the socket's addresses count.
        case local
        /// The addresses of the client that connected to the proxy, and of the proxy where it did.
        case internet(client: Endpoint, server: Endpoint)
        /// A program on the proxy's machine, over a Unix domain socket.
        case unix
    }

    package let origin: Origin
    /// Whether the client speaks TLS with the proxy (PP2_TYPE_SSL); nil when nothing is said.
    package let isSecure: Bool?

    package init(_ origin: Origin, isSecure: Bool? = nil) {
        self.origin = origin
        self.isSecure = isSecure
    }

    /// What version 2 begins with, so that no other protocol takes it for its own.
    static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
}

/// Why octets are no PROXY header.
package enum ProxyHeaderError: Error, Sendable, Hashable {
    /// The octets begin like neither version.
    case noHeader
    /// The header is longer than `ProxyHeaderDecoder.sizeLimit`, or a line longer than 107 octets.
    case tooLong
    /// A line of version 1 that is out of its grammar.
    case malformedLine
    /// A version, command, address family or transport that does not exist.
    case unknownKind
    /// The lengths within a header of version 2 contradict each other.
    case malformedBlock
    /// The CRC32c it brings is another one than it has.
    case checksum

    /// For the log.
    package var message: String {
        switch self {
        case .noHeader: "it sent no PROXY header"
        case .tooLong: "its PROXY header is too long"
        case .malformedLine: "its PROXY header is malformed (version 1)"
        case .unknownKind: "its PROXY header is of an unknown kind"
        case .malformedBlock: "its PROXY header is malformed (version 2)"
        case .checksum: "the checksum of its PROXY header is wrong"
        }
    }
}

// MARK: Writing

extension ProxyHeader {
    /// Appends the header. Where only one end has an IPv4 address, it is written as the IPv6
    /// address it is mapped to (RFC 4291 §2.5.5.2). A client of a Unix domain socket has no
    /// address worth telling: it is written as `local` is.
    package func append(_ version: Version, to output: inout [UInt8]) {
        switch (version, origin) {
        case (.v1, .internet(let client, let server)): Self.appendLine(client, server, to: &output)
        case (.v1, .local), (.v1, .unix): output.append("PROXY UNKNOWN\r\n")
        case (.v2, .internet(let client, let server)): Self.appendBlock(client, server, to: &output)
        case (.v2, .local), (.v2, .unix):
            output.append(contentsOf: Self.signature)
            output.append(contentsOf: [0x20, 0x00, 0x00, 0x00])
        }
    }

    private static func appendLine(
        _ client: Endpoint, _ server: Endpoint, to output: inout [UInt8]
    ) {
        let isIPv4 = client.address.isIPv4 && server.address.isIPv4
        output.append(isIPv4 ? "PROXY TCP4 " : "PROXY TCP6 ")
        output.append(isIPv4 ? client.address.text : client.address.text6)
        output.append(" ")
        output.append(isIPv4 ? server.address.text : server.address.text6)
        output.append(" \(client.port) \(server.port)\r\n")
    }

    private static func appendBlock(
        _ client: Endpoint, _ server: Endpoint, to output: inout [UInt8]
    ) {
        let isIPv4 = client.address.isIPv4 && server.address.isIPv4
        output.append(contentsOf: signature)
        output.append(contentsOf: isIPv4 ? [0x21, 0x11, 0x00, 12] : [0x21, 0x21, 0x00, 36])
        for endpoint in [client, server] {
            let octets = endpoint.address.octets
            output.append(contentsOf: isIPv4 ? octets[12...] : octets[...])
        }
        for endpoint in [client, server] {
            output.append(UInt8(endpoint.port >> 8))
            output.append(UInt8(endpoint.port & 0xFF))
        }
    }
}
