internal import Bytes
internal import Clock
internal import Crypto
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import JSON
internal import Relays
internal import Sessions
internal import Settings
internal import SocketIO
internal import Transport
internal import WebSocket

/// Every answer the gateway gives itself: errors, redirects, fixed responses, refused WebSockets
/// and event streams.
enum Answer {
    // MARK: Fixed responses

    static func text(
        _ status: Int, _ body: String, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        // The text is the configuration's, and so is what it is.
        let isTyped = context.answerFields.replaces("Content-Type")
        respond(
            status, type: isTyped ? nil : "text/plain; charset=utf-8", body: Array(body.utf8),
            fields: [],
            reason: .normal, context: context, to: client, in: worker)
    }

    static func redirect(
        _ status: Int, _ location: String, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        respond(
            status, type: nil, body: [], fields: [("Location", location)], reason: .normal,
            context: context, to: client, in: worker)
    }

    /// Which requests a page of another origin may make, or which methods are served (RFC 9110
    /// §9.3.7).
    static func options(
        _ fields: [CrossOriginRule.Field], context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        respond(
            204, type: nil, body: [], fields: fields, reason: .normal, context: context,
            to: client, in: worker)
    }

    /// A JSON object that nobody keeps.
    static func json(
        _ body: [UInt8], context: RequestContext, to client: ClientConnection, in worker: Worker
    ) {
        respond(
            200, type: "application/json", body: body, fields: [("Cache-Control", "no-store")],
            reason: .normal, context: context, to: client, in: worker)
    }

    /// `{"ticket":"…","expires_in":30}`.
    static func ticket(
        _ ticket: String, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        var body: [UInt8] = []
        body.beginJSONObject()
        body.appendMember("ticket", ticket)
        body.appendMember(
            "expires_in", Int(TokenSettings.ticketLifetime.components.seconds))
        body.endJSONObject()
        json(body, context: context, to: client, in: worker)
    }

    /// A request that should begin a session of Engine.IO and cannot.
    static func engineError(
        _ error: EngineError, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        context.detail = error.word
        respond(
            400, type: "application/json", body: error.body,
            fields: [("Cache-Control", "no-store")], reason: .protocolError, context: context,
            to: client, in: worker)
    }

