import Bytes
import Clock
import Crypto
import HTTP
import HTTP1
import Identity
import Transport
import WebSocket

/// One WebSocket of the demo, after its handshake (RFC 6455).
final class DemoSocket {
    private static let messageLimit = 1024 * 1024
    /// A ping this often when nothing is heard; silence this long is death.
    private static let pingInterval: Duration = .seconds(30)
    private static let silenceLimit: Duration = .seconds(75)

    let channel: DemoChannel
    private var assembler = MessageAssembler(
        from: .client, limits: FrameLimits(messageSize: messageLimit), checksText: true)
    private var lastHeard: Instant
    private var nextPing: Instant

    init(_ channel: DemoChannel, now: Instant) {
        self.channel = channel
        lastHeard = now
        nextPing = now + Self.pingInterval
    }

    /// Writes what the answer that opens the socket says.
    /// - Throws: `HandshakeError` when the request does not keep to RFC 6455 §4.2.1.
    static func appendFields(answering head: RequestHead, to output: inout [UInt8]) throws {
        let input = try OpeningHandshake(head).acceptInput
        let digest = try Digest.sha1(input.span)
        let accept = OpeningHandshake.accept(digest: digest.span)
        OpeningHandshake.appendFields(
            accept: accept.span,
            subprotocol: SubprotocolOffers(head.fields).answer(upstreamChoice: nil), to: &output)
    }

    func greet(_ visitor: DemoVisitor, _ stream: Stream) {
        if let greeting = channel.greeting(visitor) { send(.text, greeting.span, stream) }
    }

    /// Answers every message in `input`.
    /// - Returns: false when the socket is over and its close frame is sent.
    func read(
        _ input: Span<UInt8>, at index: inout Int, to stream: Stream, in server: DemoServer
    ) -> Bool {
        lastHeard = server.now
        nextPing = server.now + Self.pingInterval
        var payload: [UInt8] = []
        do throws(WebSocketError) {
            while let event = try assembler.decode(input, at: &index, into: &payload) {
                switch event {
                case .message(let kind, _): answer(kind, payload.span, stream, server.queue)
                case .messageInPlace, .fragment:
                    // Not asked for.
                    continue
                case .control(let frame):
                    guard answer(frame, stream) else { return false }
                }
            }
        } catch {
            sendClose(error.closeCode, error.description, stream)
            return false
        }
        return true
    }

    /// Once a second; `update` is sent when there is one.
    /// - Returns: false when the client has been silent for too long.
    func beat(_ update: [UInt8]?, to stream: Stream, now: Instant) -> Bool {
        guard now - lastHeard < Self.silenceLimit else { return false }
        if let update { send(.text, update.span, stream) }
        if now >= nextPing {
            nextPing = now + Self.pingInterval
            sendControl(.ping, [], stream)
        }
        return true
    }

    /// The demo ends: 1001 (RFC 6455 §7.4.1).
    func goAway(_ stream: Stream) { sendClose(1001, "the demo ends", stream) }

    private func answer(
        _ kind: MessageKind, _ payload: Span<UInt8>, _ stream: Stream, _ queue: DemoQueue
    ) {
        if channel == .echo { return send(kind, payload, stream) }
        send(.text, channel.reply(to: kind, payload, queue: queue).span, stream)
    }

    /// False after a close frame, which is answered with its own code (RFC 6455 §5.5.1).
    private func answer(_ frame: ControlFrame, _ stream: Stream) -> Bool {
        switch frame.kind {
        case .ping: sendControl(.pong, frame.payload, stream)
        case .pong: break
        case .close:
            sendControl(.close, Array(frame.payload.prefix(2)), stream)
            return false
        }
        return true
    }

    private func send(_ kind: MessageKind, _ payload: Span<UInt8>, _ stream: Stream) {
        var frame: [UInt8] = []
        FrameEncoder.appendMessage(kind, payload, to: &frame)
        stream.send(frame.span)
    }

    private func sendControl(_ kind: ControlFrame.Kind, _ payload: [UInt8], _ stream: Stream) {
        var frame: [UInt8] = []
        FrameEncoder.appendControl(ControlFrame(kind, payload: payload), to: &frame)
        stream.send(frame.span)
    }

    private func sendClose(_ code: UInt16, _ reason: String, _ stream: Stream) {
        var frame: [UInt8] = []
        FrameEncoder.appendClose(code: code, reason: reason, to: &frame)
        stream.send(frame.span)
    }
}
