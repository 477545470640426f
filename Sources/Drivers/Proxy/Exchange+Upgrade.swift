internal import Bytes
internal import Clock
internal import Endings
internal import HTTP
internal import HTTP1
internal import Identity
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// From a WebSocket handshake to a relay.
extension Exchange {
    /// The upstream answered 101: the client is answered likewise, and both connections go over to
    /// a relay. `rest` came behind the head.
    func switchProtocols(_ head: ResponseHead, rest: Span<UInt8>, in worker: Worker) {
        guard context.isWebSocket, head.fields.list(.upgrade, contains: "websocket"),
            let accept = WebSocketAccept.value(for: self.head),
            let answered = head.fields.range(of: .secWebSocketAccept),
            head.fields.bytes.span.extracting(answered).matches(accept.span),
            plan.route.compression == nil || !head.fields.contains(.secWebSocketExtensions)
        else { return fail(.badResponse, in: worker) }
        let agreement = negotiateCompression()
        worker.scratch.removeAll(keepingCapacity: true)
        appendSwitch(head, agreement, to: &worker.scratch)
        client.stream.send(worker.scratch.span)
        worker.scratch.removeAll(keepingCapacity: true)
        context.status = 101
        guard let upstream = handOverUpstream() else { return }
        hasEnded = true
        let relay = WebSocketRelay(
            client: client, upstream: upstream, lease: handOverLease(), context: context,
            route: plan.route,
            agreement: agreement,
            relaysCompression: agreement == nil && head.fields.contains(.secWebSocketExtensions))
        upstream.begin(relay)
        client.begin(relay, in: worker)
        if !rest.isEmpty { relay.upstreamSent(rest, in: worker) }
        if upstream.hasInputEnded { relay.upstreamInputEnded(in: worker) }
        client.resume(in: worker)
        upstream.updateInterest(in: worker)
    }

    private func negotiateCompression() -> DeflateAgreement? {
        guard plan.route.compression != nil else { return nil }
        var offers = ExtensionList()
        let fields = self.head.fields
        for line in fields.lines where line.known == .secWebSocketExtensions {
            do throws(HandshakeError) {
                try offers.read(fields.bytes.span.extracting(line.value))
            } catch {
                // Admission refused malformed lists before any upstream was asked.
                return nil
            }
        }
        return DeflateNegotiation.answer(offers)
    }

    private func appendSwitch(
        _ head: ResponseHead, _ agreement: DeflateAgreement?, to output: inout [UInt8]
    ) {
        HeadEncoder.appendStatusLine(status: 101, to: &output)
        let fields = head.fields
        let hopByHop = HopByHop(fields)
        for line in fields.lines where !hopByHop.isDropped(line, of: fields) {
            switch line.known {
            case .secWebSocketProtocol, .contentLength: continue
            default: HeadEncoder.appendField(copying: line, of: fields, to: &output)
            }
        }
        output.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        let choice = SubprotocolOffers(self.head.fields).answer(
            upstreamChoice: fields.text(of: .secWebSocketProtocol))
        if let choice {
            HeadEncoder.appendField(name: "Sec-WebSocket-Protocol", value: choice, to: &output)
        }
        if let agreement {
            HeadEncoder.appendField(
                name: "Sec-WebSocket-Extensions", value: agreement.headerValue, to: &output)
        }
        HeadEncoder.appendEnd(to: &output)
    }
}
