import Bytes
package import Clock
import Endings
import Identity
import Settings
import SocketIO
package import WebSocket

/// What a read of a direction answers whose messages are read whole.
package enum MessageStep: Sendable {
    /// Where the octets of a message are.
    package enum Place: Sendable, Equatable {
        /// In the `payload` of the read.
        case payload
        case input(Range<Int>)
    }

    /// The message goes to the other side in one frame.
    case message(MessageKind, Place, MessageDirections.Form)
    /// The message is to be inflated; what came of it is told (`inflated`, `cannotInflate`) before
    /// the next read.
    case inflate(MessageKind, Place)
    /// A piece of a long message, in the `payload`, goes to the client as a frame.
    case fragment(MessageKind, isFirst: Bool, isLast: Bool)
    case order(SocketOrder)
}

/// How much of a client's input may be read in this turn: inflating takes time that others wait.
package struct TurnAllowance: Sendable {
    /// Messages of so many octets on the wire cannot inflate to much: those who send no more than
    /// that wait for nobody's bombs.
    static let lightSize = 8 * 1024

    package var light: Bool
    package var heavy: Bool

    package init(light: Bool, heavy: Bool) {
        self.light = light
        self.heavy = heavy
    }
}

/// Both directions, message by message: inflated, deflated, and read where they may be for the
/// gateway itself.
extension WebSocketFlow {
    /// The app has still to open its session of Engine.IO.
    var awaitsSession: Bool { messages?.awaitsSession ?? false }

    // MARK: From the client

    /// Reads on at `index`; nil when the input is used up, or means nothing any more, and no order
    /// waits. What the upstream does not take, or what is not allowed in this turn, is held.
    ///
    /// - Parameters:
    ///   - payload: as of `MessageAssembler.decode`.
    ///   - upstreamPending: octets that wait for the upstream; 0 when it is gone.
    package mutating func clientSent(
        _ input: Span<UInt8>, at index: inout Int, into payload: inout [UInt8],
        allowance: TurnAllowance, upstreamPending: Int, now: Instant
    ) -> MessageStep? {
        guard let messages else { return nil }
        repeat {
            if let order = orders.take() { return .order(order) }
            guard isListening, index < input.count else { return nil }
            let left = messages.fromClient.gatheredCount + input.count - index
            let isLight = left <= TurnAllowance.lightSize
            guard isLight ? allowance.light : allowance.heavy, messages.held.isEmpty,
                !messages.awaitsSession, upstreamPending < Flow.highWater
            else {
                messages.held.append(copying: input.extracting(index..<input.count))
                index = input.count
                return .order(.resumeLater(isLight: isLight))
            }
            do throws(WebSocketError) {
                guard let event = try messages.fromClient.decode(input, at: &index, into: &payload)
                else { return nil }
                switch event {
                case .message(let kind, isCompressed: true): return .inflate(kind, .payload)
                case .message(let kind, isCompressed: false):
                    if let form = clientSaid(kind, payload.span, now: now) {
                        return .message(kind, .payload, form)
                    }
                case .control(let frame): clientSent(frame, now: now)
                // Only for masked frames, and below the size that would spill.
                case .messageInPlace, .fragment: break
                }
            } catch {
                violated(error.reason, error.rawValue, now: now)
                return orders.take().map { .order($0) }
            }
        } while true
    }

    /// What is to be read now of what was held; empty while it has to wait, since then the
    /// upstream's next drain brings it back.
    package mutating func takeHeld(upstreamPending: Int) -> [UInt8] {
        guard let messages, isOver || !messages.awaitsSession && upstreamPending < Flow.highWater
        else { return [] }
        return messages.takeHeld()
    }

    /// A whole message of the client's.
    ///
    /// - Returns: how it goes to the upstream; nil for one that does not.
    private mutating func clientSaid(
        _ kind: MessageKind, _ message: Span<UInt8>, now: Instant
    ) -> MessageDirections.Form? {
        guard let messages else { return nil }
        if kind == .text {
            if messages.engine?.takesPong(message) ?? false { return nil }
            if terms.speaksControl, ControlRequest.isMeant(by: message),
                gatewayWasAsked(message, now: now)
            {
                return nil
            }
        }
        return messages.formForUpstream(message.count)
    }

    /// - Returns: false for a message that only mentions the word.
    private mutating func gatewayWasAsked(_ message: Span<UInt8>, now: Instant) -> Bool {
        let order: SocketOrder
        do throws(ControlError) {
            switch try ControlRequest.decode(message) {
            case .refresh(let token): order = .refresh(token)
            }
        } catch {
            if error == .unknownType { return false }
            order = .refuse(error)
        }
        if controlRate.allows(at: now) {
            orders.give(order)
        } else {
            violated(.rateLimited, "control_messages", now: now)
        }
        return true
    }

    // MARK: From the upstream

