internal import Bytes
internal import Clock
internal import Deflate
internal import Endings
internal import Sessions
internal import Settings
internal import Transport
internal import Upstreams
internal import WebSocket

/// A WebSocket between a client and an upstream. Without compression data frames go through as they
/// came, still masked; only their headers are read. With it, whole messages are inflated or
/// deflated on the way. Control frames are read in both cases; ours go between the upstream's.
final class WebSocketRelay {
    /// How a relay is ended by us.
    struct End {
        /// A text message in front of the close frame.
        var message: [UInt8]?
        var reason: EndReason
        var detail: String?
        /// The client broke the protocol or a limit.
        var isViolation = false
    }

    /// A client that does not take a full queue for this long is cut.
    static let stallTimeout: Duration = .seconds(5)
    /// How long one side's close frame waits for the other's.
    static let closeTimeout: Duration = .seconds(5)

    let client: ClientConnection
    let route: RouteSettings
    let agreement: DeflateAgreement?
    let context: RequestContext
    /// Read the two directions while they are passed on as they come.
    var clientFrames: FrameRelay
    var upstreamFrames: FrameRelay
    /// Reads both directions instead when compression is spoken with the client.
    let messages: MessageDirections?
    private(set) var upstream: UpstreamConnection?
    private var lease: ServerLease?
    var clientHasClosed = false
    var upstreamHasClosed = false
    var pendingEnd: End?
    var hasEnded = false
    /// What our last ping carried, until its pong came; to tell it from the client's own pongs.
    var outstandingPing: UInt32?
    var stalledSince: Instant?
    private var closeDeadline: Instant?

    init(
        client: ClientConnection, upstream: UpstreamConnection, lease: consuming ServerLease?,
        context: RequestContext, route: RouteSettings, agreement: DeflateAgreement?,
        relaysCompression: Bool
    ) {
        self.client = client
        self.upstream = upstream
        self.lease = consume lease
        self.context = context
        self.route = route
        self.agreement = agreement
        clientFrames = FrameRelay(
            from: .client, limits: FrameLimits(messageSize: route.messageSize),
            allowsCompression: relaysCompression)
        upstreamFrames = FrameRelay(
            from: .server, limits: FrameLimits(messageSize: .max),
            allowsCompression: relaysCompression)
        messages = agreement == nil ? nil : MessageDirections(route)
    }

    // MARK: Flow

    var wantsClientInput: Bool {
        guard let upstream else { return true }
        return upstream.stream.pendingCount < Flow.highWater
    }

    var wantsUpstreamInput: Bool { client.stream.pendingCount < route.sendQueueSize }

    func clientDrained(in worker: Worker) {
        guard client.stream.pendingCount <= min(Flow.lowWater, route.sendQueueSize / 2) else {
            return
        }
        stalledSince = nil
        upstream?.updateInterest(in: worker)
    }

    func upstreamDrained(in worker: Worker) {
        guard let upstream, upstream.stream.pendingCount <= Flow.lowWater else { return }
        client.updateInterest(in: worker)
    }

    // MARK: From the client

    func clientSent(_ octets: Span<UInt8>, in worker: Worker) {
        guard let upstream, !hasEnded else { return }
        context.octetsIn += octets.count
        do throws(WebSocketError) {
            if let messages {
                try inflate(octets, messages, to: upstream, in: worker)
            } else {
                try relayFromClient(octets, to: upstream, in: worker)
            }
        } catch {
            return end(
                End(reason: error.reason, detail: error.word, isViolation: true), in: worker)
        }
        if upstream.stream.pendingCount > 0 { upstream.updateInterest(in: worker) }
    }

    private func relayFromClient(
        _ octets: Span<UInt8>, to upstream: UpstreamConnection, in worker: Worker
    ) throws(WebSocketError) {
        var index = 0
        while let event = try clientFrames.decode(octets, at: &index) {
            switch event {
            case .forward(let range):
                upstream.stream.send(octets.extracting(range))
            case .forwardHeader(let header):
                upstream.stream.send(header.array.span)
            case .control(let frame):
                clientSentControl(frame, to: upstream, in: worker)
                if hasEnded { return }
            }
        }
    }

    func clientSentControl(
        _ frame: ControlFrame, to upstream: UpstreamConnection, in worker: Worker
    ) {
        if frame.kind == .pong, let ping = outstandingPing, frame.payload == Self.octets(of: ping) {
            outstandingPing = nil
            return
        }
        var output: [UInt8] = []
        FrameEncoder.appendControl(frame, maskingKey: worker.newMaskingKey(), to: &output)
        upstream.stream.send(output.span)
        guard frame.kind == .close else { return }
        clientHasClosed = true
        noteClose(frame, in: worker)
    }

