internal import Bytes
internal import Deflate
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import HTTP1
internal import Identity
internal import Loop
internal import Origins
internal import Relays
internal import Settings
internal import SocketIO
internal import Transport
internal import WebSocket

/// A WebSocket that the gateway has opened by itself, because its first message has to say whose it
/// is (`from message:PATH`). The app hears of it when somebody was let in.
final class OpenedSocket {
    enum Event {
        case message(FirstMessage)
        case control(ControlFrame)
        /// A packet of Engine.IO that says nothing but that the client is there.
        case sign
        /// A packet of Engine.IO that says goodbye.
        case goodbye
        case unexpected(PacketError)
    }

    /// What the client was told that it speaks.
    let subprotocol: String?
    /// With the client; the relay goes on with it.
    let compression: SocketCompression
    /// What came, until it was sent on.
    var message: FirstMessage?
    private(set) var isText = true
    /// What the client speaks on it that was told so by the gateway; nil for anything else than
    /// Engine.IO.
    var engine: EngineSession?
    var controlRate: ControlRate
    private let thread: ThreadState
    private let ratio: Int
    private(set) var reader: MessageAssembler

    init(
        subprotocol: String?, compression: SocketCompression, settings: RouteSettings,
        engine: EngineSession?, on thread: ThreadState
    ) {
        self.thread = thread
        self.subprotocol = subprotocol
        self.engine = engine
        self.compression = compression
        controlRate = ControlRate(perSecond: settings.controlRate)
        ratio = settings.compression?.ratio ?? .max
        let size = min(settings.messageSize, FirstMessage.octetLimit)
        reader = MessageAssembler(
            from: .client,
            limits: FrameLimits(
                messageSize: size, frameSize: settings.frameSize,
                fragmentCount: min(settings.fragmentCount, size)),
            allowsCompression: compression.client != nil, checksText: true)
    }

    /// Octets of the message.
    var heldCount: Int { reader.gatheredCount + (message?.count ?? 0) }

    /// Reads up to the end of the first message, and no further.
    func decode(_ octets: Span<UInt8>, at index: inout Int) throws(WebSocketError) -> Event? {
        while let event = try reader.decode(octets, at: &index, into: &thread.loop.message) {
            switch event {
            case .message(let kind, let isCompressed):
                isText = kind == .text
                return read(try text(isCompressed))
            case .control(let frame): return .control(frame)
            // Of masked frames, and below the size that would spill.
            case .messageInPlace, .fragment: break
            }
        }
        return nil
    }

    private func read(_ octets: [UInt8]) -> Event {
        do throws(PacketError) {
            switch try engine?.clientSaid(octets.span, isText: isText) {
            case nil: return .message(FirstMessage(octets, isText: isText))
            case .sign: return .sign
            case .goodbye: return .goodbye
            case .connect(let packet):
                return .message(FirstMessage(octets, object: packet.payload))
            }
        } catch {
            return .unexpected(error)
        }
    }

    private func text(_ isCompressed: Bool) throws(WebSocketError) -> [UInt8] {
        guard isCompressed else { return thread.loop.message }
        let message = thread.loop.message
        var inflated: [UInt8] = []
        do throws(InflateError) {
            try thread.codecs.inflate(
                message.span, with: compression.windows?.inflater,
                limit: FirstMessage.octetLimit, ratio: InflateRatio(ratio: ratio), into: &inflated)
        } catch {
            throw .messageTooBig
        }
        if isText, !inflated.span.isUTF8 { throw .textNotUTF8 }
        return inflated
    }
}

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
        guard client.request.becomeTunnel(answer) else {
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
        defer { context.outcome.octetsIn += index - start }
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
                    return client.request.give(
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
                    client.stream.send(output.span)
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
        client.stream.send(output.span)
        context.release()
        thread.record(context, .normal)
        client.finish()
    }
}

extension RelayDriver {
    /// The app has accepted whom the first message let in: it hears that message, without tokens.
    func sendFirstMessage() {
        guard let upstream, let socket = context.opened, let message = socket.message else {
            return
        }
        socket.message = nil
        let stripping = route.stripping
        let isStripped =
            stripping.policy == .authenticated && context.found.identity?.forwardsToken != true
        let octets = message.withoutTokens(at: isStripped ? stripping.messagePaths : [])
        var output: [UInt8] = []
        FrameEncoder.appendMessage(
            socket.isText ? .text : .binary, octets.span, maskingKey: loop.newMaskingKey(),
            to: &output)
        upstream.connection.stream.send(output.span)
    }
}
