internal import Bytes
internal import Clients
internal import Clock
internal import Deflate
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Identity
internal import Loop
internal import Origins
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// From a WebSocket handshake to a relay.
extension Exchange {
    /// The upstream answered 101: the client is answered likewise, and both connections go over to
    /// a relay. `rest` came behind the head.
    func switchProtocols(_ head: ResponseHead, rest: Span<UInt8>) {
        guard context.origin.isWebSocket, let accept = WebSocketAccept.value(for: request.head),
            OpeningHandshake.isCompleted(by: head, accept: accept.span),
            let compression = negotiate(head)
        else { return fail(.badResponse) }
        loop.clearScratch()
        if let opened = context.opened {
            guard opened.isServed(by: head) else { return fail(.badResponse) }
        } else {
            let choice = SubprotocolOffers(request.head.fields).answer(
                upstreamChoice: head.fields.text(of: .secWebSocketProtocol))
            let answer = ClientResponse.Handshake(
                head: head, accept: accept, subprotocol: choice, context: context,
                agreement: compression.client, relaysExtensions: compression.isRelayed)
            guard answer.append(to: client.request) else { return fail(.badResponse) }
        }
        if let message = context.sessionMessage {
            FrameEncoder.appendMessage(.text, message.span, to: &loop.scratch)
        }
        client.request.flush()
        context.outcome.status = 101
        guard let upstream = handOverUpstream() else { return }
        upstream.noteOutcome(of: plan.group)
        hasEnded = true
        let relay = RelayDriver(
            client: client, upstream: upstream, lease: handOverLease(), context: context,
            route: plan.route, compression: compression)
        upstream.begin(relay)
        client.begin(relay)
        if context.opened?.engine == nil {
            relay.sendFirstMessage()
        } else {
            relay.awaitSession(for: plan.group.settings.webSocketHandshakeTimeout)
        }
        if !rest.isEmpty { relay.upstreamSent(rest) }
        if upstream.connection.http.hasInputEnded { relay.upstreamLost() }
        client.resume()
        upstream.updateInterest()
        LastingUse(client: client).begin()
        LastingUse(client: client).endIfLate()
    }

    /// What is spoken with whom; nil when the upstream answered what it was not asked.
    private func negotiate(_ response: ResponseHead) -> SocketCompression? {
        var compression = SocketCompression()
        do throws(HandshakeError) {
            let answer = try ExtensionList(response.fields)
            // Admission refused malformed offers.
            let offers = try ExtensionList(request.head.fields)
            if let opened = context.opened { return try goOn(with: opened, answer) }
            guard let settings = plan.route.settings.compression else {
                if context.found.speaksControl {
                    return answer.elements.isEmpty ? compression : nil
                }
                guard DeflateOffer.isAcceptable(answer, to: offers) else { return nil }
                compression.isRelayed = !answer.elements.isEmpty
                return compression
            }
            if settings.offersUpstream {
                compression.upstream = try DeflateOffer.read(answer)
            } else if !answer.elements.isEmpty {
                return nil
            }
            compression.answer(offers, settings, budget: thread.shared.deflateBudget)
        } catch {
            return nil
        }
        return compression
    }

    /// What is spoken with the client is settled; nil as above.
    private func goOn(
        with opened: OpenedSocket, _ answer: ExtensionList
    ) throws(HandshakeError) -> SocketCompression? {
        var compression = opened.compression
        if plan.route.settings.compression?.offersUpstream == true {
            compression.upstream = try DeflateOffer.read(answer)
        } else if !answer.elements.isEmpty {
            return nil
        }
        return compression
    }
}

extension SocketCompression {
    /// Windows are kept where they fit into the budget; else every message stands for itself.
    mutating func answer(
        _ offers: ExtensionList, _ settings: RouteSettings.Compression,
        budget: DeflateBudget
    ) {
        if settings.context == .dedicated {
            let policy = DeflateNegotiation.Policy(
                serverWindowBits: settings.windowBits, clientWindowBits: settings.windowBits,
                keepsContext: true)
            if let agreement = DeflateNegotiation.answer(offers, policy: policy),
                let windows = KeptWindows(agreement, settings, budget: budget)
            {
                client = agreement
                self.windows = windows
                return
            }
        }
        let policy = DeflateNegotiation.Policy(serverWindowBits: settings.windowBits)
        client = DeflateNegotiation.answer(offers, policy: policy)
    }
}

extension OpenedSocket {
    /// The app speaks what the client was told, or does not say what it speaks.
    fileprivate func isServed(by head: ResponseHead) -> Bool {
        guard let choice = head.fields.text(of: .secWebSocketProtocol) else { return true }
        return choice == subprotocol
    }
}
