package import Clock
package import Endings
import Settings
import SocketIO
import WebSocket

/// How a WebSocket ends: by its two ends, by rule, or because one of them is gone.
extension WebSocketFlow {
    /// How long one side's close frame waits for the other's, and an end for that of a message.
    static let closeTimeout: Duration = .seconds(5)
    /// How long the upstream has to answer what came before a violation of the client's.
    static let settleTimeout: Duration = .milliseconds(500)

    // MARK: Close frames

    mutating func clientClosed(_ frame: ControlFrame, now: Instant) {
        if toUpstream != nil { orders.give(.toUpstream(.control(frame))) }
        passed(frame, by: .client, now: now)
    }

    mutating func upstreamClosed(_ frame: ControlFrame, now: Instant) {
        switch state {
        // That answers the gateway's close frame, not one of the client's.
        case .violated(var ending):
            // Within a message its end cannot come any more.
            ending.awaitsBoundary = false
            end(ending, now: now)
        case .ending(let ending, let closed?) where closed.sender == .gateway: breakOff(ending)
        case .open, .closing, .ending:
            orders.give(.toClient(.control(frame)))
            passed(frame, by: .upstream, now: now)
        case .over: break
        }
    }

    /// A close frame went through; the first one starts the clock for the second.
    private mutating func passed(_ frame: ControlFrame, by sender: SentClose.Sender, now: Instant) {
        let closed = SentClose(sender: sender, frame: frame)
        switch state {
        case .open:
            state = .closing(closed)
            timers[.end] = now + Self.closeTimeout
            stopLooking()
        case .ending(let ending, nil): state = .ending(ending, closed)
        case .closing(let first): conclude(.normal, detail: first.word, .finish)
        case .ending(let ending, let first?):
            conclude(ending.reason, detail: first.word, .finish)
        case .violated, .over: break
        }
    }

    // MARK: Orders of others

    /// Ends the socket by a close frame of the gateway's, as soon as it may stand in the stream.
    /// Whoever ends already goes on to end as he does; an end that cannot wait makes him wait no
    /// longer.
    package mutating func end(_ ending: StreamEnding, now: Instant) {
        switch state {
        case .ending where !ending.awaitsBoundary: endAtOnce(ending)
        case .over, .ending: break
        case .open: begin(ending, nil, now: now)
        case .closing(let closed) where closed.sender == .upstream:
            // Nothing may follow it.
            conclude(ending.reason, detail: closed.word, .finish)
        case .closing(let closed): begin(ending, closed, now: now)
        case .violated: begin(ending, SentClose(sender: .gateway, frame: nil), now: now)
        }
    }

    /// Ends the socket at once: what either side still sends or waits for is nobody's any more.
    /// Whoever ends already does as he was told first.
    package mutating func giveUp(_ reason: EndReason, detail: String?) {
        if !isOver { endAtOnce(StreamEnding(reason, detail: detail)) }
    }

    private mutating func endAtOnce(_ next: StreamEnding) {
        let ending = if case .ending(let first, _) = state { first } else { next }
        guard let closed, closed.sender == .upstream else { return breakOff(ending) }
        conclude(ending.reason, detail: closed.word, .finish)
    }

    /// The client takes what waits for it slower than it may.
    ///
    /// - Returns: false for one that closes already: its connection is worth nothing any more.
    package mutating func tookTooLittle() -> Bool {
        guard isOpen else { return false }
        breakOff(StreamEnding(.slowConsumer, detail: "rate"), .finishSoon)
        return true
    }

    /// Sends a text message of the gateway's, behind the message that is on its way.
    package mutating func say(_ message: [UInt8]) {
        switch state {
        case .open, .closing:
            toClient.wait(message)
            sendWaitingToClient()
        case .violated, .ending, .over: break
        }
    }

    // MARK: Losses

    /// The client's connection is broken, or it has finished sending. What it said before such an
    /// end and is held counts first: the end is to be told again when some of that was read.
    package mutating func clientLost(isBroken: Bool = true) {
        if isOver || !isBroken && messages?.held.isEmpty == false { return }
        leaveUpstream(.clientGone)
        switch state {
        case .violated(let ending): conclude(ending.reason, detail: ending.detail, .close)
        case .ending(let ending, let closed):
            conclude(ending.reason, detail: closed?.word ?? ending.detail, .close)
        case .open, .closing:
            conclude(
                closed?.sender == .client ? .normal : .clientGone, detail: closed?.word, .close)
        case .over: break
        }
    }

    /// The upstream's connection is broken, or it has finished sending.
    ///
    /// - Parameter explanation: an object for the client, where it reads such.
    package mutating func upstreamLost(explanation: [UInt8]?, now: Instant) {
        if isOver { return }
        toUpstream = nil
        orders.give(.closeUpstream)
        switch state {
        case .closing(let closed) where closed.sender == .upstream: break
        case .ending(_, let closed?) where closed.sender == .upstream: break
        case .ending(let ending, _): breakOff(ending)
        case .violated(var ending):
            ending.awaitsBoundary = false
            end(ending, now: now)
        case .open, .closing:
            end(
                StreamEnding(.upstreamClosed, message: explanation, awaitsBoundary: false),
                now: now)
        case .over: break
        }
    }

