internal import Bytes
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import Routing
internal import Sessions
internal import Settings
internal import Transport
internal import WebSocket

/// The head an upstream receives: the client's, rewritten (contract, section 4).
enum UpstreamRequest {
    static func append(
        _ head: RequestHead, plan: ForwardPlan, context: RequestContext, framing: BodyFraming,
        client: ClientConnection, to output: inout [UInt8]
    ) {
        // The target was normalised and the method is a token, so nothing is refused here.
        HeadEncoder.appendRequestLine(
            method: head.method.name, target: plan.target.text, to: &output)
        appendPassedOn(head, plan: plan, context: context, client: client, to: &output)
        appendForwarded(head, context: context, client: client, to: &output)
        appendIdentity(context, to: &output)
        for (name, value) in plan.fields {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
        if context.isWebSocket {
            output.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
            appendExtensions(head, plan, context, to: &output)
        } else if framing == .chunked {
            output.append("Transfer-Encoding: chunked\r\n")
        } else if case .length(let length) = framing, !head.fields.contains(.contentLength) {
            // Its chunks were put together.
            HeadEncoder.appendField(name: "Content-Length", value: String(length), to: &output)
        }
        HeadEncoder.appendEnd(to: &output)
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
        } else if !context.speaksControl {
            // Messages to the gateway could not be told from others if they were compressed.
            offer = (try? ExtensionList(head.fields))?.onlyDeflate
        }
        guard let offer else { return }
        HeadEncoder.appendField(name: "Sec-WebSocket-Extensions", value: offer, to: &output)
    }

    /// The client's own field lines, but for those that end here, are ours to say, or hold tokens.
    private static func appendPassedOn(
        _ head: RequestHead, plan: ForwardPlan, context: RequestContext,
        client: ClientConnection, to output: inout [UInt8]
    ) {
        let fields = head.fields
        let hopByHop = HopByHop(fields)
        for line in fields.lines where !hopByHop.isDropped(line, of: fields) {
            switch line.known {
            case .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRequestID, .forwarded:
                continue
            case .host where plan.target.authority != nil:
                continue
            case .expect where context.hasContinued:
                continue
            case .authorization
            where plan.stripping != nil && context.identity?.forwardsToken != true:
                continue
            case .cookie:
                appendCookies(fields, line, plan, to: &output)
            case .secWebSocketProtocol where plan.stripping != nil && context.isWebSocket:
                continue
            case .secWebSocketExtensions where context.isWebSocket:
                continue
            case .other where isOurs(fields.bytes.span.extracting(line.name), context, plan):
                continue
            // What is compressed cannot be passed on event by event.
            case .other where context.isEventStream && fields.isAcceptEncoding(line): continue
            default:
                HeadEncoder.appendField(copying: line, of: fields, to: &output)
            }
        }
        // An absolute-form target names the host, whatever the field says (RFC 9112 §3.2.2).
        if let authority = plan.target.authority {
            HeadEncoder.appendField(name: "Host", value: authority, to: &output)
        }
        if plan.stripping != nil, context.isWebSocket,
            let offers = SubprotocolOffers(fields).withoutTokens
        {
            HeadEncoder.appendField(name: "Sec-WebSocket-Protocol", value: offers, to: &output)
        }
    }

    /// Names that only the gateway may say to an upstream: a client's are forgeries.
    private static func isOurs(
        _ name: Span<UInt8>, _ context: RequestContext, _ plan: ForwardPlan
    ) -> Bool {
        context.generation.identityNames.contains(name)
            || name.matchesIgnoringCase("x-session-id")
            || (context.speaksControl && name.matchesIgnoringCase(EventControl.field))
            || (context.session?.client != nil && name.matchesIgnoringCase("x-client-id"))
            || plan.fields.contains { name.matchesIgnoringCase($0.name) }
    }

    /// The trailers of a request, without fields that only the gateway may say.
    static func trailers(_ context: RequestContext) -> (Fields) -> Fields {
        { fields in
            let lines = fields.lines.filter { line in
                let name = fields.bytes.span.extracting(line.name)
                return !context.generation.identityNames.contains(name)
                    && !name.matchesIgnoringCase("x-session-id")
                    && !name.matchesIgnoringCase("x-client-id")
            }
            return Fields(bytes: fields.bytes, lines: lines)
        }
    }

