internal import Bytes
internal import Clock
internal import Endings
internal import EventStream
internal import HTTP
internal import HTTP1
internal import Identity
internal import JWT
internal import Routing
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams

/// The way back: from the upstream's octets to the client's.
extension Exchange {
    func upstreamSent(_ octets: Span<UInt8>, in worker: Worker) {
        worker.scratch.removeAll(keepingCapacity: true)
        // Whatever is not sent by then is nobody's.
        defer { worker.scratch.removeAll(keepingCapacity: true) }
        use.octetsCame()
        // An answer comes: the request is not sent again.
        buffer = nil
        var index = 0
        while index < octets.count, !hasEnded {
            switch response {
            case .awaiting:
                guard readHead(octets, at: &index, in: worker) else {
                    // An informational response may have come before.
                    if !hasEnded { sendScratch(worker) }
                    return
                }
            case .streaming(var body):
                let isWhole = readBody(&body, octets, at: &index, in: worker)
                if hasEnded { return }
                if isWhole { return completed(trailing: octets.count - index, in: worker) }
                response = .streaming(body)
            case .complete: return
            }
        }
        sendScratch(worker)
        if events?.pendingEnd != nil {
            endIfPending(in: worker)
        } else if events != nil, worker.isDraining {
            drain(in: worker)
        }
        if !hasEnded { watchFlow(in: worker) }
    }

    /// False when there is no whole head, or the exchange went another way.
    private func readHead(
        _ octets: Span<UInt8>, at index: inout Int, in worker: Worker
    ) -> Bool {
        guard let upstream else { return false }
        do throws(HeadError) {
            guard let head = try upstream.decoder.decode(octets, at: &index) else { return false }
            if head.status == 101 {
                let rest = octets.extracting(index..<octets.count)
                switchProtocols(head, rest: rest, in: worker)
                return false
            }
            if head.isInformational {
                // Of others the client has still to be told that the body is wanted.
                if head.status == 100 { awaitsContinue = false }
                use.informationalCame(allowsKeepAlive: head.allowsKeepAlive)
                if context.opened != nil { return true }
                ClientResponse.appendInformational(head, context: context, to: &worker.scratch)
                watchServer(hasMoved: true, in: worker)
                return true
            }
            if context.opened != nil {
                fail(.socketRefused(status: head.status), in: worker)
                return false
            }
            let framing = try head.bodyFraming(requestMethod: self.head.method)
            use.headCame(
                status: head.status, framing: framing, allowsKeepAlive: head.allowsKeepAlive,
                unsentCount: upstream.stream.pendingCount)
            if head.authenticatesConnection { upstream.reserve(for: client) }
            begin(head, framing: framing, in: worker)
            if hasEnded { return false }
            if case .complete = response {
                completed(trailing: octets.count - index, in: worker)
                return false
            }
            return true
        } catch {
            fail(.badResponse, in: worker)
            return false
        }
    }

    private func begin(_ head: ResponseHead, framing: BodyFraming, in worker: Worker) {
        context.status = head.status
        if case .streaming = request { client.makeLast() }
        let body = BodyDecoder(framing)
        let hasEventType = head.fields.mediaType(is: "text/event-stream")
        let isStream =
            head.status == 200 && hasEventType && context.kind.mayBeEvents && !isUnattended
        let lasts = isStream && !body.isComplete
        isOpenEnded = lasts || hasEventType || plan.route.settings.kind == .stream
        clientFraming = framing.relayed(isLengthOpen: lasts, minorVersion: context.minorVersion)
        if clientFraming == .untilClose { client.makeLast() }
        if isStream, framing != .none, !mayStay(head.fields, in: worker) { return }
        ClientResponse.append(
            head, framing: clientFraming, isLast: client.isLastRequest, context: context,
            date: worker.date, to: &worker.scratch)
        response = body.isComplete ? .complete : .streaming(body)
        if isOpenEnded { upstream?.clearDeadline() }
        if lasts {
            beginEvents(head.fields, in: worker)
        } else if isOpenEnded, context.kind.isDownload, !body.isComplete, !isUnattended {
            try? context.becomeLive(as: .stream, client, self.head, in: worker)
        } else {
            context.release(in: worker)
        }
    }

    /// A stream for which nobody asked in so many words counts as well: it takes a seat where those
    /// are limited, and its place among what lives. False when it has ended for that, because
    /// there is no seat, or the token was revoked; or because nobody can be asked who reads it.
    private func mayStay(_ fields: Fields, in worker: Worker) -> Bool {
        if client.hasFinished, fields.hasContentCoding {
            leave(.normal, in: worker)
            return false
        }
        do throws(Refusal) {
            try plan.latecomer?.admitLate(in: worker)
            guard context.life.place == nil else { return true }
            context.noteLanguages(of: head)
            try context.becomeLive(as: .eventStream, client, head, in: worker)
            return true
        } catch {
            closeUpstream(in: worker)
            hasEnded = true
            Answer.refuse(error, head: head, context: context, to: client, in: worker)
            return false
        }
    }

