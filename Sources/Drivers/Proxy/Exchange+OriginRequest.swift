internal import Bytes
internal import Clients
internal import Entry
internal import Forwarding
internal import HTTP
internal import HTTP1
internal import Origins
internal import Relays
internal import Settings
internal import Transport
internal import Upstreams

/// The request, on its way to the server: how it is framed, and what may be said of it when, knows
/// the connection's `http`.
extension Exchange {
    /// How the body is framed, now that it is kept perhaps.
    var framing: BodyFraming { body.kept?.framing(of: body.framing) ?? body.framing }

    /// What the connection has to know of the request.
    var outline: RequestOutline {
        let framing = framing
        let length: BodyLength =
            switch framing {
            case .none: .none
            case .length(let length): .known(length)
            case .chunked, .untilClose: .unknown
            }
        // Who has been told to go on waits for nothing, and nobody waits where nothing comes.
        let expects = !framing.isEmpty && !context.hasContinued && request.head.expectsContinue
        return RequestOutline(
            request.head.method, body: length,
            upgrade: context.origin.isWebSocket ? "websocket" : nil,
            expectsContinue: expects)
    }

    /// Sends the head, and behind it what is kept of the body.
    ///
    /// - Parameter scratch: empty before and behind it.
    /// - Returns: false when the connection did not take a single octet; nil when the head cannot
    ///   be written.
    func sendRequest(to upstream: OriginLink, through scratch: inout [UInt8]) -> Bool? {
        // With TLS it was sent in front of that.
        if upstream.connection.security == nil {
            scratch += plan.proxyHeader(for: client.request, context)
        }
        do throws(SendError) {
            try OriginRequest.append(
                request, outline, plan: plan, context: context, origin: client.request.origin,
                on: &upstream.connection.http, to: &scratch)
        } catch {
            scratch.removeAll(keepingCapacity: true)
            return nil
        }
        if request.head.fields.bindConnection { upstream.connection.reserve(for: client.token) }
        upstream.connection.finishSending(&scratch)
        if body.kept != nil { sendKept(to: upstream, through: &scratch) }
        return !upstream.connection.http.isRefused
    }

    /// Sends what is kept of the body behind the head, and lets go of it unless all of it may have
    /// to be sent once more.
    private func sendKept(to upstream: OriginLink, through scratch: inout [UInt8]) {
        if let kept = body.kept, upstream.connection.http.wantsBody {
            var isTaken = upstream.connection.send(kept: kept.octets.span, behind: &scratch)
            if kept.isWhole {
                isTaken = endBody(kept.trailers, to: upstream, behind: &scratch) && isTaken
            }
            upstream.connection.finishSending(&scratch, isTaken: isTaken)
        }
        if !repeating.needsBody { body.kept = nil }
    }

    /// Ends the body, without trailers that only the gateway may say.
    ///
    /// - Returns: false when nobody waits for it any more.
    func endBody(
        _ trailers: Fields?, to upstream: OriginLink, behind scratch: inout [UInt8]
    ) -> Bool {
        upstream.connection.end(
            trailers: trailers.map(OriginRequest.trailers(of: plan, context)), behind: &scratch)
    }

    /// The upstream takes no more; an answer may have come before that.
    func upstreamRefusesBody() {
        guard !hasEnded, client.request.lacksBody else { return }
        client.request.discardBody()
        upstream?.connection.http.abandonRequest()
        watchServer(hasMoved: false)
        client.updateInterest()
    }

    func upstreamDrained() {
        watchServer(hasMoved: true)
        guard let upstream, upstream.connection.stream.pendingCount <= Flow.lowWater else { return }
        client.resume()
    }
}
