internal import Bytes
internal import Clock
internal import Endings
internal import Relays
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// A WebSocket between a client and an upstream. Without compression data frames go through as they
/// came, still masked; only their headers are read. With it, whole messages are inflated or
/// deflated on the way. Control frames are read in both cases; ours go between the upstream's.
final class WebSocketRelay {
    /// What the two handshakes settled about permessage-deflate (RFC 7692).
    struct Compression {
        /// With the client, where we speak it.
        var client: DeflateAgreement?
        /// With the upstream, where we speak it.
        var upstream: DeflateAgreement?
        /// Kept for the connection with the client; nil when every message stands for itself.
        var windows: KeptWindows?
        /// The two ends speak it with each other: frames may be compressed and are not touched.
        var isRelayed = false
    }

    /// How a relay is ended by us.
    struct End {
        /// A text message in front of the close frame.
        var message: [UInt8]?
        var reason: EndReason
        var detail: String?
        /// The rest of a message on its way is not waited for: it will not come, or not be heard.
        var cannotWait = false
        /// The client is not to come back by itself.
        var staysAway = false
    }

    let client: ClientConnection
    let route: Generation.Route
    let context: RequestContext
    /// Read the two directions while they are passed on as they come.
    var clientFrames: FrameRelay
    var upstreamFrames: FrameRelay
    /// Reads both directions instead when compression is spoken here.
    let messages: MessageDirections?
    var upstream: OriginConnection?
    var lease: ServerLease?
    var clientHasClosed = false
    var upstreamHasClosed = false
    var pendingEnd: End?
    /// What the client did wrong; it is not listened to any more.
    var violation: End?
    var hasEnded = false
    /// Our own pings and pongs that wait for the end of a message on its way.
    var pendingToClient = PendingControl()
    var pendingToUpstream = PendingControl()
    var ownPing = OwnPing()
    /// It is to show by acknowledgements that it is there, because a ping has to wait.
    var acknowledgementProbe: AcknowledgementProbe?
    /// When the client last took some of what waited for it, or was let go on.
    var lastTaken: Instant
    /// What it had acknowledged when that was last asked for, since the last ping.
    var acknowledgedCount: Int64?
    var sendQueue: SendQueueLimit
    var controlRate: ControlRate

    init(
        client: ClientConnection, upstream: OriginConnection, lease: consuming ServerLease?,
        context: RequestContext, route: Generation.Route, compression: Compression, now: Instant
    ) {
        self.client = client
        self.upstream = upstream
        self.lease = consume lease
        self.context = context
        self.route = route
        lastTaken = now
        sendQueue = SendQueueLimit(route.settings)
        controlRate = ControlRate(perSecond: route.settings.controlRate)
        clientFrames = FrameRelay(
            from: .client, limits: route.settings.clientLimits,
            allowsCompression: compression.isRelayed)
        upstreamFrames = FrameRelay(
            from: .server, limits: .none, allowsCompression: compression.isRelayed)
        let reads =
            compression.client != nil || compression.upstream != nil || context.speaksControl
            || context.opened?.engine != nil
        messages = reads ? MessageDirections(route, compression) : nil
    }

    // MARK: Flow

    var wantsClientInput: Bool {
        if let messages, !messages.heldFromClient.isEmpty || awaitsSession { return false }
        // What is answered here fills the client's own queue.
        if route.settings.pings == .answer || context.speaksControl,
            !sendQueue.hasRoom(behind: client.stream.pendingCount)
        {
            return false
        }
        return upstream.map { $0.stream.pendingCount < Flow.highWater } ?? true
    }

    var wantsUpstreamInput: Bool { sendQueue.hasRoom(behind: client.stream.pendingCount) }

    func clientDrained(in worker: Worker) {
        lastTaken = worker.now
        let pending = client.stream.pendingCount
        guard sendQueue.shrank(to: pending, now: worker.now) else { return }
        upstream?.updateInterest(in: worker)
    }