    /// True when the body is whole.
    private func readBody(
        _ body: inout BodyDecoder, _ octets: Span<UInt8>, at index: inout Int, in worker: Worker
    ) -> Bool {
        do throws(BodyError) {
            while let event = try body.decode(octets, at: &index) {
                switch event {
                case .data(let range): forward(octets.extracting(range), in: worker)
                case .end(let trailers):
                    appendBodyEnd(trailers: trailers, in: worker)
                    return true
                }
            }
        } catch {
            sendScratch(worker)
            fail(.badResponse, in: worker)
            return false
        }
        if body.isComplete {
            appendBodyEnd(trailers: nil, in: worker)
            return true
        }
        return false
    }

    private func forward(_ data: Span<UInt8>, in worker: Worker) {
        if events != nil { return forwardEvents(data, in: worker) }
        send(data, in: worker)
    }

    /// Puts data of the response's body behind what waits in the scratch; large pieces that need
    /// no framing go without being copied.
    func send(_ data: Span<UInt8>, in worker: Worker) {
        if isUnattended { return }
        context.octetsOut += data.count
        if clientFraming == .chunked {
            HeadEncoder.appendChunkHeader(size: data.count, to: &worker.scratch)
            worker.scratch.append(copying: data)
            HeadEncoder.appendChunkEnd(to: &worker.scratch)
        } else if data.count > 8 * 1024 {
            sendScratch(worker)
            client.stream.send(data)
        } else {
            worker.scratch.append(copying: data)
        }
    }

    private func appendBodyEnd(trailers: Fields?, in worker: Worker) {
        if events != nil { flushEvents(in: worker) }
        if clientFraming == .chunked {
            let trailers = trailers.map { ClientResponse.trailers($0, context) }
            HeadEncoder.appendLastChunk(trailers: trailers, to: &worker.scratch)
        }
    }

    func sendScratch(_ worker: Worker) {
        if worker.scratch.isEmpty { return }
        client.stream.send(worker.scratch.span)
        worker.scratch.removeAll(keepingCapacity: true)
    }

    /// After octets went on: deadlines move, and a client that does not read stops the upstream.
    private func watchFlow(in worker: Worker) {
        // Of events nothing has to be watched unless some of them wait here.
        let isQuiet =
            events != nil && client.stream.pendingCount == 0 && !client.interest.isWritable
        if isQuiet { client.countMemory(in: worker) } else { client.updateInterest(in: worker) }
        upstream?.updateInterest(in: worker)
        watchServer(hasMoved: true, in: worker)
        if events != nil { noteQueue(in: worker) }
    }

    private func completed(trailing: Int, in worker: Worker) {
        sendScratch(worker)
        response = .complete
        use.responseEnded(surplusCount: trailing)
        releaseUpstream(in: worker)
        if !isRequestWhole { client.makeLast(leavingRest: true) }
        conclude(.normal, in: worker)
        client.answered(in: worker)
        client.updateInterest(in: worker)
    }

    // MARK: The upstream's end

    func upstreamInputEnded(in worker: Worker) {
        use.connectionEnded()
        switch response {
        case .awaiting:
            if canRetry { return retry(in: worker) }
            fail(.closedEarly, in: worker)
        case .streaming(var body):
            do throws(BodyError) {
                worker.scratch.removeAll(keepingCapacity: true)
                try body.inputEnded()
                appendBodyEnd(trailers: nil, in: worker)
                completed(trailing: 0, in: worker)
            } catch {
                fail(.cut, in: worker)
            }
        case .complete: break
        }
    }

    func upstreamLost(in worker: Worker) {
        switch response {
        case .awaiting:
            if canRetry { return retry(in: worker) }
            fail(.closedEarly, in: worker)
        case .streaming: fail(.cut, in: worker)
        case .complete: break
        }
    }

    // MARK: Failures

    enum Failure {
        case unreachable
        /// Closed before it answered.
        case closedEarly
        /// Answered with something that is no HTTP.
        case badResponse
        /// Did not take the request in time.
        case takesNothing
        /// Did not answer in time.
        case silent
        /// Did not go on with its response in time.
        case paused
        /// Broke off in the middle of its response.
        case cut
        /// Answered the handshake of a socket that is open here with another status than 101.
        case socketRefused(status: Int)
        /// The process stops while it waits for a server.
        case draining
        /// The process stops before the server has answered.
        case unfinished
        /// Its token came to its end while it waits for a server.
        case tokenExpired
        case badRequest(BodyError)
        case bodyTooBig
        /// There is no memory for it.
        case overloaded
        /// There is no descriptor, port or memory of the system's for another connection.
        case exhausted
        /// It is ended by rule.
        case ended(Disconnection)

