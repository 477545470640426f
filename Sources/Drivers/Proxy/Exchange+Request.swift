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
            return fail(error.refusal, in: worker)
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

    // MARK: Bodies as they come

    /// Forwards what `octets` hold of the request's body, from `index` on. Leaves alone what is not
    /// for this exchange, or not for now.
    func clientSent(_ octets: Span<UInt8>, at index: inout Int, in worker: Worker) {
        if case .abandoned = request { return index = octets.count }
        if buffer?.isFilling == true { return fillBuffer(octets, at: &index, in: worker) }
        guard wantsClientInput, let upstream, case .streaming(var body) = request else { return }
        worker.scratch.removeAll(keepingCapacity: true)
        // What one client says is never left for another to be sent.
        defer { worker.scratch.removeAll(keepingCapacity: true) }
        var isTaken = true
        do throws(BodyError) {
            while let event = try body.decode(octets, at: &index) {
                switch event {
                case .data(let range):
                    context.octetsIn += range.count
                    let data = octets.extracting(range)
                    isTaken = upstream.send(data, behind: &worker.scratch) && isTaken
                case .end(let trailers):
                    isTaken =
                        endBody(trailers, to: upstream, behind: &worker.scratch) && isTaken
                }
            }
        } catch {
            return fail(error.refusal, in: worker)
        }
        request = body.isComplete ? .complete : .streaming(body)
        if isBodyTooBig { return fail(.bodyTooBig, in: worker) }
        guard upstream.finishSending(&worker.scratch, isTaken: isTaken) else {
            return upstreamRefusesBody(in: worker)
        }
        watchServer(hasMoved: false, in: worker)
        upstream.updateInterest(in: worker)
    }
}
