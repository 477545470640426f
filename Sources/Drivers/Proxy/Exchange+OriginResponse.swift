internal import Bytes
internal import Clients
internal import HTTP
internal import HTTP1
internal import Loop
internal import Origins
internal import Transport
internal import Upstreams

/// The response, as the server sends it: what its octets say, and what their end means, knows the
/// connection's `http`.
extension Exchange {
    func upstreamSent(_ octets: Span<UInt8>) {
        guard let upstream else { return }
        // Whatever is not sent by then is nobody's.
        defer { loop.clearScratch() }
        let wasStream = passesEvents
        lease?.answerBegan()
        var index = 0
        do throws(ResponseError) {
            while !hasEnded, self.upstream === upstream,
                let event = try upstream.connection.http.receive(
                    octets, at: &index, unsentCount: upstream.connection.stream.pendingCount)
            {
                take(event, of: octets, behind: index, on: upstream)
            }
        } catch {
            client.request.flush()
            return fail(.badResponse)
        }
        // An answer comes: the request is not sent again.
        if response != .awaiting { body.kept = nil }
        if hasEnded { return }
        client.request.flush()
        if !wasStream, passesEvents { LastingUse(client: client).endIfLate() }
        // The beginning of a head is no step: who sends one octet after the other is late.
        if !hasEnded, response != .awaiting { watchFlow() }
    }

    private func take(
        _ event: consuming ResponseEvent, of octets: Span<UInt8>, behind index: Int,
        on upstream: OriginLink
    ) {
        switch consume event {
        case .data(let range): forward(octets.extracting(range))
        case .end(let trailers): completed(trailers: trailers)
        case .head(let head, let framing):
            upstream.noteAnswered(lease?.state, of: plan.group, status: head.status)
            if repeating.discards(status: head.status) { return }
            if context.opened != nil { return fail(.socketRefused(status: head.status)) }
            if head.authenticatesConnection { upstream.connection.reserve(for: client.token) }
            do throws(HeadError) {
                try begin(head, framing: framing)
            } catch {
                fail(.badResponse)
            }
        case .informational(let head):
            if context.opened != nil { return }
            _ = ClientResponse(head: .app(head), context: context, length: nil).append(
                to: client.request)
            client.request.flush()
            // The client may have to take that, or to send its body, from now on.
            client.updateInterest()
            watchServer(hasMoved: true)
        case .tunnel(let head):
            switchProtocols(head, rest: octets.extracting(index..<octets.count))
        }
    }

    /// Nothing more comes from the server.
    func upstreamEnded(_ end: HTTP1.ClientConnection.InputEnd) {
        switch end {
        case .unanswered, .early: repeating.broke()
        case .complete:
            loop.clearScratch()
            completed()
        case .truncated: fail(.cut)
        case .idle, .tunnel: break
        }
    }
}