    private static func appendCookies(
        _ fields: Fields, _ line: Fields.Line, _ plan: ForwardPlan, to output: inout [UInt8]
    ) {
        guard let names = plan.stripping?.cookieNames, !names.isEmpty else {
            return HeadEncoder.appendField(copying: line, of: fields, to: &output)
        }
        // All Cookie lines are read as one; it is written where the first of them stood.
        guard fields.range(of: .cookie) == line.value,
            let left = CookieHeader(fields).removing(names)
        else { return }
        output.append("Cookie: ")
        output.append(contentsOf: left)
        output.append("\r\n")
    }

    private static func appendForwarded(
        _ head: RequestHead, context: RequestContext, client: ClientConnection,
        to output: inout [UInt8]
    ) {
        let fields = head.fields
        let trust = context.generation.settings.trust
        let isTrusted = !trust.isEmpty && ForwardedAddress.isTrusted(client.address, trust)
        output.append("X-Forwarded-For: ")
        if isTrusted {
            for line in fields.lines where line.known == .xForwardedFor {
                output.append(contentsOf: fields.bytes[line.value])
                output.append(", ")
            }
        }
        output.append(client.addressText)
        output.append("\r\nX-Forwarded-Proto: ")
        if isTrusted, let proto = fields.range(of: .xForwardedProto) {
            output.append(contentsOf: fields.bytes[proto])
        } else {
            output.append(context.isTLS ? "https" : "http")
        }
        output.append("\r\nX-Forwarded-Host: ")
        if isTrusted, let host = fields.range(of: .xForwardedHost) {
            output.append(contentsOf: fields.bytes[host])
        } else {
            output.append(context.host)
        }
        output.append("\r\nX-Request-Id: ")
        output.append(context.id)
        output.append("\r\n")
    }

    private static func appendIdentity(_ context: RequestContext, to output: inout [UInt8]) {
        if let identity = context.identity {
            for (name, value) in identity.fields {
                HeadEncoder.appendField(name: name, value: value, to: &output)
            }
        }
        if let client = context.session?.client {
            HeadEncoder.appendField(name: "X-Client-Id", value: client.text, to: &output)
        }
        if let id = context.sessionID {
            HeadEncoder.appendField(name: "X-Session-Id", value: id.description, to: &output)
        }
    }
}

extension Fields {
    fileprivate func isAcceptEncoding(_ line: Line) -> Bool {
        bytes.span.extracting(line.name).matchesIgnoringCase("accept-encoding")
    }
}

/// The head a client receives from an upstream.
enum ClientResponse {
    static func append(
        _ head: ResponseHead, framing: BodyFraming, isLast: Bool, context: RequestContext,
        to output: inout [UInt8]
    ) {
        HeadEncoder.appendStatusLine(of: head, to: &output)
        let hopByHop = HopByHop(head.fields)
        for line in head.fields.lines where !hopByHop.isDropped(line, of: head.fields) {
            if isOurs(line, of: head.fields, context) { continue }
            HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
        }
        appendSessionID(context, to: &output)
        if framing == .chunked { output.append("Transfer-Encoding: chunked\r\n") }
        appendConnection(isLast: isLast, minorVersion: context.minorVersion, to: &output)
        HeadEncoder.appendEnd(to: &output)
    }

    /// Live connections have a name of ours.
    static func isOurs(
        _ line: Fields.Line, of fields: Fields, _ context: RequestContext
    ) -> Bool {
        context.live != nil
            && fields.bytes.span.extracting(line.name).matchesIgnoringCase("x-session-id")
    }

    /// What a client refreshes its token by, that can read headers, and the name of its device
    /// where it was given one.
    static func appendSessionID(_ context: RequestContext, to output: inout [UInt8]) {
        if let live = context.live {
            HeadEncoder.appendField(name: "X-Session-Id", value: live.id.description, to: &output)
        }
        if let cookie = context.setCookie {
            HeadEncoder.appendField(name: "Set-Cookie", value: cookie, to: &output)
        }
    }

    /// `100 Continue`, `103 Early Hints`; HTTP/1.0 clients know none of them (RFC 9110 §15.2).
    static func appendInformational(
        _ head: ResponseHead, context: RequestContext, to output: inout [UInt8]
    ) {
        guard context.minorVersion == 1 else { return }
        HeadEncoder.appendStatusLine(of: head, to: &output)
        let hopByHop = HopByHop(head.fields)
        for line in head.fields.lines where !hopByHop.isDropped(line, of: head.fields) {
            HeadEncoder.appendField(copying: line, of: head.fields, to: &output)
        }
        HeadEncoder.appendEnd(to: &output)
    }

    static func appendConnection(
        isLast: Bool, minorVersion: UInt8, to output: inout [UInt8]
    ) {
        if isLast {
            output.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
    }
}
