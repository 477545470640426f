internal import Crypto
internal import Endings
internal import Entry
internal import HTTP
internal import Identity
internal import JSON
internal import Loop
internal import Relays
internal import Sessions
internal import Settings
internal import SocketIO
internal import WebSocket

/// Every answer the gateway gives itself, as a value: errors, redirects, fixed responses, refused
/// WebSockets and event streams. `ClientLink` gives it.
struct Answer {
    typealias Field = (name: String, value: String)

    enum Form {
        /// A whole response.
        case response(status: Int, fields: [Field], body: [UInt8])
        /// A WebSocket that is told why it may not stay, and that is completed first only for that:
        /// by what a handshake asks for; nil where it is open already.
        case socket(Handshake?, messages: [[UInt8]])
    }

    /// What a handshake asked for.
    struct Handshake {
        let accept: [UInt8]
        let subprotocol: String?

        /// Nil when the request has no proper key.
        init?(_ head: RequestHead) {
            guard let accept = WebSocketAccept.value(for: head) else { return nil }
            self.accept = accept
            subprotocol = SubprotocolOffers(head.fields).answer(upstreamChoice: nil)
        }
    }

    let form: Form
    let reason: EndReason
    let detail: String?
    /// No other request follows, whatever the client asked for.
    let isLast: Bool

    init(_ form: Form, _ reason: EndReason, detail: String? = nil, isLast: Bool = false) {
        self.form = form
        self.reason = reason
        self.detail = detail
        self.isLast = isLast
    }

    // MARK: Fixed responses

    static func text(_ status: Int, _ body: String, _ context: RequestContext) -> Answer {
        // The text is the configuration's, and so is what it is.
        let isTyped = context.found.answerFields.replaces("Content-Type")
        let fields = isTyped ? [] : [("Content-Type", "text/plain; charset=utf-8")]
        return Answer(
            .response(status: status, fields: fields, body: Array(body.utf8)), .normal)
    }

    static func redirect(_ status: Int, _ location: String) -> Answer {
        Answer(.response(status: status, fields: [("Location", location)], body: []), .normal)
    }

    /// Which requests a page of another origin may make, or which methods are served (RFC 9110
    /// §9.3.7).
    static func options(_ fields: [CrossOriginRule.Field]) -> Answer {
        Answer(.response(status: 204, fields: fields, body: []), .normal)
    }

    /// A JSON object that nobody keeps.
    static func json(_ body: [UInt8]) -> Answer {
        Answer(fresh(200, "application/json", body), .normal)
    }

    /// `{"ticket":"…","expires_in":30}`.
    static func ticket(_ ticket: String) -> Answer {
        var body: [UInt8] = []
        body.beginJSONObject()
        body.appendMember("ticket", ticket)
        body.appendMember("expires_in", Int(TokenSettings.ticketLifetime.components.seconds))
        body.endJSONObject()
        return json(body)
    }

    /// A request that should begin a session of Engine.IO and cannot.
    static func engineError(_ error: EngineError) -> Answer {
        Answer(fresh(400, "application/json", error.body), .protocolError, detail: error.word)
    }

    private static func fresh(_ status: Int, _ type: String, _ body: [UInt8]) -> Form {
        .response(
            status: status, fields: [("Content-Type", type), ("Cache-Control", "no-store")],
            body: body)
    }

    // MARK: Refusals

    /// Ends a request in the way its kind can understand.
    static func refusal(
        _ refusal: Refusal, head: RequestHead, context: RequestContext
    ) -> Answer {
        let loop = context.thread.loop
        let form = RefusalForm(
            of: refusal, isWebSocket: context.origin.isWebSocket, isOpen: context.opened != nil,
            isEventStream: context.isEventStream,
            hasRejection: refusal.notice != nil, by: context.routeSettings,
            opensEngine: context.speaksSocketIO
                && EngineHandshake(head).objection(isWebSocket: true) == nil)
        switch form {
        case .socket:
            return socket(
                refusal.reason, refusal.detail,
                messages: LastWords(context: context).messages(
                    of: refusal, to: head, session: loop.newIdentifier()), head, context)
        case .rejectionEvent: return rejectionEvent(refusal)
        // Each client is told another time, so that not all come back at once.
        case .comeBack:
            return eventStream(
                StreamEnding(
                    refusal.reason, detail: refusal.detail,
                    comingBack: .after(
                        milliseconds: 1000 * ((refusal.retryAfterSeconds ?? 1) - 1)
                            + loop.reconnectDelayMilliseconds())))
        case .status: return status(refusal, head, context)
        }
    }

