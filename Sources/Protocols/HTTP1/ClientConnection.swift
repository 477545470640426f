import Bytes
package import HTTP

/// One connection to a server, as its client sees it (RFC 9112): requests go in as values and leave
/// as octets, octets come in and leave as events. It knows no socket and no time; whoever has those
/// sends what is written, reports what became of it, and feeds what comes.
///
///     request:   idle --beginHead--> head --endHead--> body --end--> whole
///                head --endHead, without a body--> whole     any --sent no further--> abandoned
///     response:  idle --beginHead--> awaiting --informational--> awaiting
///                awaiting --head--> body --end--> whole      awaiting --switch--> tunnel
///                any but tunnel --error--> dead      awaiting, body --end of input--> dead
///
/// When both are whole, `rest` says whether the connection carries another request: then
/// `beginHead` begins again. Until then `retryObstacle` says why a request cannot be sent again
/// on another connection. How a request is framed, and by which fields that is told, is decided
/// here (RFC 9112 §6); how a response is, too.
package struct ClientConnection: ~Copyable {
    private enum Request: Sendable {
        case idle
        case head(RequestOutline)
        case body(BodyEncoder)
        case whole
        /// No more of it is sent.
        case abandoned
    }

    private enum Response: Sendable {
        case idle
        case awaiting
        /// `body` reads it.
        case body
        case whole
        case tunnel
        case dead(ResponseError)
    }

    /// What the request at hand makes of an answer.
    private struct Question: Sendable {
        var method = Method.get
        var upgrade: String?
        var awaitsContinue = false
    }

    /// What was written and not reported as sent yet.
    private struct Written: Sendable {
        var hasHead = false
        var hasBody = false
        var isLast = false
    }

    private let limits: Limits
    private var request = Request.idle
    private var response = Response.idle
    private var question = Question()
    private var written = Written()
    private var heads: ResponseHeadDecoder
    /// Beside the state, so that it is changed where it is for every piece that comes.
    private var body = ResponseBody()
    /// Nil before the first request.
    private var use: UpstreamUse?
    /// Requests that were begun.
    private var requestCount = 0
    private var informationalCount = 0
    /// How much of an answer to the request at hand came.
    package private(set) var answer = Answer.nothing
    package private(set) var hasInputEnded = false

    package init(limits: Limits = Limits()) {
        self.limits = limits
        heads = ResponseHeadDecoder(limits: limits.head)
    }
}

// MARK: Requests

extension ClientConnection {
    /// Writes the first line of a request. Behind it the caller writes the field lines of the
    /// request (`HeadEncoder`), but none that are the connection's to say (see `RequestOutline`).
    package mutating func beginHead(
        _ outline: RequestOutline, target: String, to output: inout [UInt8]
    ) throws(SendError) {
        guard !isUnderWay else { throw .outOfOrder }
        guard !rest.isRefused else { throw .spent }
        guard outline.isLegal,
            HeadEncoder.appendRequestLine(
                method: outline.method.name, target: target, to: &output)
        else { throw .illegalHead }
        requestCount += 1
        use = UpstreamUse(
            method: outline.method, framing: outline.framing, isReused: isReused,
            isLast: outline.isLast)
        question = Question(
            method: outline.method, upgrade: outline.upgrade,
            awaitsContinue: outline.expectsContinue)
        request = .head(outline)
        response = .awaiting
        answer = .nothing
        written = Written(hasHead: true)
        informationalCount = 0
        body.room = limits.bodySize ?? .max
    }

    /// Writes the rest of the head. A request without a body, or with an empty one, is whole then.
    package mutating func endHead(to output: inout [UInt8]) throws(SendError) {
        guard case .head(let outline) = request else { throw .outOfOrder }
        outline.appendFields(to: &output)
        HeadEncoder.appendEnd(to: &output)
        let framing = outline.framing
        request = framing.isEmpty ? .whole : .body(BodyEncoder(framing))
    }

    /// True when data stands between octets of its framing: what is small is better copied between
    /// them than sent for itself.
    package var framesData: Bool {
        switch request {
        case .body(let encoder): encoder.framesData
        case .idle, .head, .whole, .abandoned: false
        }
    }

    /// Writes what stands in front of `count` octets of the body, which the caller sends next.
    package mutating func beginData(_ count: Int, to output: inout [UInt8]) throws(SendError) {
        guard case .body(var encoder) = request else { throw .outOfOrder }
        do throws(BodyMismatch) {
            try encoder.beginData(count, to: &output)
        } catch {
            abandonRequest()
            throw .body(error)
        }
        request = .body(encoder)
        if count > 0 {
            question.awaitsContinue = false
            written.hasBody = true
        }
    }

    /// Writes what stands behind them.
    package func endData(_ count: Int, to output: inout [UInt8]) throws(SendError) {
        guard case .body(let encoder) = request else { throw .outOfOrder }
        encoder.endData(count, to: &output)
    }