    // MARK: Violations

    /// The client broke the protocol or a limit.
    mutating func violated(_ reason: EndReason, _ detail: String, now: Instant) {
        guard isListening else { return }
        orders.give(.ignoreClient)
        let ending = StreamEnding(reason, detail: detail)
        switch state {
        case .violated, .over: break
        case .closing: end(ending, now: now)
        // The client's close frame will not come any more.
        case .ending(let first, let closed?): conclude(first.reason, detail: closed.word, .finish)
        case .ending(let first, nil):
            leaveUpstream(first.reason)
            state = .ending(first, SentClose(sender: .gateway, frame: nil))
        case .open:
            if toUpstream != nil { orders.give(.toUpstream(.goodbye(reason))) }
            state = .violated(ending)
            timers[.end] = now + Self.settleTimeout
            stopLooking()
        }
    }

    // MARK: Time

    /// What `end` was set for has not come in time.
    mutating func endTimedOut(now: Instant) {
        switch state {
        case .open, .over: break
        case .violated(let ending): end(ending, now: now)
        case .ending(let ending, nil): breakOff(ending)
        case .ending(let ending, let closed?):
            answerClose(closed)
            if closed.sender == .gateway { return breakOff(ending) }
            conclude(ending.reason, detail: closed.word, .finish)
        case .closing(let closed):
            answerClose(closed)
            conclude(.normal, detail: closed.word, .finish)
        }
    }

    /// A client that has closed is answered what it said, where its app does not answer (RFC 6455
    /// §5.5.1): else it would take a good end for a broken connection.
    private mutating func answerClose(_ closed: SentClose) {
        guard closed.sender == .client, let frame = closed.frame, mayCloseNow else { return }
        orders.give(.toClient(.control(frame)))
    }

    // MARK: The end

    private mutating func begin(_ ending: StreamEnding, _ closed: SentClose?, now: Instant) {
        state = .ending(ending, closed)
        stopLooking()
        if isBetweenMessages { return sayLast(ending, closed) }
        guard ending.awaitsBoundary else { return breakOff(ending) }
        upstreamFrames.pausesAfterMessage = true
        timers[.end] = now + Self.closeTimeout
    }

    /// The last words and the close frame, between two messages.
    mutating func sayLast(_ ending: StreamEnding, _ closed: SentClose?) {
        let words = ending.lastWords(in: terms.namespace)
        for message in words { orders.give(.toClient(.text(message))) }
        orders.give(.toClient(.close(ending)))
        leaveUpstream(ending.reason)
        // What the client sends after a violation means nothing any more (RFC 6455 §7.1.7).
        conclude(ending.reason, detail: ending.detail, closed == nil ? .awaitClose : .finish)
    }

    /// Ends the socket within a message whose rest will never come. A close frame may stand between
    /// two fragments (RFC 6455 §5.4), but not within one.
    mutating func breakOff(_ ending: StreamEnding, _ client: SocketEnd.Client = .finish) {
        if mayCloseNow { orders.give(.toClient(.close(ending))) }
        leaveUpstream(ending.reason)
        conclude(ending.reason, detail: ending.detail, client)
    }

    /// A close frame may stand between two frames for the client (RFC 6455 §5.4).
    private var mayCloseNow: Bool { messages != nil || upstreamFrames.isBetweenFrames }

    /// A close frame for the upstream, as far as it may still have one.
    private mutating func leaveUpstream(_ reason: EndReason) {
        guard toUpstream != nil, mayUpstreamHear, messages != nil || clientFrames.isBetweenFrames
        else { return }
        orders.give(.toUpstream(.goodbye(reason)))
    }

    private mutating func conclude(
        _ reason: EndReason, detail: String?, _ client: SocketEnd.Client
    ) {
        state = .over
        timers = Timers()
        orders.give(.end(SocketEnd(reason: reason, detail: detail, client: client)))
    }

    /// Clients that close are not looked after any more: `end` is waited for.
    private mutating func stopLooking() {
        for timer: Timer in [.look, .probe, .token] { timers.clear(timer) }
    }

    /// The side whose close frame was sent to the other side, if one was.
    private var closed: SentClose? {
        switch state {
        case .open, .over: nil
        case .closing(let closed): closed
        case .violated: SentClose(sender: .gateway, frame: nil)
        case .ending(_, let closed): closed
        }
    }

    /// No close frame was sent to the upstream yet, of whomever.
    var mayUpstreamHear: Bool { !isOver && (closed?.sender ?? .upstream) == .upstream }
}

extension StreamEnding {
    /// The text messages in front of the close frame, which say to the client's program what the
    /// code means: a JSON object, or packets of Socket.IO where that is spoken, whose clients would
    /// take anything else for broken.
    ///
    /// - Parameter namespace: where packets go; nil where no Socket.IO is spoken.
    fileprivate func lastWords(in namespace: String?) -> [[UInt8]] {
        guard let namespace else { return message.map { [$0] } ?? [] }
        var packets: [[UInt8]] = []
        if let message {
            packets.append(
                SocketPacket.event(namespace, "force_disconnect", argument: message.span))
        }
        if comingBack == .never, reason.isAboutClient {
            packets.append(SocketPacket.disconnect(namespace))
        }
        return packets
    }
}
