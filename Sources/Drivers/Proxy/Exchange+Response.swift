internal import Bytes
internal import Clock
internal import Endings
internal import Entry
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
    /// - Throws: an error when the head does not say how long the body is.
    func begin(
        _ head: ResponseHead, framing: BodyFraming, in worker: Worker
    ) throws(HeadError) {
        context.status = head.status
        let hasEventType = head.fields.mediaType(is: "text/event-stream")
        let isStream =
            head.status == 200 && hasEventType && context.kind.mayBeEvents && !isUnattended
        let lasts = isStream && !framing.isEmpty
        isOpenEnded = lasts || hasEventType || plan.route.settings.kind == .stream
        if isStream, framing != .none, !mayStay(head.fields, in: worker) { return }
        let length = lasts ? nil : try head.contentLength(framing)
        _ = client.request.respond(
            ClientResponse(head: .app(head), context: context, length: length), in: worker)
        response = .streaming
        if isOpenEnded { upstream?.clearDeadline() }
        if lasts {
            beginEvents(head.fields, in: worker)
        } else if isOpenEnded, context.kind.isDownload, !framing.isEmpty, !isUnattended {
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
            try RequestEntry.takeSeat(late: plan.latecomer, for: context, in: worker)
            guard context.life.place == nil else { return true }
            context.found.languages = .heard(by: head, on: context.routeSettings)
            try context.becomeLive(as: .eventStream, client, head, in: worker)
            return true
        } catch {
            closeUpstream(in: worker)
            hasEnded = true
            Answer.refuse(error, head: head, context: context, to: client, in: worker)
            return false
        }
    }

    func forward(_ data: Span<UInt8>, in worker: Worker) {
        if events != nil { return forwardEvents(data, in: worker) }
        send(data, in: worker)
    }

    func send(_ data: Span<UInt8>, in worker: Worker) {
        if isUnattended { return }
        context.octetsOut += data.count
        client.request.send(data, in: worker)
    }

    /// After octets went on: deadlines move, and a client that does not read stops the upstream.
    func watchFlow(in worker: Worker) {
        // Of events nothing has to be watched unless some of them wait here. The upstream's
        // connection sees to itself behind every read.
        if client.request.waiting == 0, !client.interest.isWritable, events != nil {
            return client.countMemory(in: worker)
        }
        client.updateInterest(in: worker)
        upstream?.updateInterest(in: worker)
        watchServer(hasMoved: true, in: worker)
        if events != nil { noteQueue(in: worker) }
    }

    func completed(trailers: Fields? = nil, in worker: Worker) {
        appEnded(in: worker)
        // It may have been ended by rule.
        if hasEnded { return }
        client.request.end(
            trailers: trailers.map { ClientResponse.trailers($0, context) }, in: worker)
        client.request.flush(in: worker)
        response = .complete
        releaseUpstream(in: worker)
        conclude(.normal, in: worker)
        client.answered(in: worker)
        client.updateInterest(in: worker)
    }

    // MARK: Failures

    func fail(_ failure: UpstreamFailure, in worker: Worker) {
        fail(
            failure.refusal, departure: failure.blame == .server ? .unserved : .normal, in: worker)
    }

    /// Ends the exchange without a whole response: with an error of ours when none has begun,
    /// otherwise by breaking it off, so that the client can tell.
    // Out of the way of what is done for every response.
    @inline(never)
    func fail(_ refusal: Refusal, departure: Departure = .normal, in worker: Worker) {
        guard !hasEnded, !endsByRule(in: worker) else { return }
        closeUpstream(in: worker)
        context.detail = refusal.detail
        if case .awaiting = response {
            hasEnded = true
            context.release(departure, in: worker)
            return Answer.refuse(refusal, head: head, context: context, to: client, in: worker)
        }
        conclude(refusal.reason, in: worker)
        client.cut(in: worker)
    }

    /// Ends the exchange because of its client, or for everybody else's sake: then the client is
    /// told, if nothing else was said yet.
    func giveUp(_ reason: EndReason, detail: String?, in worker: Worker) {
        guard !hasEnded else { return }
        if case .awaiting = response, client.request.waiting == 0, reason == .overloaded {
            return fail(.memory, in: worker)
        }
        closeUpstream(in: worker)
        context.detail = detail
        conclude(reason, in: worker)
        client.close(reset: true, in: worker)
    }

    /// The client does not keep `body_rate`.
    func bodyTooSlow(in worker: Worker) {
        guard !hasEnded, client.request.lacksBody else { return }
        closeUpstream(in: worker)
        hasEnded = true
        context.release(in: worker)
        let refusal = Refusal(
            .timeout, detail: "body", message: "The request body did not come in time")
        if client.request.giveUpRequest() {
            return Answer.refuse(refusal, head: head, context: context, to: client, in: worker)
        }
        context.detail = refusal.detail
        worker.record(context, .timeout)
        client.cut(in: worker)
    }
}
