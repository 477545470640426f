internal import Clients
internal import Endings
internal import Entry
internal import HTTP
internal import HTTP1
internal import Origins
internal import Routing
internal import Sessions
internal import Settings
internal import Upstreams

/// The way back: from the upstream's octets to the client's.
extension Exchange {
    /// - Throws: an error when the head does not say how long the body is.
    func begin(_ head: ResponseHead, framing: BodyFraming) throws(HeadError) {
        context.outcome.status = head.status
        let hasEventType = head.fields.mediaType(is: "text/event-stream")
        let isStream =
            head.status == 200 && hasEventType && context.found.kind.mayBeEvents && !isUnattended
        let lasts = isStream && !framing.isEmpty
        isOpenEnded = lasts || hasEventType || plan.route.settings.kind == .stream
        if lasts, !mayStay(head.fields) { return }
        let length = lasts ? nil : try head.contentLength(framing)
        _ = ClientResponse(head: .app(head), context: context, length: length).append(
            to: client.request)
        response = .streaming
        if isOpenEnded { upstream?.lasts(of: plan.group) }
        if lasts {
            beginEvents(head.fields)
        } else if isOpenEnded, context.found.kind.isDownload, !framing.isEmpty, !isUnattended {
            try? context.becomeLive(as: .stream, of: client.token, request.head)
            LastingUse(client: client).begin()
        } else {
            context.release()
        }
    }

    /// A stream for which nobody asked in so many words counts as well: it takes a seat where those
    /// are limited, and its place among what lives. False when it has ended for that, because
    /// there is no seat, or the token was revoked; or because nobody can be asked who reads it.
    private func mayStay(_ fields: Fields) -> Bool {
        if client.request.hasFinished, fields.hasContentCoding {
            leave(.normal)
            return false
        }
        do throws(Refusal) {
            try latecomer?.takeSeatLate()
            guard context.life.place == nil else { return true }
            context.found.languages = .heard(by: head, on: context.routeSettings)
            try context.becomeLive(as: .eventStream, of: client.token, head)
            return true
        } catch {
            closeUpstream()
            hasEnded = true
            client.refuse(error, head: head, context)
            return false
        }
    }

    func forward(_ data: Span<UInt8>) {
        if passesEvents { return forwardEvents(data) }
        send(data)
    }

    func send(_ data: Span<UInt8>) {
        if isUnattended { return }
        context.traffic.octetsOut += data.count
        client.request.send(data)
    }

    /// After octets went on: deadlines move, and a client that does not read stops the upstream.
    func watchFlow() {
        // Of events nothing has to be watched unless some of them wait here. The upstream's
        // connection sees to itself behind every read.
        if client.request.waiting == 0, !client.connection.isBlocked, passesEvents {
            return client.countMemory()
        }
        client.updateInterest()
        upstream?.updateInterest()
        watchServer(hasMoved: true)
        if passesEvents { noteQueue() }
    }

    func completed(trailers: Fields? = nil) {
        appEnded()
        // It may have been ended by rule.
        if hasEnded { return }
        client.request.end(
            trailers: trailers.map { ClientResponse.trailers($0, context) })
        client.request.flush()
        response = .complete
        releaseUpstream()
        conclude(.normal)
        client.answered()
    }

    // MARK: Failures

    func fail(_ failure: UpstreamFailure) {
        if failure.isAnswer { upstream?.noteOutcome(failure.refusal.detail, of: plan.group) }
        fail(failure.refusal, departure: failure.blame == .server ? .unserved : .normal)
    }

    /// Ends the exchange without a whole response: with an error of ours when none has begun,
    /// otherwise by breaking it off, so that the client can tell.
    // Out of the way of what is done for every response.
    @inline(never)
    func fail(_ refusal: Refusal, departure: Departure = .normal) {
        guard !hasEnded, !endsByRule() else { return }
        closeUpstream()
        context.outcome.detail = refusal.detail
        if case .awaiting = response {
            hasEnded = true
            context.release(departure)
            return client.refuse(refusal, head: head, context)
        }
        conclude(refusal.reason)
        client.cut()
    }

    /// Ends the exchange because of its client, or for everybody else's sake: then the client is
    /// told, if nothing else was said yet.
    func giveUp(_ reason: EndReason, detail: String?) {
        guard !hasEnded else { return }
        if case .awaiting = response, client.request.waiting == 0, reason == .overloaded {
            return fail(.memory)
        }
        closeUpstream()
        context.outcome.detail = detail
        conclude(reason)
        client.close(reset: true)
    }

    /// The client does not keep `body_rate`.
    func bodyTooSlow() {
        guard !hasEnded, client.request.lacksBody else { return }
        closeUpstream()
        hasEnded = true
        context.release()
        let refusal = Refusal(
            .timeout, detail: "body", message: "The request body did not come in time")
        if client.request.giveUpRequest() {
            return client.refuse(refusal, head: head, context)
        }
        context.outcome.detail = refusal.detail
        context.record(.timeout)
        client.cut()
    }
}