    /// As `clientSent(_:at:into:…)`, of the upstream's octets.
    package mutating func upstreamSent(
        _ input: Span<UInt8>, at index: inout Int, into payload: inout [UInt8], now: Instant
    ) -> MessageStep? {
        guard let messages else { return nil }
        repeat {
            if let order = orders.take() { return .order(order) }
            if isOver { return nil }
            var step: MessageStep?
            do throws(WebSocketError) {
                guard
                    let event = try messages.fromUpstream.decode(
                        input, at: &index, into: &payload)
                else { return nil }
                switch event {
                case .messageInPlace(let kind, let isCompressed, let range):
                    step = upstreamSaid(
                        kind, .input(range), input.extracting(range), isCompressed: isCompressed,
                        now: now)
                case .message(let kind, let isCompressed):
                    step = upstreamSaid(
                        kind, .payload, payload.span, isCompressed: isCompressed, now: now)
                case .fragment where messages.awaitsSession: appIsStrange(now: now)
                case .fragment(let kind, let isFirst, let isLast):
                    step = .fragment(kind, isFirst: isFirst, isLast: isLast)
                case .control(let frame): upstreamSent(frame, now: now)
                }
                messageMayBeOver()
            } catch {
                upstreamViolated(error, now: now)
                return orders.take().map { .order($0) }
            }
            if let step { return step }
        } while true
    }

    private mutating func upstreamSaid(
        _ kind: MessageKind, _ place: MessageStep.Place, _ message: Span<UInt8>,
        isCompressed: Bool, now: Instant
    ) -> MessageStep? {
        guard let messages else { return nil }
        if messages.awaitsSession, !isCompressed {
            appOpened(kind, message, now: now)
            return nil
        }
        let form = messages.formForClient(message.count, isCompressed: isCompressed)
        return form.map { .message(kind, place, $0) } ?? .inflate(kind, place)
    }

    // MARK: Inflated messages

    /// The most that the message at hand of the upstream's may inflate to.
    package var upstreamInflateLimit: Int { messages?.upstreamInflateLimit ?? 0 }

    /// A message of the client's that was to be inflated.
    ///
    /// - Returns: how it goes to the upstream; nil for one that does not.
    package mutating func clientInflated(
        _ kind: MessageKind, _ message: Span<UInt8>, now: Instant
    ) -> MessageDirections.Form? {
        clientSaid(kind, message, now: now)
    }

    /// As `clientInflated`, of a message of the upstream's, for the client.
    package mutating func upstreamInflated(
        _ kind: MessageKind, _ message: Span<UInt8>, now: Instant
    ) -> MessageDirections.Form? {
        guard let messages else { return nil }
        if messages.awaitsSession {
            appOpened(kind, message, now: now)
            return nil
        }
        return messages.formForClient(message.count, isCompressed: false)
    }

    /// - Parameter isCorrupt: else it inflates to too much.
    package mutating func clientCannotBeInflated(isCorrupt: Bool, now: Instant) {
        violated(isCorrupt ? .invalidPayload : .tooBig, "inflate", now: now)
    }

    package mutating func upstreamCannotBeInflated(now: Instant) {
        if awaitsSession { return appIsStrange(now: now) }
        end(
            StreamEnding(.internalError, detail: "upstream_inflate", awaitsBoundary: false),
            now: now)
    }

    /// Whether a message of the upstream's became shorter by being deflated.
    package func deflated(shrank: Bool) { messages?.deflated(shrank: shrank) }

    // MARK: Engine.IO

    /// The app has given its WebSocket; its session comes within that time.
    package mutating func awaitSession(for patience: Duration, now: Instant) {
        if awaitsSession { timers[.session] = now + patience }
    }

    /// The first message of the app's, which the client does not hear.
    private mutating func appOpened(_ kind: MessageKind, _ message: Span<UInt8>, now: Instant) {
        if isOver { return }
        do throws(PacketError) {
            guard
                let handover = try messages?.engine?.appSaid(
                    message, isText: kind == .text, now: now)
            else { return }
            timers.clear(.session)
            timers.clear(.heartbeat)
            orders.give(.sendFirstMessage(handover))
            if handover.needsPing { keepSession(now: now) }
            // What has come meanwhile, and what comes now.
            orders.give(.resumeLater(isLight: true))
        } catch {
            appIsStrange(now: now)
        }
    }

    /// The app does not speak Engine.IO.
    private mutating func appIsStrange(now: Instant) {
        end(
            StreamEnding(
                .internalError, detail: "upstream_" + PacketError.open.rawValue,
                awaitsBoundary: false),
            now: now)
    }

    mutating func sessionTimedOut(now: Instant) {
        guard awaitsSession else { return }
        end(
            StreamEnding(
                .upstreamUnavailable, detail: PacketError.open.rawValue, awaitsBoundary: false),
            now: now)
    }

    /// The client's session of Engine.IO is kept alive from here.
    mutating func keepSession(now: Instant) {
        guard isOpen, let packet = messages?.engine?.ping(at: now) else { return }
        orders.give(.toClient(.text(packet)))
        timers[.heartbeat] = messages?.engine?.nextPing ?? .never
    }
}
