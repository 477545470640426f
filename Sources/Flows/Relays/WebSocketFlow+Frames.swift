package import Clock
package import Endings
import Settings
package import WebSocket

/// What a read of a direction answers that is passed on as it comes.
package enum FrameStep: Sendable {
    /// Octets of the input, in this range, go to the other side.
    case forward(Range<Int>)
    /// The beginning of a frame that came in pieces goes to the other side.
    case forwardHeader(HeaderOctets)
    case order(SocketOrder)
}

/// Both directions, frame by frame, and the control frames in them.
extension WebSocketFlow {
    /// Octets came from the client, which is a sign of life. To be followed by reading them.
    package mutating func heard(at now: Instant) {
        if liveness.heard(at: now) { orders.give(.clientIsThere) }
    }

    /// Reads on at `index`; nil when the input is used up, or means nothing any more, and no order
    /// waits.
    package mutating func clientSent(
        _ input: Span<UInt8>, at index: inout Int, now: Instant
    ) -> FrameStep? {
        repeat {
            if let order = orders.take() { return .order(order) }
            guard isListening else { return nil }
            do throws(WebSocketError) {
                guard let event = try clientFrames.decode(input, at: &index) else { return nil }
                switch event {
                case .forward(let range):
                    if clientFrames.pausesAfterMessage { sendWaitingToUpstream() }
                    return .forward(range)
                case .forwardHeader(let header):
                    if clientFrames.pausesAfterMessage { sendWaitingToUpstream() }
                    return .forwardHeader(header)
                case .control(let frame): clientSent(frame, now: now)
                }
            } catch {
                violated(error.reason, error.rawValue, now: now)
                return orders.take().map { .order($0) }
            }
        } while true
    }

    /// As `clientSent(_:at:now:)`, of the upstream's octets.
    package mutating func upstreamSent(
        _ input: Span<UInt8>, at index: inout Int, now: Instant
    ) -> FrameStep? {
        repeat {
            if let order = orders.take() { return .order(order) }
            if isOver { return nil }
            do throws(WebSocketError) {
                guard let event = try upstreamFrames.decode(input, at: &index) else { return nil }
                switch event {
                case .forward(let range):
                    // In the steady state nothing waits for the end of a message.
                    if upstreamFrames.pausesAfterMessage { messageMayBeOver() }
                    return .forward(range)
                case .forwardHeader(let header):
                    if upstreamFrames.pausesAfterMessage { messageMayBeOver() }
                    return .forwardHeader(header)
                case .control(let frame):
                    upstreamSent(frame, now: now)
                    messageMayBeOver()
                }
            } catch {
                upstreamViolated(error, now: now)
                return orders.take().map { .order($0) }
            }
        } while true
    }

    /// The client is not listened to any more once it broke a rule.
    var isListening: Bool {
        switch state {
        case .open, .closing: true
        case .ending(_, let closed): closed?.sender != .gateway
        case .violated, .over: false
        }
    }

    mutating func upstreamViolated(_ error: WebSocketError, now: Instant) {
        end(
            StreamEnding(
                .internalError, detail: "upstream_" + error.rawValue, awaitsBoundary: false),
            now: now)
    }

    // MARK: Control frames

    mutating func clientSent(_ frame: ControlFrame, now: Instant) {
        switch frame.kind {
        case .close: return clientClosed(frame, now: now)
        case .pong where liveness.takesPong(frame.payload): return
        case .ping, .pong: break
        }
        guard controlRate.allows(at: now) else {
            return violated(.rateLimited, "control_frames", now: now)
        }
        switch terms.pings {
        case .relay: if toUpstream != nil { orders.give(.toUpstream(.control(frame))) }
        case .answer where frame.kind == .ping:
            toClient.answer(frame)
            sendWaitingToClient()
        // A pong that nobody waits for (RFC 6455 §5.5.3).
        case .answer: break
        }
    }

    mutating func upstreamSent(_ frame: ControlFrame, now: Instant) {
        switch (frame.kind, terms.pings) {
        case (.close, _): upstreamClosed(frame, now: now)
        case (.ping, .relay), (.pong, .relay): orders.give(.toClient(.control(frame)))
        case (.ping, .answer):
            toUpstream?.answer(frame)
            sendWaitingToUpstream()
        case (.pong, .answer): break
        }
    }

    // MARK: Frames of ours

    /// True when something of our own may be sent to the client now.
    var isBetweenMessages: Bool {
        messages?.fromUpstream.isBetweenMessages ?? upstreamFrames.isBetweenMessages
    }

    /// A message of the upstream's may have ended: what waits for that is sent.
    mutating func messageMayBeOver() {
        if !toClient.isEmpty { sendWaitingToClient() }
        if case .ending(let ending, let closed) = state, isBetweenMessages {
            sayLast(ending, closed)
        }
    }

    /// Sends what waits for the client, if no message is on its way; else behind that message.
    mutating func sendWaitingToClient() {
        guard mayClientHear else { return toClient = WaitingFrames() }
        guard isBetweenMessages else { return upstreamFrames.pausesAfterMessage = true }
        if case .ending = state {} else { upstreamFrames.pausesAfterMessage = false }
        for frame in toClient.takeAll() { orders.give(.toClient(frame)) }
    }

    /// As `sendWaitingToClient`, in the other direction.
    private mutating func sendWaitingToUpstream() {
        guard mayUpstreamHear else { return toUpstream = WaitingFrames() }
        guard messages != nil || clientFrames.isBetweenMessages else {
            return clientFrames.pausesAfterMessage = true
        }
        clientFrames.pausesAfterMessage = false
        for frame in toUpstream?.takeAll() ?? [] { orders.give(.toUpstream(frame)) }
    }

    /// No close frame was sent to the client yet, of whomever.
    private var mayClientHear: Bool {
        switch state {
        case .open, .violated: true
        case .closing(let closed), .ending(_, let closed?): closed.sender != .upstream
        case .ending(_, nil): true
        case .over: false
        }
    }
}

extension WebSocketError {
    /// The row of the table of endings.
    package var reason: EndReason {
        switch closeCode {
        case 1007: .invalidPayload
        case 1009: .tooBig
        default: .protocolError
        }
    }
}
