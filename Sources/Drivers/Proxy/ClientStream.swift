internal import Bytes
internal import Endings
internal import HTTP
internal import HTTP1
internal import Loop
internal import Relays
internal import Transport
internal import WebSocket

/// One request of a client and the way back, whatever connection carries it: its body read, its
/// answer written, or both made a tunnel. Exchanges, answers and handshakes steer the client's
/// connection by this alone.
///
/// What is written stands in the worker's scratch until `flush`.
enum ClientStream {
    case http1(HTTP1Client)

    /// Octets that the client has not taken yet.
    var waiting: Int { http1.stream.pendingCount }

    private var loop: Loop { http1.loop }

    private var http1: HTTP1Client {
        switch self {
        case .http1(let client): client
        }
    }

    // MARK: The request

    /// More of the request's body is to come, unless it is declined.
    var lacksBody: Bool { http1.http.lacksBody }

    /// It is the client's turn to send more of the body.
    var isBodyDue: Bool { http1.http.waitsFor == .body }

    /// The body is read, up to so many octets.
    ///
    /// - Throws: a refusal when the request says that it has more.
    func wantBody(atMost size: Int) throws(Refusal) {
        do throws(RequestError) {
            try http1.http.wantBody(atMost: size)
        } catch {
            throw error.refusal
        }
    }

    /// The next event of the request at hand; nil when more is needed.
    func receive(_ octets: Span<UInt8>, at index: inout Int) throws(RequestError) -> RequestEvent? {
        try http1.http.receive(octets, at: &index)
    }

    /// Tells a client that waits for it to send the body.
    func allowBody() {
        var output: [UInt8] = []
        if http1.http.appendContinue(to: &output) { http1.stream.send(output.span) }
    }

    /// Throws away what belongs to a body that was declined. What comes behind a request, or for a
    /// WebSocket that is open, is left alone.
    func skip(_ octets: Span<UInt8>, at index: inout Int) {
        if !http1.http.isTunnel { _ = try? http1.http.receive(octets, at: &index) }
    }

    /// Nobody wants the rest of the body.
    func discardBody() { http1.http.discardBody() }

    /// The rest of the body has not come in time.
    ///
    /// - Returns: true when an answer can say so.
    func giveUpRequest() -> Bool { http1.http.giveUpRequest() }

    // MARK: The answer

    /// The answer at hand, or the next one, is the last.
    var isLast: Bool { http1.http.isLast }

    /// - Parameter leavingRest: what comes behind the request is none, whatever the answer is.
    func makeLast(leavingRest: Bool = false) { http1.http.makeLast(leavingRest: leavingRest) }

    /// Writes the head of a response; `end` is to follow, unless it is informational.
    ///
    /// - Returns: false when no such response can be given, see `ServerConnection.beginHead`.
    func respond(_ response: ClientResponse) -> Bool {
        let date = response.needsDate ? loop.date : []
        return response.append(date: date, by: &http1.http, to: &loop.scratch)
    }

    /// Writes the head that makes the connection a WebSocket.
    ///
    /// - Returns: false when the request has not asked for that.
    func becomeTunnel(_ answer: ClientResponse.Handshake) -> Bool {
        answer.append(by: &http1.http, to: &loop.scratch)
    }

    /// Puts octets of the response's body, framed, behind what waits in the scratch; large pieces
    /// that need no framing go without being copied.
    func send(_ data: Span<UInt8>) {
        switch http1.http.passage(of: data.count, to: &loop.scratch) {
        case .chunk:
            loop.scratch.append(copying: data)
            HeadEncoder.appendChunkEnd(to: &loop.scratch)
        case .bare where data.count > Self.copiedSize:
            flush()
            http1.stream.send(data)
        case .bare: loop.scratch.append(copying: data)
        case .withheld, nil: break
        }
    }

    /// More octets than these are rather sent for themselves than copied.
    private static let copiedSize = 8 * 1024

    /// Writes the end of the response. What follows is to be asked for by `answered`.
    func end(trailers: Fields? = nil) {
        http1.http.end(trailers: trailers, to: &loop.scratch)
    }

    /// Sends what was written.
    func flush() { http1.loop.sendScratch(on: http1.stream) }

    // MARK: Answers of the gateway's own

    /// Writes an answer of the gateway's own, and the line of the log; then goes on, or ends.
    func give(_ answer: Answer, to context: RequestContext) {
        // Of a request that ends here nothing goes on to its upstream any more.
        loop.clearScratch()
        if let detail = answer.detail { context.outcome.detail = detail }
        if answer.isLast { http1.http.makeLast() }
        switch answer.form {
        case .response(let status, let fields, let body):
            write(status, fields, body, context)
            context.outcome.status = status
            context.outcome.octetsOut = body.count
            http1.thread.record(context, answer.reason)
            http1.answered()
        case .socket(let handshake, let messages):
            if context.opened == nil, !complete(handshake, context) {
                return http1.close()
            }
            for message in messages {
                FrameEncoder.appendMessage(.text, message.span, to: &loop.scratch)
            }
            FrameEncoder.appendClose(
                code: answer.reason.closeCode, reason: answer.detail ?? answer.reason.rawValue,
                to: &loop.scratch)
            flush()
            context.outcome.status = 101
            http1.thread.record(context, answer.reason)
            http1.begin(ClosingSocket(opened: context.opened))
        }
    }

    private func write(
        _ status: Int, _ fields: [Answer.Field], _ body: [UInt8], _ context: RequestContext
    ) {
        let response = ClientResponse(
            head: .own(status: status, fields: fields), context: context,
            length: status == 304 ? nil : body.count)
        guard respond(response) else { return http1.http.cut() }
        send(body.span)
        end()
        flush()
    }

    /// False when it is no proper handshake.
    private func complete(_ handshake: Answer.Handshake?, _ context: RequestContext) -> Bool {
        guard let handshake else { return false }
        return becomeTunnel(
            ClientResponse.Handshake(
                accept: handshake.accept, subprotocol: handshake.subprotocol,
                context: context))
    }
}

extension HTTP1Client {
    /// The request at hand.
    var request: ClientStream { .http1(self) }
}

extension ClosingSocket {
    /// - Parameter opened: what has read the WebSocket's messages before, where it was opened.
    fileprivate convenience init(opened: OpenedSocket?) {
        self.init(reader: opened.map { .messages($0.reader) } ?? .frames(FrameRelay(from: .client)))
    }
}
