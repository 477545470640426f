internal import Bytes
internal import Clients
internal import Clock
internal import Entry
internal import HTTP
internal import HTTP1
internal import Loop
internal import Origins
internal import Relays
internal import Settings
internal import Transport
internal import Upstreams

/// The way there: from the client's octets to the upstream's.
extension Exchange {
    // MARK: Bodies that are kept first

    /// The client sends its body to the gateway; no server is occupied meanwhile.
    func keepBody(_ size: Int) {
        body.kept = BodyBuffer(capacity: size)
        context.hasContinued = request.head.expectsContinue
        client.request.allowBody()
    }

    private func fillBuffer(_ octets: Span<UInt8>, at index: inout Int) {
        guard var kept = body.kept else { return }
        // Held here alone, so that it is not copied when it grows.
        body.kept = nil
        let before = kept.octets.count
        do throws(RequestError) {
            try fill(&kept, from: octets, at: &index)
        } catch {
            return fail(error.refusal)
        }
        context.traffic.octetsIn += kept.octets.count - before
        body.kept = kept
        if !kept.isFilling { chooseServer() }
    }

    private func fill(
        _ kept: inout BodyBuffer, from octets: Span<UInt8>, at index: inout Int
    ) throws(RequestError) {
        while kept.isFilling, index < octets.count {
            let part = octets.extracting(0..<min(octets.count, index + kept.room))
            while let event = try client.request.receive(part, at: &index) {
                switch event {
                case .data(let range): kept.keep(part.extracting(range))
                case .end(let trailers): kept.ended(trailers: trailers)
                case .head, .octets: break
                }
            }
            kept.settle()
        }
    }

    // MARK: Bodies as they come

    /// Forwards what `octets` hold of the request's body, from `index` on. Leaves alone what is not
    /// for this exchange, or not for now.
    func clientSent(_ octets: Span<UInt8>, at index: inout Int) {
        if body.kept?.isFilling == true { return fillBuffer(octets, at: &index) }
        guard client.request.lacksBody else {
            return client.request.skip(octets, at: &index)
        }
        guard wantsClientInput, let upstream else { return }
        loop.clearScratch()
        // What one client says is never left for another to be sent.
        defer { loop.clearScratch() }
        var isTaken = true
        do throws(RequestError) {
            while let event = try client.request.receive(octets, at: &index) {
                switch event {
                case .data(let range):
                    context.traffic.octetsIn += range.count
                    let data = octets.extracting(range)
                    isTaken = upstream.connection.send(data, behind: &loop.scratch) && isTaken
                case .end(let trailers):
                    isTaken =
                        endBody(trailers, to: upstream, behind: &loop.scratch) && isTaken
                case .head, .octets: break
                }
            }
        } catch {
            return fail(error.refusal)
        }
        guard upstream.connection.finishSending(&loop.scratch, isTaken: isTaken) else {
            return upstreamRefusesBody()
        }
        watchServer(hasMoved: false)
        upstream.updateInterest()
    }
}
