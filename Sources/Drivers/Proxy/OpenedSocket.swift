internal import Deflate
internal import Identity
internal import Loop
internal import Settings
internal import SocketIO
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
