internal import Bytes
internal import HTTP
internal import HTTP1
internal import Transport
internal import Upstreams

/// The response, as the server sends it: what its octets say, and what their end means, knows the
/// connection's `http`.
extension Exchange {
    func upstreamSent(_ octets: Span<UInt8>, in worker: Worker) {
        guard let upstream else { return }
        worker.scratch.removeAll(keepingCapacity: true)
        // Whatever is not sent by then is nobody's.
        defer { worker.scratch.removeAll(keepingCapacity: true) }
        // An answer comes: the request is not sent again.
        buffer = nil
        var index = 0
        do throws(ResponseError) {
            while !hasEnded,
                let event = try upstream.http.receive(
                    octets, at: &index, unsentCount: upstream.stream.pendingCount)
            {
                take(event, of: octets, behind: index, on: upstream, in: worker)
            }
        } catch {
            client.request.flush(in: worker)
            return fail(.badResponse, in: worker)
        }
        if hasEnded { return }
        client.request.flush(in: worker)
        // A stream that has only just begun was not told that the process stops.
        if events != nil, worker.isDraining { drain(in: worker) }
        // The beginning of a head is no step: who sends one octet after the other is late.
        if !hasEnded, response != .awaiting { watchFlow(in: worker) }
    }

    private func take(
        _ event: ResponseEvent, of octets: Span<UInt8>, behind index: Int,
        on upstream: OriginConnection, in worker: Worker
    ) {
        switch event {
        case .data(let range): forward(octets.extracting(range), in: worker)
        case .end(let trailers):
            completed(trailers: trailers, in: worker)
        case .head(let head, let framing):
            if context.opened != nil {
                return fail(.socketRefused(status: head.status), in: worker)
            }
            if head.authenticatesConnection { upstream.reserve(for: client) }
            do throws(HeadError) {
                try begin(head, framing: framing, in: worker)
            } catch {
                fail(.badResponse, in: worker)
            }
        case .informational(let head):
            if context.opened != nil { return }
            // Not to a client that knows none.
            let isWritten = client.request.respond(
                ClientResponse(head: .app(head), context: context, length: nil), in: worker)
            if isWritten { client.request.flush(in: worker) }
            watchServer(hasMoved: true, in: worker)
        case .tunnel(let head):
            let rest = octets.extracting(index..<octets.count)
            switchProtocols(head, rest: rest, in: worker)
        }
    }

    /// Nothing more comes from the server.
    func upstreamEnded(_ end: HTTP1.ClientConnection.InputEnd, in worker: Worker) {
        switch end {
        case .unanswered, .early: upstreamBroke(in: worker)
        case .complete:
            worker.scratch.removeAll(keepingCapacity: true)
            completed(in: worker)
        case .truncated: fail(.cut, in: worker)
        case .idle, .tunnel: break
        }
    }
}
