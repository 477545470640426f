internal import Bookkeeping
internal import Forwarding
internal import Generations
internal import HTTP1
internal import Loop
internal import Settings
internal import Transport

/// Who is at the other end of a client's connection: the socket's address, or what a PROXY header
/// of a trusted proxy says. An object, since every request asks for it.
final class ConnectionOrigin {
    let address: SocketAddress
    /// The address without its port; every request needs it.
    let addressText: String
    /// The client speaks TLS, with us or with the proxy.
    let isSecure: Bool
    /// The field line that says so to upstreams, where no proxy is trusted.
    let forwardedFor: [UInt8]
    /// Where the client connected to, as far as a PROXY header says; else the socket knows.
    let server: SocketAddress?

    init(address: SocketAddress, isSecure: Bool, server: SocketAddress? = nil) {
        self.address = address
        let text = address.host
        addressText = text
        var line: [UInt8] = []
        HeadEncoder.appendField(ownName: "X-Forwarded-For", value: text, to: &line)
        forwardedFor = line
        self.isSecure = isSecure
        self.server = server
    }

    /// The same connection behind its PROXY header.
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

extension HTTP1Client {
    /// What came of looking for the PROXY header.
    enum ProxyHeaderOutcome {
        case reading(ProxyHeaderDecoder)
        case passed(ConnectionOrigin)
        /// The connection is worth nothing: it ends without an answer, since nobody knows yet what
        /// is spoken on it.
        case refused
    }

    /// Reads on, and not an octet beyond the header: what follows may be TLS.
    func readProxyHeader(_ decoder: ProxyHeaderDecoder) -> ProxyHeaderOutcome {
        var decoder = decoder
        let buffer = loop.buffer
        switch stream.peek(into: buffer, limit: ProxyHeaderDecoder.sizeLimit) {
        case .octets(0): return .reading(decoder)
        case .octets:
            var index = 0
            do throws(ProxyHeaderError) {
                let header = try decoder.decode(buffer.octets, at: &index)
                stream.skip(index, with: buffer)
                return header.map { .passed(origin.told(by: $0)) } ?? .reading(decoder)
            } catch {
                thread.shared.counters.note(\.withoutHeader)
                thread.warn(
                    thread.shared.connectionLines,
                    "connection of proxy \(origin.addressText) refused: \(error.message)")
                return .refused
            }
        case .end, .failed: return .refused
        }
    }
}
