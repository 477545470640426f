internal import Bytes
internal import HTTP
internal import Settings
internal import Transport

/// Whose address counts: the socket's, or what trusted proxies in front of us say.
enum ForwardedAddress {
    /// The right-most address of `X-Forwarded-For` that is no trusted proxy's, when the connection
    /// itself comes from one; else the connection's own.
    static func of(
        _ socket: SocketAddress, _ fields: Fields, trust: [AddressRange]
    ) -> SocketAddress {
        guard !trust.isEmpty, isTrusted(socket, trust), let list = forwarded(fields) else {
            return socket
        }
        var client = socket
        for element in list.reversed() {
            guard let address = SocketAddress(numeric: element, port: 0) else { break }
            client = address
            if !isTrusted(address, trust) { break }
        }
        return client
    }

    static func isTrusted(_ address: SocketAddress, _ trust: [AddressRange]) -> Bool {
        let octets = address.mappedOctets
        return trust.contains { $0.contains(octets) }
    }

    private static func forwarded(_ fields: Fields) -> [String]? {
        guard fields.contains(.xForwardedFor) else { return nil }
        return fields.lines.filter { $0.known == .xForwardedFor }
            .flatMap { line in
                fields.bytes.text(line.value).split(separator: ",").map { element in
                    String(element.filter { $0 != " " && $0 != "\t" })
                }
            }
    }
}
