internal import Clients
internal import Forwarding
internal import Generations
internal import Origins
internal import Settings
internal import Transport
internal import Upstreams

/// How a connection to a server begins.
extension ForwardPlan {
    /// What stands in front of all else on the connection, with `send_proxy`.
    func proxyHeader(for request: ClientStream, _ context: RequestContext) -> [UInt8] {
        var octets: [UInt8] = []
        if let version = group.settings.proxyHeader {
            context.origin.provenance.proxyHeader(to: request.serverAddress).append(
                version, to: &octets)
        }
        return octets
    }

    /// How the server is spoken to; nil without TLS.
    ///
    /// - Parameter host: as the configuration, or a name server, says.
    func security(
        at address: SocketAddressSettings?, of host: String?, for request: ClientStream,
        _ context: RequestContext
    ) -> OriginSecurity? {
        guard let tls = group.security, let address else { return nil }
        return OriginSecurity(
            tls,
            host: group.settings.tls?.serverName ?? host
                ?? SocketAddress(address)?.securityName ?? "",
            preface: proxyHeader(for: request, context))
    }
}

extension SocketAddress {
    /// What a certificate has of it; nil for a path.
    fileprivate var securityName: String? { port == nil ? nil : host }
}