    private static func respond(
        _ status: Int, type: String?, body: [UInt8], fields: [(String, String)],
        reason: EndReason, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        // A body nobody reads would be taken for the next request.
        // Who did not send it in time is not waited for any longer.
        if context.hasRequestBody { client.makeLast(leavingRest: reason != .timeout) }
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: status, to: &output)
        output.append(contentsOf: worker.date)
        if let type { HeadEncoder.appendField(name: "Content-Type", value: type, to: &output) }
        for (name, value) in fields + context.crossOrigin {
            HeadEncoder.appendField(name: name, value: value, to: &output)
        }
        let own = fields + (type.map { [("Content-Type", $0)] } ?? [])
        context.answerFields.append(besides: own, to: &output)
        // RFC 9110 §15.5.22.
        if status == 426 {
            HeadEncoder.appendField(name: "Upgrade", value: "websocket", to: &output)
        }
        if status != 204, status != 304 {
            HeadEncoder.appendField(name: "Content-Length", value: String(body.count), to: &output)
        }
        ClientResponse.appendConnection(
            isLast: client.isLastRequest, minorVersion: context.minorVersion,
            upgrades: status == 426, to: &output)
        HeadEncoder.appendEnd(to: &output)
        if context.method != .head { output.append(contentsOf: body) }
        client.stream.send(output.span)
        context.status = status
        context.octetsOut = body.count
        worker.record(context, reason)
        client.answered(in: worker)
    }

    // MARK: Refusals

    /// Ends a request in the way its kind can understand.
    static func refuse(
        _ refusal: Refusal, head: RequestHead, context: RequestContext,
        to client: ClientConnection, in worker: Worker
    ) {
        context.detail = refusal.detail
        context.release(in: worker)
        worker.shared.log.debug(
            "request \(context.id): refused with \(refusal.status) \(refusal.word):"
                + " \(refusal.message)")
        let form = RefusalForm(
            of: refusal, isWebSocket: context.isWebSocket, isOpen: context.opened != nil,
            isEventStream: context.isEventStream,
            hasRejection: context.rejection != nil, by: context.routeSettings,
            opensEngine: context.speaksSocketIO
                && EngineHandshake(head).objection(isWebSocket: true) == nil)
        switch form {
        case .socket: socket(refusal, head: head, context: context, to: client, in: worker)
        case .rejectionEvent:
            rejectionEvent(refusal, context: context, to: client, in: worker)
        case .comeBack: comeBack(refusal, context: context, to: client, in: worker)
        case .status: status(refusal, head: head, context: context, to: client, in: worker)
        }
    }

    /// Who visits a page without a good token is led to `login`, where there is one.
    private static func status(
        _ refusal: Refusal, head: RequestHead, context: RequestContext,
        to client: ClientConnection, in worker: Worker
    ) {
        guard refusal.status == 401, let login = context.login else {
            return problem(refusal, head: head, context: context, to: client, in: worker)
        }
        respond(
            302, type: nil, body: [],
            fields: [("Location", login), ("Cache-Control", "no-store"), ("Vary", PageVisit.vary)],
            reason: refusal.reason, context: context, to: client, in: worker)
    }

    private static func rejectionEvent(
        _ refusal: Refusal, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        guard let rejection = context.rejection else { return }
        let messages = context.generation.sessionBlocks[rejection.block].messages
        let retry = rejection.rejection.retry.map {
            StreamEnding.Return.after(milliseconds: Int($0.wholeMilliseconds))
        }
        client.makeLast()
        eventStream(
            StreamEnding(
                refusal.reason, detail: refusal.detail,
                message: rejection.object(messages, context.languages),
                comingBack: retry ?? .never),
            event: rejection.event, context: context, to: client, in: worker)
    }

    /// Each client is told another time, so that not all come back at once.
    private static func comeBack(
        _ refusal: Refusal, context: RequestContext, to client: ClientConnection,
        in worker: Worker
    ) {
        let least = 1000 * ((refusal.retryAfterSeconds ?? 1) - 1)
        eventStream(
            StreamEnding(
                refusal.reason, detail: refusal.detail,
                comingBack: .after(milliseconds: least + worker.reconnectDelayMilliseconds())),
            context: context, to: client, in: worker)
    }

    /// A page for who visits one, else a problem document.
    ///
    /// - Parameter head: nil for one that could not be read.
    private static func problem(
        _ refusal: Refusal, head: RequestHead?, context: RequestContext,
        to client: ClientConnection, in worker: Worker
    ) {
        var fields: [(String, String)] = [("Cache-Control", "no-store"), ("Vary", PageVisit.vary)]
        if let challenge = context.challenge { fields.append(("WWW-Authenticate", challenge)) }
        if let seconds = refusal.retryAfterSeconds {
            fields.append(("Retry-After", String(seconds)))
        }
        if refusal.status == 405 {
            fields.append(("Allow", context.allow.joined(separator: ", ")))
        }
        if refusal.status == 426 { fields.append(("Sec-WebSocket-Version", "13")) }
        var type = ProblemDocument.contentType
        let body: [UInt8]
        if let head, PageVisit.isOne(head) {
            let wanted = LanguagePreference(acceptLanguage: head.fields.text(of: .acceptLanguage))
            let language = wanted.best(of: ErrorPage.languages)
            type = ErrorPage.contentType
            body = ErrorPage.encode(refusal, requestID: context.id, language: language)
            fields += [
                ("Content-Language", language),
                ("Content-Security-Policy", ErrorPage.contentSecurityPolicy),
                ("X-Content-Type-Options", "nosniff"),
            ]
        } else {
            body = ProblemDocument.encode(refusal, requestID: context.id)
        }
        respond(
            refusal.status, type: type, body: body, fields: fields, reason: refusal.reason,
            context: context, to: client, in: worker)
    }

    /// A WebSocket that is completed only to be told why it may not stay.
    private static func socket(
        _ refusal: Refusal, head: RequestHead, context: RequestContext,
        to client: ClientConnection, in worker: Worker
    ) {
        closeSocket(
            refusal.reason, detail: refusal.detail,
            messages: context.lastWords(of: refusal, to: head, session: worker.newIdentifier()),
            head: head,
            context: context, to: client, in: worker)
    }

    /// Completes a handshake, sends text messages and the close frame.
    static func closeSocket(
        _ reason: EndReason, detail: String?, messages: [[UInt8]], head: RequestHead,
        context: RequestContext, to client: ClientConnection, in worker: Worker
    ) {
        var output: [UInt8] = []
        var reader = ClosingSocket.Reader.frames(FrameRelay(from: .client))
        if let opened = context.opened {
            reader = .messages(opened.reader)
        } else {
            // Admission let only proper handshakes pass.
            guard let accept = WebSocketAccept.value(for: head) else {
                return client.close(in: worker)
            }
            let choice = SubprotocolOffers(head.fields).answer(upstreamChoice: nil)
            appendSwitch(accept: accept, subprotocol: choice, to: &output)
            context.answerFields.append(to: &output)
            HeadEncoder.appendEnd(to: &output)
        }
        for message in messages {
            FrameEncoder.appendMessage(.text, message.span, to: &output)
        }
        FrameEncoder.appendClose(
            code: reason.closeCode, reason: detail ?? reason.rawValue, to: &output)
        client.stream.send(output.span)
        context.status = 101
        worker.record(context, reason)
        client.begin(ClosingSocket(reader: reader), in: worker)
    }

    /// The head that completes a handshake, but for its end.
    static func appendSwitch(
        accept: [UInt8], subprotocol: String?, to output: inout [UInt8]
    ) {
        HeadEncoder.appendStatusLine(status: 101, to: &output)
        output.append("Connection: Upgrade\r\n")
        OpeningHandshake.appendFields(
            accept: accept.span, subprotocol: subprotocol, to: &output)
    }

    /// A WebSocket or an event stream is ended by rule before its response has begun: the same is
    /// said in an answer of our own. Gives back what it held.
    static func end(
        _ end: StreamEnding, head: RequestHead, context: RequestContext,
        to client: ClientConnection, in worker: Worker
    ) {
        context.release(in: worker)
        context.detail = end.detail
        client.makeLast()
        if context.isWebSocket {
            return closeSocket(
                end.reason, detail: end.detail,
                messages: context.lastWords(of: end, session: worker.newIdentifier()),
                head: head, context: context, to: client, in: worker)
        }
        eventStream(end, context: context, to: client, in: worker)
    }

    /// A 200 whose only event says why the stream ends.
    static func eventStream(
        _ end: StreamEnding, event: String = "force_disconnect", context: RequestContext,
        to client: ClientConnection, in worker: Worker
    ) {
        var body: [UInt8] = []
        end.append(event: event, to: &body)
        respond(
            200, type: "text/event-stream", body: body, fields: [("Cache-Control", "no-store")],
            reason: end.reason, context: context, to: client, in: worker)
    }

    // MARK: Without a request

    /// A head that cannot be understood: the answer, and the end.
    static func malformed(_ error: HeadError, to client: ClientConnection, in worker: Worker) {
        client.makeLast(leavingRest: true)
        bare(error.refusal, to: client, in: worker)
    }

    static func headTimeout(to client: ClientConnection, in worker: Worker) {
        bare(
            Refusal(.timeout, message: "The request did not come in time"), to: client, in: worker)
    }

    private static func bare(
        _ refusal: Refusal, to client: ClientConnection, in worker: Worker
    ) {
        client.makeLast()
        let context = RequestContext(
            id: worker.newIdentifier(), generation: client.generation, started: worker.now,
            method: .get,
            provenance: Provenance(
                Fields([]), authority: nil, connection: client.origin,
                settings: client.generation.settings),
            isWebSocket: false, minorVersion: 1)
        context.answerFields = AnswerFields(client.doorway.settings, isSecure: context.isTLS)
        problem(refusal, head: nil, context: context, to: client, in: worker)
    }

    /// Somebody speaks HTTP where TLS is spoken: the one thing said here without encryption.
    static func plainHTTPOnTLS(to client: ClientConnection, in worker: Worker) {
        let body = "This port speaks HTTPS.\n"
        var output: [UInt8] = []
        HeadEncoder.appendStatusLine(status: 400, to: &output)
        output.append(contentsOf: worker.date)
        output.append("Content-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n")
        output.append("Connection: close\r\n\r\n")
        output.append(body)
        System.write(output.span, to: client.stream.descriptor.number)
        client.finish(in: worker)
    }
}

/// The answer to `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
enum WebSocketAccept {
    /// Nil when the request has no proper key.
    static func value(for head: RequestHead) -> [UInt8]? {
        guard let handshake = try? OpeningHandshake(head) else { return nil }
        let input = handshake.acceptInput
        guard let digest = try? Digest.sha1(input.span) else { return nil }
        return OpeningHandshake.accept(digest: digest.span)
    }
}

extension HandshakeError {
    /// How a request with such a handshake ends.
    var refusal: Refusal { Refusal(.protocolError, status: status, message: message) }
}