    /// Writes octets of the body with all that belongs to them.
    package mutating func send(
        _ data: Span<UInt8>, to output: inout [UInt8]
    ) throws(SendError) {
        try beginData(data.count, to: &output)
        output.append(copying: data)
        try endData(data.count, to: &output)
    }

    /// Writes the end of the body. Trailers travel behind chunks only.
    package mutating func end(
        trailers: Fields? = nil, to output: inout [UInt8]
    ) throws(SendError) {
        guard case .body(var encoder) = request else { throw .outOfOrder }
        do throws(BodyMismatch) {
            try encoder.end(trailers: trailers, to: &output)
        } catch {
            abandonRequest()
            throw .body(error)
        }
        request = .whole
        question.awaitsContinue = false
        written.hasBody = true
        written.isLast = true
    }

    /// All that was written since the last time was handed to the connection.
    ///
    /// - Parameter isTaken: false when the connection did not take some of it; of a head, when it
    ///   did not take a single octet.
    package mutating func wasSent(isTaken: Bool) {
        if written.hasHead { use?.headSent(isTaken: isTaken) }
        if written.hasBody { use?.bodySent(isLast: written.isLast, isTaken: isTaken) }
        written = Written()
        if !isTaken, !isRefused { sendFailed() }
    }

    /// The connection gave up on octets that it had taken, and takes no more. An answer may have
    /// come before that, and is waited for.
    package mutating func sendFailed() {
        use?.sendFailed()
        if !isRequestWhole { abandonRequest() }
    }

    /// No more of the request is sent, although it is not whole: its answer says that nobody wants
    /// it (RFC 9112 §9.5), or whoever had it is gone.
    package mutating func abandonRequest() {
        question.awaitsContinue = false
        switch request {
        case .head, .body: request = .abandoned
        case .idle, .whole, .abandoned: break
        }
    }
}

// MARK: Responses

extension ClientConnection {
    /// The next event; nil when more is needed.
    ///
    /// Call it until it answers nil, also when all of the input was read: an end comes by itself.
    /// `index` is moved past what was read. After an error the same is thrown for ever, and the
    /// connection must be closed.
    ///
    /// - Parameter unsentCount: octets of the request that wait for the kernel to take them.
    package mutating func receive(
        _ input: Span<UInt8>, at index: inout Int, unsentCount: Int = 0
    ) throws(ResponseError) -> ResponseEvent? {
        do throws(ResponseError) {
            switch response {
            case .idle, .whole:
                try refuseUnasked(input, at: &index)
                return nil
            case .awaiting: return try nextHead(input, at: &index, unsentCount: unsentCount)
            case .body: return try nextPart(input, at: &index)
            case .tunnel: return nil
            case .dead(let error): throw error
            }
        } catch {
            response = .dead(error)
            throw error
        }
    }