    // MARK: From the upstream

    func upstreamSent(_ octets: Span<UInt8>, in worker: Worker) {
        guard let upstream, !hasEnded else { return }
        context.octetsOut += octets.count
        do throws(WebSocketError) {
            if let messages {
                try deflate(octets, messages, in: worker)
            } else {
                try relayFromUpstream(octets, in: worker)
            }
        } catch {
            return end(End(reason: .internalError, detail: "upstream_" + error.word), in: worker)
        }
        if client.stream.pendingCount > 0 {
            noteQueue(in: worker)
            client.updateInterest(in: worker)
            upstream.updateInterest(in: worker)
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
            if pendingEnd != nil { endIfPossible(in: worker) }
            if hasEnded { return }
        }
    }

    func upstreamSentControl(_ frame: ControlFrame, in worker: Worker) {
        var output: [UInt8] = []
        FrameEncoder.appendControl(frame, to: &output)
        client.stream.send(output.span)
        guard frame.kind == .close else { return }
        upstreamHasClosed = true
        noteClose(frame, in: worker)
    }

    /// True when something of our own may be sent to the client now.
    var isBetweenMessages: Bool { messages != nil || upstreamFrames.isBetweenMessages }

    /// True when a control frame of our own may be sent to the client now.
    var isBetweenFrames: Bool { messages != nil || upstreamFrames.isBetweenFrames }

    // MARK: Ends

    /// A close frame went through; the first one starts the clock for the second.
    private func noteClose(_ frame: ControlFrame, in worker: Worker) {
        if context.detail == nil { context.detail = String(frame.closeCode ?? 1005) }
        if clientHasClosed, upstreamHasClosed {
            conclude(.normal, in: worker)
            closeUpstream(in: worker)
            return client.finish(in: worker)
        }
        let deadline = worker.now + Self.closeTimeout
        closeDeadline = deadline
        client.setDeadline(deadline, in: worker)
    }

    func clientInputEnded(in worker: Worker) {
        if clientHasClosed {
            conclude(.normal, in: worker)
            closeUpstream(in: worker)
            return client.close(in: worker)
        }
        clientLost(in: worker)
        client.close(in: worker)
    }

    func clientLost(in worker: Worker) {
        guard !hasEnded else { return }
        tellUpstream(.clientGone, in: worker)
        conclude(clientHasClosed ? .normal : .clientGone, in: worker)
    }

    func upstreamInputEnded(in worker: Worker) {
        guard !hasEnded else { return }
        if upstreamHasClosed { return closeUpstream(in: worker) }
        closeUpstream(in: worker)
        end(End(reason: .upstreamClosed), in: worker)
    }

    func upstreamLost(in worker: Worker) {
        upstream = nil
        lease = nil
        guard !hasEnded, !upstreamHasClosed else { return }
        end(End(reason: .upstreamClosed), in: worker)
    }

    /// The session table gave this socket's session up.
    func end(by ending: Ending, in worker: Worker) {
        guard let seat = context.session, seat.lease.id == ending.session else { return }
        let messages = context.generation.sessionBlocks[seat.block].messages
        let message = messages.forceDisconnect(
            ending.cause,
            SessionMessages.Values(limit: ending.limit, store: seat.store, device: seat.client),
            for: context.languages)
        end(
            End(message: message, reason: ending.reason, detail: ending.cause.rawValue),
            in: worker)
    }

    /// The process stops.
    func drain(in worker: Worker) {
        var message: [UInt8]?
        if let seat = context.session {
            message = context.generation.sessionBlocks[seat.block].messages.forceDisconnect(
                .draining, SessionMessages.Values(store: seat.store, device: seat.client),
                for: context.languages)
        }
        end(End(message: message, reason: .draining), in: worker)
    }

    /// Ends the socket by a close frame of ours, as soon as it may stand in the stream.
    func end(_ end: End, in worker: Worker) {
        guard !hasEnded, pendingEnd == nil else { return }
        pendingEnd = end
        if upstream == nil, !isBetweenMessages {
            // The rest of that message will never come.
            conclude(end.reason, in: worker)
            return client.close(in: worker)
        }
        endIfPossible(in: worker)
        guard !hasEnded else { return }
        upstreamFrames.pausesAfterMessage = true
        closeDeadline = worker.now + Self.closeTimeout
        client.setDeadline(worker.now + Self.closeTimeout, in: worker)
    }

