internal import Bytes
internal import Clock
internal import Crypto
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import Routing
internal import Sessions
internal import Settings
internal import Transport

/// From a whole request head to its first effect: admission, then an exchange with an upstream, an
/// answer of our own, or a refusal.
enum RequestIntake {
    static func begin(_ head: RequestHead, from client: ClientConnection, in worker: Worker) {
        let context = makeContext(head, client, worker)
        do throws(Refusal) {
            let framing = try framing(of: head)
            if framing != .none, framing != .length(0) { context.hasRequestBody = true }
            var admission = Admission(head: head, context: context, client: client)
            let decision = try admission.decide(in: worker)
            try carryOut(
                decision, head: head, framing: framing, context: context, client, worker)
        } catch {
            // Where the request ends is not known for sure, or the client is up to something.
            if error.reason == .protocolError { client.makeLast() }
            Answer.refuse(error, head: head, context: context, to: client, in: worker)
        }
    }

    private static func carryOut(
        _ decision: Admission.Decision, head: RequestHead, framing: BodyFraming,
        context: RequestContext, _ client: ClientConnection, _ worker: Worker
    ) throws(Refusal) {
        switch decision {
        case .respond(let status, let body):
            Answer.text(status, body, context: context, to: client, in: worker)
        case .redirect(let status, let location):
            Answer.redirect(status, location, context: context, to: client, in: worker)
        case .forward(let plan):
            if case .length(let length) = framing, let limit = plan.route.settings.bodySize,
                length > limit
            {
                throw Refusal(.tooBig, message: "The request body is too large")
            }
            let exchange = Exchange(
                plan: plan, head: head, framing: framing, context: context, client: client)
            client.begin(exchange, in: worker)
            exchange.begin(in: worker)
        }
    }

    private static func framing(of head: RequestHead) throws(Refusal) -> BodyFraming {
        if head.method == .connect {
            throw Refusal(.policy, status: 405, message: "CONNECT is not served here")
        }
        do throws(HeadError) {
            return try head.bodyFraming()
        } catch {
            throw error.refusal
        }
    }

    private static func makeContext(
        _ head: RequestHead, _ client: ClientConnection, _ worker: Worker
    ) -> RequestContext {
        let generation = client.generation
        let isTLS = client.entrance.tls != nil
        let fields = head.fields
        let trust = generation.settings.trust
        let context = RequestContext(
            id: requestID(fields, worker), generation: generation, started: worker.now,
            method: head.method, host: fields.text(of: .host) ?? "",
            client: trust.isEmpty
                ? client.addressText : ClientAddress.of(client.address, fields, trust: trust),
            isTLS: isTLS, isWebSocket: head.upgradesToWebSocket, minorVersion: head.minorVersion)
        context.isEventStream = fields.list(.accept, contains: "text/event-stream")
        return context
    }

    /// The client's `X-Request-Id` when it is 1 to 128 letters, digits and `-._~:+/=@`, else a new
    /// one: it goes into logs and pages of all kinds.
    private static func requestID(_ fields: Fields, _ worker: Worker) -> String {
        if fields.count(of: .xRequestID) == 1, let range = fields.range(of: .xRequestID),
            (1...128).contains(range.count)
        {
            let value = fields.bytes.span.extracting(range)
            var isSane = true
            for index in value.indices where !isSaneIdentifier(value[index]) { isSane = false }
            if isSane { return value.text }
        }
        return worker.newIdentifier()
    }
}

private func isSaneIdentifier(_ octet: UInt8) -> Bool {
    if ASCII.isAlpha(octet) || ASCII.isDigit(octet) { return true }
    switch octet {
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
        UInt8(ascii: ":"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
        UInt8(ascii: "@"):
        return true
    default: return false
    }
}

extension HeadError {
    /// How a request with such a head ends.
    var refusal: Refusal {
        let reason: EndReason =
            switch status {
            case 413, 414, 431: .tooBig
            case 408: .timeout
            default: .protocolError
            }
        return Refusal(reason, status: status, message: message)
    }
}

/// Whose address counts: the socket's, or what trusted proxies in front of us say.
enum ClientAddress {
    /// The right-most address of `X-Forwarded-For` that is no trusted proxy's, when the connection
    /// itself comes from one; else the connection's own.
    static func of(_ socket: SocketAddress, _ fields: Fields, trust: [AddressRange]) -> String {
        guard !trust.isEmpty, isTrusted(socket, trust), let list = forwarded(fields) else {
            return socket.host
        }
        var client = socket
        for element in list.reversed() {
            guard let address = SocketAddress(numeric: element, port: 0) else { break }
            client = address
            if !isTrusted(address, trust) { break }
        }
        return client.host
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