    func upstreamDrained(in worker: Worker) {
        guard let upstream, upstream.stream.pendingCount <= Flow.lowWater else { return }
        // What the client said while it was not read from is heard soon.
        lastTaken = worker.now
        resumeFromClient(in: worker)
        client.updateInterest(in: worker)
    }

    // MARK: From the client

    func clientSent(_ octets: Span<UInt8>, in worker: Worker) {
        context.octetsIn += octets.count
        readFromClient(octets, in: worker)
    }

    func readFromClient(_ octets: Span<UInt8>, in worker: Worker) {
        if hasEnded || violation != nil { return }
        do throws(WebSocketError) {
            if let messages {
                try inflate(octets, messages, in: worker)
            } else {
                try relayFromClient(octets, in: worker)
            }
        } catch {
            return clientViolated(
                End(reason: error.reason, detail: error.rawValue), in: worker)
        }
        if let upstream, upstream.stream.pendingCount > 0 { upstream.updateInterest(in: worker) }
    }

    private func relayFromClient(
        _ octets: Span<UInt8>, in worker: Worker
    ) throws(WebSocketError) {
        var index = 0
        while let event = try clientFrames.decode(octets, at: &index) {
            switch event {
            // Without an upstream, which has closed, the client's close is all that is waited for.
            case .forward(let range):
                upstream?.stream.send(octets.extracting(range))
            case .forwardHeader(let header):
                upstream?.stream.send(header.array.span)
            case .control(let frame):
                clientSentControl(frame, in: worker)
                if hasEnded || violation != nil { return }
            }
            if !pendingToUpstream.isEmpty { injectToUpstream(in: worker) }
        }
    }

    func clientSentControl(_ frame: ControlFrame, in worker: Worker) {
        switch frame.kind {
        case .close:
            sendToUpstream(frame, in: worker)
            clientHasClosed = true
            return noteClose(frame, in: worker)
        case .pong where ownPing.payload.map { frame.payload == Self.octets(of: $0) } ?? false:
            if !ownPing.isRepeated { ownPing.payload = nil }
            return
        case .ping, .pong: break
        }
        guard controlRate.allows(at: worker.now) else {
            return clientViolated(
                End(reason: .rateLimited, detail: "control_frames"), in: worker)
        }
        switch route.settings.pings {
        case .relay: sendToUpstream(frame, in: worker)
        case .answer where frame.kind == .ping:
            pendingToClient.pong = frame.payload
            injectToClient(in: worker)
        // A pong that nobody waits for (RFC 6455 §5.5.3).
        case .answer: break
        }
    }

    private func sendToUpstream(_ frame: ControlFrame, in worker: Worker) {
        guard let upstream else { return }
        var output: [UInt8] = []
        FrameEncoder.appendControl(frame, maskingKey: worker.newMaskingKey(), to: &output)
        upstream.stream.send(output.span)
    }

    // MARK: From the upstream

    func upstreamSent(_ octets: Span<UInt8>, in worker: Worker) {
        guard let upstream, !hasEnded else { return }
        do throws(WebSocketError) {
            if let messages {
                try deflate(octets, messages, in: worker)
            } else {
                context.octetsOut += octets.count
                try relayFromUpstream(octets, in: worker)
            }
        } catch {
            return end(
                End(
                    reason: .internalError, detail: "upstream_" + error.rawValue, cannotWait: true
                ),
                in: worker)
        }
        if client.stream.pendingCount > 0 {
            noteQueue(in: worker)
            client.updateInterest(in: worker)
            upstream.updateInterest(in: worker)
        } else if messages != nil {
            client.countMemory(in: worker)
        }
    }

    private func relayFromUpstream(
        _ octets: Span<UInt8>, in worker: Worker
    ) throws(WebSocketError) {
        var index = 0
        while let event = try upstreamFrames.decode(octets, at: &index) {
            switch event {
            case .forward(let range): client.stream.send(octets.extracting(range))
            case .forwardHeader(let header): client.stream.send(header.array.span)
            case .control(let frame): upstreamSentControl(frame, in: worker)
            }
            if !pendingToClient.isEmpty { injectToClient(in: worker) }
            if pendingEnd != nil { endIfPossible(in: worker) }
            if hasEnded { return }
        }
    }

