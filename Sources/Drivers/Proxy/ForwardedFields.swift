internal import Bytes
internal import Clients
internal import Forwarding
internal import HTTP
internal import HTTP1
internal import Settings
internal import Transport

/// What the gateway tells an upstream of the request's way here: `X-Forwarded-For`, `-Proto` and
/// `-Host`, `Forwarded` where the route says so, and `X-Request-Id`. The chain of trusted proxies
/// is continued; nothing of what strangers say travels on.
enum ForwardedFields {
    private static let secureProto = [UInt8]("X-Forwarded-Proto: https\r\n".utf8)
    private static let plainProto = [UInt8]("X-Forwarded-Proto: http\r\n".utf8)

    static func append(
        _ fields: Fields, _ context: RequestContext, _ connection: ConnectionOrigin,
        _ vouched: VouchedFields, sendsForwarded: Bool, to output: inout [UInt8]
    ) {
        let provenance = context.origin.provenance
        if !vouched.isConfigured("x-forwarded-for") {
            provenance.appendXForwardedFor(fields, connection, to: &output)
        }
        if !vouched.isConfigured("x-forwarded-proto") {
            output.append(contentsOf: provenance.isSecure ? secureProto : plainProto)
        }
        if let authority = provenance.authority, !vouched.isConfigured("x-forwarded-host") {
            HeadEncoder.appendField(
                ownName: "X-Forwarded-Host", value: authority.text, to: &output)
        }
        if sendsForwarded, !vouched.isConfigured("forwarded") {
            provenance.appendForwarded(connection, to: &output)
        }
        if !vouched.isConfigured("x-request-id") {
            HeadEncoder.appendField(
                ownName: "X-Request-Id", value: context.origin.id, to: &output)
        }
    }
}

extension Provenance {
    /// Whom trusted proxies named, and whom the connection comes from.
    func appendXForwardedFor(
        _ fields: Fields, _ connection: ConnectionOrigin, to output: inout [UInt8]
    ) {
        if case .none = chain {
            output.append(contentsOf: connection.forwardedFor)
            return
        }
        output.append("X-Forwarded-For: ")
        switch chain {
        case .none: break
        case .xForwarded:
            var elements = ListElements(of: .xForwardedFor, in: fields)
            while let element = elements.next() {
                output.append(contentsOf: fields.bytes[element])
                output.append(", ")
            }
        case .forwarded(let elements):
            for element in elements {
                (element.node ?? ForwardingNode(.unknown)).appendBare(to: &output)
                output.append(", ")
            }
        }
        output.append(connection.addressText)
        output.append("\r\n")
    }

    /// RFC 7239 §4: what was said before, and an element of our own: whom the connection comes
    /// from, and what was asked on it. Where proxies speak `X-Forwarded-For`, their words are
    /// translated (§7.4).
    func appendForwarded(_ connection: ConnectionOrigin, to output: inout [UInt8]) {
        output.append("Forwarded: ")
        let nodes = chain.nodes
        for (index, node) in nodes.enumerated() {
            var element = ForwardedElement(node: node)
            if case .forwarded(let elements) = chain { element = elements[index] }
            element.legal(isClient: index == clientIndex, self).append(to: &output)
            output.append(", ")
        }
        let own = ForwardedElement(
            node: connection.address.endpoint.map { ForwardingNode(.address($0.address)) },
            host: ownAuthority.map { Array($0.text.utf8) },
            scheme: Array((connection.isSecure ? "https" : "http").utf8))
        own.legal(isClient: nodes.isEmpty, self).append(to: &output)
        output.append("\r\n")
    }
}

extension ForwardedElement {
    /// The element as it may travel on: what is no legal host or scheme is left out, and the
    /// client's own says what is believed.
    fileprivate func legal(isClient: Bool, _ provenance: Provenance) -> ForwardedElement {
        var element = self
        if isClient {
            element.host = provenance.authority.map { Array($0.text.utf8) }
            element.scheme = Array(provenance.scheme.utf8)
            return element
        }
        if let host, !Authority.isLegal(host.span) { element.host = nil }
        if let scheme, scheme.isEmpty || !scheme.allSatisfy(ASCII.isToken) { element.scheme = nil }
        return element
    }
}
