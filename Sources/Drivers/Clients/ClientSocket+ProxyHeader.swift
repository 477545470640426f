internal import Forwarding
internal import Loop
internal import Transport

extension ClientSocket {
    /// What came of looking for the PROXY header.
    enum ProxyHeaderOutcome {
        case reading(ProxyHeaderDecoder)
        case told(ConnectionOrigin)
        /// What a trusted proxy says first is no such header.
        case none(String)
        /// The proxy has closed the connection, or it is broken.
        case over
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
                return header.map { .told(origin.told(by: $0)) } ?? .reading(decoder)
            } catch {
                return .none(error.message)
            }
        case .end, .failed: return .over
        }
    }
}
