internal import Clients
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import Loop
internal import Relays
internal import Settings
internal import SocketIO
internal import WebSocket

/// WebSockets that are opened here, because their first message has to say whose they are.
extension HeldRequest {
    /// Answers a handshake before anybody was let in. False when there is no socket for that.
    func openSocket() -> Bool {
        guard let route = context.ruledBy, let accept = WebSocketAccept.value(for: head) else {
            client.close()
            return false
        }
        var compression = SocketCompression()
        // Admission refused malformed offers.
        if let settings = route.settings.compression,
            let offers = try? ExtensionList(head.fields)
        {
            compression.answer(offers, settings, budget: thread.shared.deflateBudget)
        }
        let subprotocol = SubprotocolOffers(head.fields).choice(among: route.settings.subprotocols)
        let answer = ClientResponse.Handshake(
            accept: accept, subprotocol: subprotocol, context: context,
            agreement: compression.client)
        guard answer.append(to: client.request) else {
            client.close()
            return false
        }
        let engine = route.settings.socketIO.map { settings in
            EngineSession(
                OpenPacket(settings, session: loop.newIdentifier()), now: loop.now)
        }
        if let engine {
            let message = engine.opening.message(maxPayload: route.settings.messageSize)
            FrameEncoder.appendMessage(.text, message.span, to: &loop.scratch)
        }
        client.request.flush()
        context.outcome.status = 101
        context.opened = OpenedSocket(
            subprotocol: subprotocol, compression: compression, settings: route.settings,
            engine: engine, on: thread)
        return true
    }

    /// Octets of a socket that waits for its first message.
    func readMessage(_ octets: Span<UInt8>, at index: inout Int, of socket: OpenedSocket) {
        let start = index
        defer { context.traffic.octetsIn += index - start }
        do throws(WebSocketError) {
            while let event = try socket.decode(octets, at: &index) {
                switch event {
                case .message(let message):
                    socket.message = message
                    return messageCame(on: socket)
                case .control(let frame) where frame.kind == .close:
                    return clientClosed(frame)
                case .goodbye:
                    context.release()
                    return client.give(
                        Answer(.socket(nil, messages: []), .normal), to: context)
                case .unexpected(let error):
                    return refuse(.protocolError, error.rawValue)
                case .sign:
                    guard socket.controlRate.allows(at: loop.now) else {
                        return refuse(.rateLimited, "control_frames")
                    }
                case .control(let frame):
                    guard socket.controlRate.allows(at: loop.now) else {
                        return refuse(.rateLimited, "control_frames")
                    }
                    guard frame.kind == .ping else { continue }
                    var output: [UInt8] = []
                    FrameEncoder.appendControl(
                        ControlFrame(.pong, payload: frame.payload), to: &output)
                    client.request.sendFrames(output.span)
                }
            }
        } catch {
            refuse(error.reason, error.rawValue)
        }
    }

    private func refuse(_ reason: EndReason, _ detail: String) {
        let refusal = Refusal(reason, detail: detail, message: "The first message is not proper")
        self.refuse(refusal)
    }

    /// Its close frame is answered with the same, and that is all.
    private func clientClosed(_ frame: ControlFrame) {
        var output: [UInt8] = []
        FrameEncoder.appendControl(frame, to: &output)
        client.request.sendFrames(output.span)
        context.release()
        context.record(.normal)
        client.finish()
    }
}