    func endIfPossible(in worker: Worker) {
        guard let end = pendingEnd, !hasEnded, isBetweenMessages else { return }
        var output: [UInt8] = []
        if let message = end.message {
            FrameEncoder.appendMessage(.text, message.span, to: &output)
        }
        FrameEncoder.appendClose(
            code: end.reason.closeCode, reason: end.detail ?? end.reason.rawValue, to: &output)
        client.stream.send(output.span)
        context.detail = end.detail
        tellUpstream(end.reason, in: worker)
        conclude(end.reason, in: worker)
        // What the client sends after a violation means nothing any more (RFC 6455 §7.1.7).
        if clientHasClosed || end.isViolation { return client.finish(in: worker) }
        let reader = messages.map { ClosingSocket.Reader.messages($0.fromClient) }
        client.begin(ClosingSocket(reader: reader ?? .frames(clientFrames)), in: worker)
    }

    /// A close frame for the upstream, as far as it may still have one, and the end.
    private func tellUpstream(_ reason: EndReason, in worker: Worker) {
        guard let upstream else { return }
        if !clientHasClosed, messages != nil || clientFrames.isBetweenFrames {
            var output: [UInt8] = []
            FrameEncoder.appendClose(
                code: reason == .normal ? 1000 : 1001, reason: reason.rawValue,
                maskingKey: worker.newMaskingKey(), to: &output)
            upstream.stream.send(output.span)
        }
        closeUpstream(in: worker)
    }

    private func closeUpstream(in worker: Worker) {
        guard let connection = upstream else { return }
        upstream = nil
        lease = nil
        connection.close(in: worker)
    }

    func conclude(_ reason: EndReason, in worker: Worker) {
        guard !hasEnded else { return }
        hasEnded = true
        context.session?.lease.end()
        worker.record(context, reason)
    }
}

// MARK: - Liveness

extension WebSocketRelay {
    static func octets(of ping: UInt32) -> [UInt8] {
        [0x67, 0x77] + (0..<4).map { UInt8(truncatingIfNeeded: ping >> ($0 * 8)) }
    }

    /// When the client is to be looked at again.
    func nextCheck(lastHeard: Instant) -> Instant {
        lastHeard + (outstandingPing == nil ? route.pingInterval : route.silenceTimeout)
    }

    func timerFired(in worker: Worker) {
        if hasEnded { return client.close(in: worker) }
        if clientHasClosed || upstreamHasClosed || pendingEnd != nil {
            conclude(pendingEnd?.reason ?? .normal, in: worker)
            closeUpstream(in: worker)
            return client.finish(in: worker)
        }
        if let stalledSince, worker.now - stalledSince >= Self.stallTimeout {
            return cutSlowClient(in: worker)
        }
        let silence = worker.now - client.lastHeard
        if silence >= route.silenceTimeout {
            return end(End(reason: .timeout, detail: "silent"), in: worker)
        }
        if silence >= route.pingInterval, outstandingPing == nil, isBetweenFrames {
            let ping = worker.newMaskingKey().bits
            outstandingPing = ping
            var output: [UInt8] = []
            FrameEncoder.appendControl(
                ControlFrame(.ping, payload: Self.octets(of: ping)), to: &output)
            client.stream.send(output.span)
        }
        if silence < route.pingInterval { outstandingPing = nil }
        scheduleCheck(in: worker)
    }

    private func scheduleCheck(in worker: Worker) {
        var next = max(nextCheck(lastHeard: client.lastHeard), worker.now + .milliseconds(500))
        if let stalledSince { next = min(next, stalledSince + Self.stallTimeout) }
        client.setDeadline(next, in: worker)
    }

    /// The queue has grown: when it is full the upstream is read no more, and the clock starts.
    func noteQueue(in worker: Worker) {
        guard stalledSince == nil, client.stream.pendingCount >= route.sendQueueSize else { return }
        stalledSince = worker.now
        client.setDeadline(worker.now + Self.stallTimeout, in: worker)
    }

    private func cutSlowClient(in worker: Worker) {
        if isBetweenFrames {
            var output: [UInt8] = []
            FrameEncoder.appendClose(
                code: EndReason.slowConsumer.closeCode, reason: EndReason.slowConsumer.rawValue,
                to: &output)
            client.stream.send(output.span)
        }
        tellUpstream(.slowConsumer, in: worker)
        conclude(.slowConsumer, in: worker)
        client.finish(in: worker)
    }
}