    func upstreamSentControl(_ frame: ControlFrame, in worker: Worker) {
        if route.settings.pings == .answer {
            switch frame.kind {
            case .ping:
                pendingToUpstream.pong = frame.payload
                return injectToUpstream(in: worker)
            case .pong: return
            case .close: break
            }
        }
        // It answers our own close frame, not one of the client's.
        if let violation, frame.kind == .close { return end(violation, in: worker) }
        var output: [UInt8] = []
        FrameEncoder.appendControl(frame, to: &output)
        client.stream.send(output.span)
        guard frame.kind == .close else { return }
        upstreamHasClosed = true
        noteClose(frame, in: worker)
    }

    // MARK: Our own control frames

    /// True when something of our own may be sent to the client now.
    var isBetweenMessages: Bool {
        messages?.fromUpstream.isBetweenMessages ?? upstreamFrames.isBetweenMessages
    }

    /// Sends what waits for the client, if no message is on its way; else behind that message.
    func injectToClient(in worker: Worker) {
        guard !upstreamHasClosed else { return pendingToClient = PendingControl() }
        let isFree = isBetweenMessages
        upstreamFrames.pausesAfterMessage = !isFree || pendingEnd != nil
        if isFree { client.stream.send(pendingToClient.take(maskingKey: nil).span) }
    }

    /// As `injectToClient`, in the other direction.
    private func injectToUpstream(in worker: Worker) {
        guard let upstream, !clientHasClosed else { return pendingToUpstream = PendingControl() }
        let isFree = messages != nil || clientFrames.isBetweenMessages
        clientFrames.pausesAfterMessage = !isFree
        guard isFree else { return }
        upstream.stream.send(pendingToUpstream.take(maskingKey: worker.newMaskingKey()).span)
    }
}

/// The last ping of the gateway's own.
struct OwnPing {
    /// What it carried, until its pong came; to tell it from the client's own pongs.
    var payload: UInt32?
    var sent = Instant.zero
    /// It was sent more than once, and may be answered as often.
    var isRepeated = false
}

/// Frames of ours that wait: a ping, a pong, of several only the last that is owed (RFC 6455
/// §5.5.3), and text messages.
struct PendingControl {
    var ping: [UInt8]?
    var pong: [UInt8]?
    var messages: [[UInt8]] = []

    var isEmpty: Bool { ping == nil && pong == nil && messages.isEmpty }

    /// The frames, ready to be sent; nothing waits any more.
    mutating func take(maskingKey: MaskingKey?) -> [UInt8] {
        var output: [UInt8] = []
        for (kind, payload) in [(ControlFrame.Kind.ping, ping), (.pong, pong)] {
            guard let payload else { continue }
            FrameEncoder.appendControl(
                ControlFrame(kind, payload: payload), maskingKey: maskingKey, to: &output)
        }
        for message in messages {
            FrameEncoder.appendMessage(.text, message.span, to: &output)
        }
        self = PendingControl()
        return output
    }
}

extension RouteSettings {
    /// What a client may send.
    var clientLimits: FrameLimits {
        FrameLimits(
            messageSize: messageSize, frameSize: frameSize, fragmentCount: fragmentCount)
    }

    /// As `clientLimits`, with room for messages that became larger by being compressed: zlib adds
    /// at most a sixteenth, with its smallest window and memory.
    var compressedClientLimits: FrameLimits {
        FrameLimits(
            messageSize: messageSize + messageSize / 16 + 64, frameSize: frameSize,
            fragmentCount: fragmentCount)
    }
}

extension FrameLimits {
    /// For the upstream, which is ours.
    static let none = FrameLimits(
        messageSize: .max, frameSize: .max, fragmentCount: .max)
}

extension WebSocketError {
    /// The row of the table of endings.
    var reason: EndReason {
        switch closeCode {
        case 1007: .invalidPayload
        case 1009: .tooBig
        default: .protocolError
        }
    }
}