        var refusal: Refusal {
            switch self {
            case .unreachable:
                Refusal(
                    .upstreamUnavailable, status: 502, detail: "unreachable",
                    message: "The application cannot be reached", retryAfterSeconds: 1)
            case .closedEarly:
                Refusal(
                    .upstreamUnavailable, status: 502, detail: "closed_early",
                    message: "The application closed the connection")
            case .badResponse:
                Refusal(
                    .upstreamUnavailable, status: 502, detail: "bad_response",
                    message: "The application's answer is no valid HTTP")
            case .takesNothing:
                Refusal(
                    .upstreamUnavailable, status: 504, detail: "takes_nothing",
                    message: "The application did not take the request in time")
            case .silent:
                Refusal(
                    .upstreamUnavailable, status: 504, detail: "timeout",
                    message: "The application did not answer in time")
            case .paused:
                Refusal(
                    .upstreamUnavailable, status: 504, detail: "pause",
                    message: "The application did not go on with its answer in time")
            case .cut:
                Refusal(
                    .upstreamUnavailable, status: 502, detail: "cut",
                    message: "The application broke off its answer")
            case .socketRefused(let status):
                Refusal(
                    Self.reason(ofStatus: status), detail: "status_\(status)",
                    message: "The application refused the WebSocket")
            case .draining: .draining
            case .unfinished:
                Refusal(
                    .draining, detail: "unfinished",
                    message: "The gateway stopped before the application had answered")
            case .tokenExpired: TokenError.expired.refusal
            case .badRequest(let error):
                Refusal(.protocolError, status: error.status, message: error.message)
            case .bodyTooBig:
                Refusal(.tooBig, message: "The request body is too large")
            case .overloaded: .memory
            case .exhausted:
                Refusal(
                    .overloaded, detail: "connections",
                    message: "The gateway has no connection to spare", retryAfterSeconds: 1)
            case .ended(let end): end.refusal
            }
        }

        /// What a client hears in place of a status that it cannot see any more.
        private static func reason(ofStatus status: Int) -> EndReason {
            switch status {
            case 401: .unauthenticated
            case 403: .forbidden
            case 429: .rateLimited
            case 400..<500: .policy
            default: .upstreamUnavailable
            }
        }
    }

    /// Ends the exchange without a whole response: with an error of ours when none has begun,
    /// otherwise by breaking it off, so that the client can tell.
    // Out of the way of what is done for every response.
    @inline(never)
    func fail(_ failure: Failure, in worker: Worker) {
        guard !hasEnded else { return }
        closeUpstream(in: worker)
        let refusal = failure.refusal
        context.detail = refusal.detail
        if case .awaiting = response {
            hasEnded = true
            context.release(refusal.reason.isUpstreams ? .unserved : .normal, in: worker)
            if !isRequestWhole { client.makeLast(leavingRest: true) }
            return Answer.refuse(refusal, head: head, context: context, to: client, in: worker)
        }
        conclude(refusal.reason, in: worker)
        client.close(reset: clientFraming == .untilClose, in: worker)
    }

    /// Ends the exchange because of its client, or for everybody else's sake: then the client is
    /// told, if nothing else was said yet.
    func giveUp(_ reason: EndReason, detail: String?, in worker: Worker) {
        guard !hasEnded else { return }
        if case .awaiting = response, client.stream.pendingCount == 0, reason == .overloaded {
            return fail(.overloaded, in: worker)
        }
        closeUpstream(in: worker)
        context.detail = detail
        conclude(reason, in: worker)
        client.close(reset: true, in: worker)
    }

    /// The client does not keep `body_rate`.
    func bodyTooSlow(in worker: Worker) {
        guard !hasEnded, case .streaming = request else { return }
        closeUpstream(in: worker)
        hasEnded = true
        context.release(in: worker)
        let refusal = Refusal(
            .timeout, detail: "body", message: "The request body did not come in time")
        if case .awaiting = response {
            client.makeLast()
            return Answer.refuse(refusal, head: head, context: context, to: client, in: worker)
        }
        context.detail = refusal.detail
        worker.record(context, .timeout)
        client.close(reset: clientFraming == .untilClose, in: worker)
    }

    /// Nothing more of it will come.
    private var isRequestWhole: Bool { if case .complete = request { true } else { false } }
}