    /// Who visits a page without a good token is led to `login`, where there is one.
    private static func status(
        _ refusal: Refusal, _ head: RequestHead, _ context: RequestContext
    ) -> Answer {
        guard refusal.status == 401, let login = refusal.login else {
            return problem(refusal, head: head, context)
        }
        return Answer(
            .response(
                status: 302,
                fields: [
                    ("Location", login), ("Cache-Control", "no-store"), ("Vary", PageVisit.vary),
                ], body: []),
            refusal.reason, detail: refusal.detail)
    }

    private static func rejectionEvent(_ refusal: Refusal) -> Answer {
        let notice = refusal.notice
        return eventStream(
            StreamEnding(
                refusal.reason, detail: refusal.detail, message: notice?.object,
                comingBack: notice?.retryMilliseconds.map { .after(milliseconds: $0) } ?? .never),
            event: notice?.event, isLast: true)
    }

    /// A page for who visits one, else a problem document.
    ///
    /// - Parameter head: nil for one that could not be read.
    static func problem(
        _ refusal: Refusal, head: RequestHead?, _ context: RequestContext
    ) -> Answer {
        var fields: [Field] = [("Cache-Control", "no-store"), ("Vary", PageVisit.vary)]
        if let challenge = refusal.challenge { fields.append(("WWW-Authenticate", challenge)) }
        if let seconds = refusal.retryAfterSeconds {
            fields.append(("Retry-After", String(seconds)))
        }
        if refusal.status == 405 {
            fields.append(("Allow", refusal.allow.joined(separator: ", ")))
        }
        if refusal.status == 426 { fields.append(("Sec-WebSocket-Version", "13")) }
        let body: [UInt8]
        if let head, PageVisit.isOne(head) {
            let wanted = LanguagePreference(acceptLanguage: head.fields.text(of: .acceptLanguage))
            let language = wanted.best(of: ErrorPage.languages)
            body = ErrorPage.encode(refusal, requestID: context.origin.id, language: language)
            fields += [
                ("Content-Type", ErrorPage.contentType), ("Content-Language", language),
                ("Content-Security-Policy", ErrorPage.contentSecurityPolicy),
                ("X-Content-Type-Options", "nosniff"),
            ]
        } else {
            body = ProblemDocument.encode(refusal, requestID: context.origin.id)
            fields.append(("Content-Type", ProblemDocument.contentType))
        }
        return Answer(
            .response(status: refusal.status, fields: fields, body: body), refusal.reason,
            detail: refusal.detail)
    }

    /// A WebSocket that is completed only to be told why it may not stay.
    private static func socket(
        _ reason: EndReason, _ detail: String?, messages: [[UInt8]], _ head: RequestHead,
        _ context: RequestContext, isLast: Bool = false
    ) -> Answer {
        // Admission let only proper handshakes pass.
        let handshake = context.opened == nil ? Handshake(head) : nil
        return Answer(
            .socket(handshake, messages: messages), reason, detail: detail, isLast: isLast)
    }

    /// A WebSocket or an event stream is ended by rule before its response has begun: the same is
    /// said in an answer of our own.
    static func ending(
        _ end: StreamEnding, head: RequestHead, context: RequestContext
    ) -> Answer {
        guard context.origin.isWebSocket else { return eventStream(end, isLast: true) }
        let messages = LastWords(context: context).messages(
            of: end, session: context.thread.loop.newIdentifier())
        return socket(end.reason, end.detail, messages: messages, head, context, isLast: true)
    }

    /// A 200 whose only event says why the stream ends.
    private static func eventStream(
        _ end: StreamEnding, event: String? = nil, isLast: Bool = false
    ) -> Answer {
        var body: [UInt8] = []
        end.append(event: event ?? "force_disconnect", to: &body)
        return Answer(
            fresh(200, "text/event-stream", body), end.reason, detail: end.detail, isLast: isLast)
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
