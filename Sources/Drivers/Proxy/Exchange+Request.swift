internal import Bytes
internal import Clock
internal import HTTP
internal import HTTP1
internal import Settings
internal import Transport
internal import Upstreams

/// The way there: from the client's octets to the upstream's.
extension Exchange {
    // MARK: Bodies that are kept first

    /// The client sends its body to the gateway; no server is occupied meanwhile.
    func keepBody(_ size: Int, in worker: Worker) {
        buffer = BodyBuffer(capacity: size)
        if head.expectsContinue {
            context.hasContinued = true
            awaitsContinue = false
            client.stream.send("HTTP/1.1 100 Continue\r\n\r\n".utf8.span)
        }
    }

    private func fillBuffer(_ octets: Span<UInt8>, at index: inout Int, in worker: Worker) {
        guard var kept = buffer, case .streaming(var body) = request else { return }
        // Held here alone, so that it is not copied when it grows.
        buffer = nil
        let before = kept.octets.count
        do throws(BodyError) {
            try kept.fill(from: octets, at: &index, with: &body)
        } catch {
            return fail(.badRequest(error), in: worker)
        }
        context.octetsIn += kept.octets.count - before
        buffer = kept
        request = body.isComplete ? .complete : .streaming(body)
        if isBodyTooBig { return fail(.bodyTooBig, in: worker) }
        if !kept.isFilling { chooseServer(in: worker) }
    }

    private var isBodyTooBig: Bool {
        plan.route.settings.bodySize.map { context.octetsIn > $0 } ?? false
    }

    /// How the body is framed for the upstream.
    var sentFraming: BodyFraming { buffer?.framing(of: requestFraming) ?? requestFraming }

    /// Sends what is kept of the body behind the head, and lets go of it unless all of it may have
    /// to be sent once more.
    func sendKept(to upstream: UpstreamConnection, in worker: Worker) {
        guard let kept = buffer else { return }
        let isChunked = sentFraming == .chunked
        var isTaken = true
        if isChunked, !kept.octets.isEmpty {
            HeadEncoder.appendChunkHeader(size: kept.octets.count, to: &worker.scratch)
            isTaken = flushScratch(to: upstream, in: worker)
        }
        isTaken = upstream.stream.send(kept.octets.span) && isTaken
        if isChunked {
            if !kept.octets.isEmpty { HeadEncoder.appendChunkEnd(to: &worker.scratch) }
            if kept.isWhole { appendLastChunk(kept.trailers, in: worker) }
            isTaken = flushScratch(to: upstream, in: worker) && isTaken
        }
        use.bodySent(isLast: kept.isWhole, isTaken: isTaken)
        if !canRetry { buffer = nil }
    }

    private func appendLastChunk(_ trailers: Fields?, in worker: Worker) {
        HeadEncoder.appendLastChunk(
            trailers: trailers.map(UpstreamRequest.trailers(of: plan, context)), to: &worker.scratch
        )
    }

    private func flushScratch(to upstream: UpstreamConnection, in worker: Worker) -> Bool {
        if worker.scratch.isEmpty { return true }
        defer { worker.scratch.removeAll(keepingCapacity: true) }
        return upstream.stream.send(worker.scratch.span)
    }

    // MARK: Bodies as they come

    /// Forwards what `octets` hold of the request's body, from `index` on. Leaves alone what is not
    /// for this exchange, or not for now.
    func clientSent(_ octets: Span<UInt8>, at index: inout Int, in worker: Worker) {
        if case .abandoned = request { return index = octets.count }
        if buffer?.isFilling == true { return fillBuffer(octets, at: &index, in: worker) }
        guard wantsClientInput, let upstream, case .streaming(var body) = request else { return }
        awaitsContinue = false
        worker.scratch.removeAll(keepingCapacity: true)
        // What one client says is never left for another to be sent.
        defer { worker.scratch.removeAll(keepingCapacity: true) }
        let before = context.octetsIn
        var isTaken = true
        do throws(BodyError) {
            while let event = try body.decode(octets, at: &index) {
                switch event {
                case .data(let range):
                    isTaken =
                        forward(octets.extracting(range), to: upstream, in: worker) && isTaken
                case .end(let trailers):
                    if requestFraming == .chunked { appendLastChunk(trailers, in: worker) }
                }
            }
        } catch {
            return fail(.badRequest(error), in: worker)
        }
        request = body.isComplete ? .complete : .streaming(body)
        if isBodyTooBig { return fail(.bodyTooBig, in: worker) }
        isTaken = flushScratch(to: upstream, in: worker) && isTaken
        if body.isComplete || context.octetsIn > before {
            use.bodySent(isLast: body.isComplete, isTaken: isTaken)
        }
        guard isTaken else { return upstreamRefusesBody(in: worker) }
        if !isOpenEnded {
            upstream.setDeadline(worker.now + plan.group.settings.responseTimeout, in: worker)
        }
        upstream.updateInterest(in: worker)
    }

    /// False when the upstream does not take it.
    private func forward(
        _ data: Span<UInt8>, to upstream: UpstreamConnection, in worker: Worker
    ) -> Bool {
        context.octetsIn += data.count
        guard requestFraming == .chunked else { return upstream.stream.send(data) }
        HeadEncoder.appendChunkHeader(size: data.count, to: &worker.scratch)
        worker.scratch.append(copying: data)
        HeadEncoder.appendChunkEnd(to: &worker.scratch)
        return true
    }

    /// The upstream takes no more; an answer may have come before that.
    func upstreamRefusesBody(in worker: Worker) {
        guard !hasEnded else { return }
        use.sendFailed()
        guard case .streaming = request else { return }
        request = .abandoned
        client.makeLast()
        client.updateInterest(in: worker)
    }

    func upstreamDrained(in worker: Worker) {
        guard let upstream, upstream.stream.pendingCount <= Flow.lowWater else { return }
        client.resume(in: worker)
    }
}
