internal import Bytes
internal import Clock
internal import Crypto
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Identity
internal import Loop
internal import Routing
internal import Sessions
internal import Settings
internal import Transport
internal import WebSocket

/// From a whole request head to its first effect: admission, then an exchange with an upstream, an
/// answer of our own, or a refusal.
enum RequestIntake {
    /// Begins the next request as soon as its head is whole. False when it is not, and when it
    /// cannot be understood, which is answered.
    static func read(_ octets: Span<UInt8>, at index: inout Int, from client: HTTP1Client) -> Bool {
        if client.http.isIdle { client.follow() }
        do throws(RequestError) {
            guard case .head(let head, let framing) = try client.http.receive(octets, at: &index)
            else { return false }
            headEnded(client)
            begin(head, framing, from: client)
            return true
        } catch {
            guard client.http.owesAnswer else { return false }
            headEnded(client)
            switch error {
            case .framing(let error, let head): refuse(error, of: head, from: client)
            case .head(let error): Answer.refuse(unread: error.refusal, to: client)
            // Nothing of a body is read here.
            case .body, .bodyTooLarge: break
            }
            return false
        }
    }

    /// A head is whole, or never will be.
    private static func headEnded(_ client: HTTP1Client) {
        client.follow()
        if client.thread.isDraining || client.doorway.isClosed { client.http.makeLast() }
        client.timers.clear(.phase)
    }

    /// Between two requests, or within a head, the client has had its time.
    static func timedOut(from client: HTTP1Client) {
        guard client.http.giveUpRequest() else { return client.settle() }
        let refusal = Refusal(.timeout, message: "The request did not come in time")
        Answer.refuse(unread: refusal, to: client)
    }

    private static func begin(
        _ head: RequestHead, _ framing: BodyFraming, from client: HTTP1Client
    ) {
        let context = context(of: head, from: client)
        // Behind a handshake stand frames, or nothing: whatever the answer, there is no request.
        if context.origin.isWebSocket { client.request.makeLast(leavingRest: true) }
        let request = HeldRequest(head, framing, context, from: client)
        do throws(Refusal) {
            if head.method == .connect {
                throw Refusal(.policy, status: 405, message: "CONNECT is not served here")
            }
            if client.request.lacksBody || context.origin.isWebSocket {
                try client.thread.checkMemory()
            }
        } catch {
            return request.refuse(error)
        }
        request.goOn()
    }

    /// A request whose body could have any end.
    private static func refuse(_ error: HeadError, of head: RequestHead, from client: HTTP1Client) {
        let context = context(of: head, from: client)
        HeldRequest(head, .none, context, from: client)
            .refuse(error.refusal)
    }

    /// - Parameter first: of the same request, when it is judged once more by a newer generation.
    static func context(
        of head: RequestHead, from client: HTTP1Client,
        inPlaceOf first: RequestContext? = nil
    ) -> RequestContext {
        let generation = client.generation
        let fields = head.fields
        let context = RequestContext(
            on: client.thread, id: first?.origin.id ?? requestID(fields, client.loop),
            generation: generation,
            started: first?.origin.started ?? client.loop.now, method: head.method,
            provenance: Provenance(
                fields, authority: head.authority, connection: client.origin,
                settings: generation.settings),
            isWebSocket: head.upgradesToWebSocket, minorVersion: head.minorVersion)
        if let opened = first?.opened {
            context.opened = opened
            context.outcome.status = 101
        }
        return context
    }

    /// The client's `X-Request-Id` when it is 1 to 128 letters, digits and `-._~:+/=@`, else a new
    /// one: it goes into logs and pages of all kinds.
    private static func requestID(_ fields: Fields, _ loop: Loop) -> String {
        if fields.count(of: .xRequestID) == 1, let range = fields.range(of: .xRequestID),
            (1...128).contains(range.count)
        {
            let value = fields.bytes.span.extracting(range)
            var isSane = true
            for index in value.indices where !isSaneIdentifier(value[index]) { isSane = false }
            if isSane { return value.text }
        }
        return loop.newIdentifier()
    }
}

extension EnteringRequest {
    convenience init(_ head: RequestHead, _ context: RequestContext, from client: HTTP1Client) {
        let entrance = client.doorway.entrance
        self.init(
            head, id: context.origin.id, address: context.origin.provenance.address.networkOctets,
            addressText: context.client, authority: context.authority, isSecure: context.isTLS,
            isWebSocket: context.origin.isWebSocket,
            connection: ConnectionAddress(
                worker: UInt64(client.thread.index), connection: client.token),
            redirectToHTTPS: entrance.settings.redirectToHTTPS,
            answerFields: AnswerFields(entrance.settings.transport, isSecure: context.isTLS))
    }
}

extension SocketAddress {
    /// In network order; none for a path.
    fileprivate var networkOctets: [UInt8] {
        switch self {
        case .ip4(let octets, _), .ip6(let octets, _): octets
        case .unix: []
        }
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

extension RequestError {
    /// How a request ends that cannot be read to its end.
    var refusal: Refusal {
        switch self {
        case .head(let error), .framing(let error, _): error.refusal
        case .body(let error):
            Refusal(.protocolError, status: error.status, message: error.message)
        case .bodyTooLarge: .bodyTooBig
        }
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
