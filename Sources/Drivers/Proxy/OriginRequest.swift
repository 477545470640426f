internal import Bytes
internal import Clients
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Identity
internal import Routing
internal import Sessions
internal import Settings
internal import Transport
internal import WebSocket

/// The head an upstream receives: the client's, rewritten (contract, section 4).
enum OriginRequest {
    /// Writes the head for the connection that `http` is of.
    ///
    /// - Parameter origin: whom the request comes from.
    static func append(
        _ request: EnteringRequest, _ outline: RequestOutline, plan: ForwardPlan,
        context: RequestContext,
        origin: ConnectionOrigin, on http: inout HTTP1.ClientConnection, to output: inout [UInt8]
    ) throws(SendError) {
        let vouched = VouchedFields(plan: plan, context: context)
        try http.beginHead(outline, target: plan.target.text, to: &output)
        appendHost(context, to: &output)
        appendPassedOn(request, plan: plan, context: context, vouched, to: &output)
        ForwardedFields.append(
            request.head.fields, context, origin, vouched,
            sendsForwarded: plan.route.settings.sendsForwarded, to: &output)
        ForwardedPrefix.append(
            plan.route.settings.paths.prefix, request.head.fields, vouched, to: &output)
        appendIdentity(context, vouched, to: &output)
        for field in plan.fields { field.append(to: &output) }
        if context.origin.isWebSocket { appendExtensions(request.head, plan, context, to: &output) }
        try http.endHead(to: &output)
    }

    /// Whom the request itself is for, whatever proxies say of it. An HTTP/1.1 request needs a host
    /// (RFC 9112 §3.2): of a client that names none, it is the server that the request is sent to.
    private static func appendHost(_ context: RequestContext, to output: inout [UInt8]) {
        let host =
            switch (context.origin.provenance.ownAuthority, context.outcome.server) {
            case (let authority?, _): authority.text
            case (nil, let server?):
                if case .ip = server { server.text } else { "localhost" }
            case (nil, nil): "localhost"
            }
        HeadEncoder.appendField(ownName: "Host", value: host, to: &output)
    }

    /// Our own offer where compression is spoken here, else the client's, as far as the relay knows
    /// how to carry what it asks for.
    private static func appendExtensions(
        _ head: RequestHead, _ plan: ForwardPlan, _ context: RequestContext,
        to output: inout [UInt8]
    ) {
        var offer: String?
        if let compression = plan.route.settings.compression {
            if compression.offersUpstream { offer = DeflateOffer.headerValue }
        } else if context.opened != nil {
            // The client was told that none is spoken.
            offer = nil
        } else if !context.found.speaksControl {
            // Messages to the gateway could not be told from others if they were compressed.
            offer = (try? ExtensionList(head.fields))?.onlyDeflate
        }
        guard let offer else { return }
        HeadEncoder.appendField(name: "Sec-WebSocket-Extensions", value: offer, to: &output)
    }

    /// The client's own field lines, but for those that end here, are ours to say, or hold tokens.
    private static func appendPassedOn(
        _ request: EnteringRequest, plan: ForwardPlan, context: RequestContext,
        _ vouched: VouchedFields, to output: inout [UInt8]
    ) {
        let fields = request.head.fields
        let hopByHop = HopByHop(fields)
        for line in fields.lines where !hopByHop.isDropped(line, of: fields) {
            if vouched.forbids(line, of: fields) { continue }
            switch line.known {
            // The connection says how long the body is, and whether it waits to be asked for it.
            case .host, .contentLength: continue
            case .expect where fields.list(.expect, contains: "100-continue"): continue
            case .secWebSocketExtensions where context.origin.isWebSocket: continue
            case .cookie where plan.route.stripping.stripsCookies:
                // All Cookie lines are read as one; it is written where the first of them stood.
                guard fields.range(of: .cookie) == line.value,
                    let left = plan.route.stripping.cookies(fields)
                else { continue }
                output.append("Cookie: ")
                output.append(contentsOf: left)
                output.append("\r\n")
            case .secWebSocketProtocol where context.origin.isWebSocket: continue
            case .maxForwards:
                appendForwardingLimit(request.head, line, to: &output)
            // What is compressed cannot be passed on event by event.
            case .other where context.isEventStream && fields.isAcceptEncoding(line): continue
            default:
                HeadEncoder.appendField(copying: line, of: fields, to: &output)
            }
        }
        if context.origin.isWebSocket, fields.contains(.secWebSocketProtocol),
            let offers = subprotocols(fields, plan.route.stripping, context)
        {
            HeadEncoder.appendField(name: "Sec-WebSocket-Protocol", value: offers, to: &output)
        }
    }

    /// One hop less, where it says how far the request may go (RFC 9110 §7.6.2).
    private static func appendForwardingLimit(
        _ head: RequestHead, _ line: Fields.Line, to output: inout [UInt8]
    ) {
        guard case .hops(let hops) = head.forwardingLimit, hops > 0 else {
            return HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
        }
        HeadEncoder.appendField(name: "Max-Forwards", value: String(hops - 1), to: &output)
    }

    /// Where the client was told already which one is spoken, it is offered alone.
    private static func subprotocols(
        _ fields: Fields, _ stripping: TokenStripping, _ context: RequestContext
    ) -> String? {
        let offers = stripping.subprotocols(fields)
        guard let opened = context.opened, let choice = opened.subprotocol else { return offers }
        let isOffered = offers?.split(separator: ", ").contains { $0 == choice } ?? false
        return isOffered ? choice : nil
    }

    /// The trailers of a request, without fields that only the gateway may say.
    static func trailers(of plan: ForwardPlan, _ context: RequestContext) -> (Fields) -> Fields {
        let vouched = VouchedFields(plan: plan, context: context)
        return { fields in
            let lines = fields.lines.filter { !vouched.forbids($0, of: fields) }
            return Fields(bytes: fields.bytes, lines: lines)
        }
    }

    private static func appendIdentity(
        _ context: RequestContext, _ vouched: VouchedFields, to output: inout [UInt8]
    ) {
        if let identity = context.found.identity {
            for (name, value) in identity.fields where !vouched.isConfigured(name) {
                HeadEncoder.appendField(name: name, value: value, to: &output)
            }
        }
        if let client = context.session?.client, !vouched.isConfigured("x-client-id") {
            HeadEncoder.appendField(name: "X-Client-Id", value: client.text, to: &output)
        }
        if let id = context.sessionID, !vouched.isConfigured("x-session-id") {
            HeadEncoder.appendField(name: "X-Session-Id", value: id.description, to: &output)
        }
    }
}

extension Fields {
    fileprivate func isAcceptEncoding(_ line: Line) -> Bool {
        bytes.span.extracting(line.name).matchesIgnoringCase("accept-encoding")
    }
}