    private mutating func refuseUnasked(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(ResponseError) {
        guard index < input.count else { return }
        let unasked = input.extracting(index..<input.count)
        index = input.count
        use?.responseEnded(surplusCount: unasked.count)
        throw UnaskedResponse.isTimeout(unasked) ? .unaskedTimeout : .unasked
    }

    private mutating func nextHead(
        _ input: Span<UInt8>, at index: inout Int, unsentCount: Int
    ) throws(ResponseError) -> ResponseEvent? {
        guard index < input.count else { return nil }
        use?.octetsCame()
        if answer == .nothing { answer = .begun }
        guard let head = try takeHead(input, at: &index) else { return nil }
        if head.status == 101 { return try switchProtocols(head) }
        if head.isInformational { return try note(informational: head) }
        question.awaitsContinue = false
        if question.method == .connect, head.status < 300 { return openTunnel(head) }
        return try begin(head, unsentCount: unsentCount)
    }

    private mutating func takeHead(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(ResponseError) -> ResponseHead? {
        do throws(HeadError) {
            return try heads.decode(input, at: &index)
        } catch {
            throw .head(error)
        }
    }

    private mutating func begin(
        _ head: consuming ResponseHead, unsentCount: Int
    ) throws(ResponseError) -> ResponseEvent {
        let framing: BodyFraming
        do throws(HeadError) {
            framing = try head.bodyFraming(requestMethod: question.method)
        } catch {
            throw .head(error)
        }
        answer = .head
        use?.headCame(
            status: head.status, framing: framing, allowsKeepAlive: head.allowsKeepAlive,
            unsentCount: unsentCount)
        body.decoder = BodyDecoder(framing)
        response = .body
        // Told behind the head, which may be all that the caller wants to know.
        if case .length(let length) = framing, length > body.room {
            response = .dead(.bodyTooLarge)
        }
        return .head(head, framing)
    }

    private mutating func note(
        informational head: ResponseHead
    ) throws(ResponseError) -> ResponseEvent {
        guard informationalCount < limits.informationalCount else { throw .tooManyInformational }
        informationalCount += 1
        answer = .informational
        use?.informationalCame(allowsKeepAlive: head.allowsKeepAlive)
        if head.status == 100 { question.awaitsContinue = false }
        return .informational(head)
    }

    /// 101 answers an offer, names the protocol, and comes behind the whole request
    /// (RFC 9110 §7.8).
    private mutating func switchProtocols(_ head: ResponseHead) throws(ResponseError)
        -> ResponseEvent
    {
        guard let offer = question.upgrade, isRequestWhole,
            head.fields.list(.upgrade, contains: offer)
        else { throw .unaskedSwitch }
        return openTunnel(head)
    }

    private mutating func openTunnel(_ head: ResponseHead) -> ResponseEvent {
        response = .tunnel
        answer = .tunnel
        return .tunnel(head)
    }

    private mutating func nextPart(
        _ input: Span<UInt8>, at index: inout Int
    ) throws(ResponseError) -> ResponseEvent? {
        let part: BodyEvent?
        do throws(BodyError) {
            part =
                try body.decoder.isComplete
                ? .end(trailers: nil) : body.decoder.decode(input, at: &index)
        } catch {
            throw .body(error)
        }
        switch part {
        case .data(let range):
            guard range.count <= body.room else { throw .bodyTooLarge }
            body.room -= range.count
            return .data(range)
        case .end(let trailers):
            response = .whole
            answer = .whole
            use?.responseEnded(surplusCount: input.count - index)
            return .end(trailers: trailers)
        case nil: return nil
        }
    }

    /// The server finished sending.
    package mutating func inputEnded() -> InputEnd { ended(isBroken: false) }

    /// The connection is broken, or its end may be somebody else's: no body is framed by that.
    package mutating func connectionBroke() -> InputEnd { ended(isBroken: true) }

    private mutating func ended(isBroken: Bool) -> InputEnd {
        hasInputEnded = true
        use?.connectionEnded()
        switch response {
        case .idle, .whole, .dead: return .idle
        case .tunnel: return .tunnel
        case .awaiting:
            let end: InputEnd = answer == .nothing ? .unanswered : .early
            response = .dead(.ended)
            return end
        case .body:
            do throws(BodyError) {
                if isBroken, !body.decoder.isComplete { throw .incomplete }
                try body.decoder.inputEnded()
            } catch {
                response = .dead(.body(.incomplete))
                return .truncated
            }
            response = .whole
            answer = .whole
            use?.responseEnded(surplusCount: 0)
            return .complete
        }
    }
}

// MARK: Questions

extension ClientConnection {
    /// A request was begun, and request and answer are not whole both.
    package var isUnderWay: Bool {
        switch (request, response) {
        case (.idle, _), (.whole, .whole), (_, .dead): false
        case (.head, _), (.body, _), (.abandoned, _), (.whole, .idle), (.whole, .awaiting),
            (.whole, .body), (.whole, .tunnel):
            true
        }
    }

    /// All of the request was written.
    package var isRequestWhole: Bool {
        if case .whole = request { true } else { false }
    }

    /// More of the request's body is to be sent.
    package var wantsBody: Bool {
        if case .body = request { true } else { false }
    }

    /// The server has not said yet whether it wants the body, of which nothing was sent. How long
    /// that is waited for is for the caller to say (RFC 9110 §10.1.1).
    package var awaitsContinue: Bool { question.awaitsContinue }

    /// The connection did not take a single octet of the request: nobody saw it.
    package var isRefused: Bool { use?.isRefused ?? false }

    /// A request was sent before the one at hand.
    package var isReused: Bool { requestCount > 1 }

    /// Why the request may not be sent once more; nil when it may, or when there is none. See
    /// `UpstreamUse.retryObstacle`.
    package func retryObstacle(
        keepsBody: Bool, isHeard: Bool = true
    ) -> UpstreamUse.RetryObstacle? {
        use?.retryObstacle(keepsBody: keepsBody, isHeard: isHeard)
    }

    /// Whether the connection carries another request.
    package var rest: UpstreamUse.Rest {
        if let use { return use.rest }
        switch response {
        case .dead: return .refused(.surplus)
        case .idle, .awaiting, .body, .whole, .tunnel: break
        }
        return hasInputEnded ? .refused(.ended) : .open
    }

    /// Octets of a head or of trailers that are not whole yet.
    package var keptCount: Int {
        switch response {
        case .body: body.decoder.keptCount
        case .idle, .awaiting, .whole, .tunnel, .dead: heads.keptCount
        }
    }
}

/// The body of a response, as it comes.
private struct ResponseBody: Sendable {
    var decoder = BodyDecoder(.none)
    /// Octets that it may still have.
    var room = Int.max
}
