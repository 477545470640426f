package import Clock
import Endings
package import Settings
package import SocketIO
import WebSocket

/// A WebSocket between a client and an upstream, from the upstream's 101 to the end: what goes on
/// to whom, what is said between, and how it ends. It knows no socket, no time and no zlib: its
/// driver hands in octets and the time, does what is answered, and reports what became of it.
///
///     open --close frame of one side--> closing --the other's, or too late--> over
///     open --the client breaks a rule--> violated --the upstream answered, or too late--> ending
///     any --end by rule--> ending --the message on its way is over--> over
///     any --one side is gone--> over
///
/// Without compression data frames go through as they came, still masked; only their headers are
/// read (`clientSent(_:at:)`). With it, or where messages are for the gateway itself, whole ones
/// are read (`clientSent(_:at:into:allowance:)`). Every event may give orders: they are to be taken
/// (`takeOrder`) before the next event, and in front of what the next read answers.
///
/// A close frame is the last that is sent to either side (RFC 6455 §5.5.1). Frames of ours stand
/// between messages, and never within a frame (§5.4).
package struct WebSocketFlow: ~Copyable {
    /// What is due by itself, each by its own time.
    package enum Timer: Int, CaseIterable {
        /// The token's end, or a notice before it.
        case token
        /// A look at the client: pings and silence.
        case look
        /// Whether a client has acknowledged something that was asked whether it lives.
        case probe
        /// The `send_queue` is full.
        case queue
        /// The end of a close handshake, or of a message that is waited for.
        case end
        /// The app has to open its session of Engine.IO.
        case session
        /// A session of Engine.IO is kept alive that its app has still to open.
        case heartbeat
    }

    enum State {
        case open
        /// One close frame went through, the other is waited for.
        case closing(SentClose)
        /// The client broke a rule. What it said before is still answered, if the upstream does so
        /// soon; then it is told why it ends.
        case violated(StreamEnding)
        /// Waits for the end of the upstream's message, for the last words to stand behind it.
        case ending(StreamEnding, SentClose?)
        case over
    }

    /// What the route and the opening handshake settled.
    package struct Terms: Sendable {
        let pings: RouteSettings.Pings
        let pingInterval: Duration
        let silenceTimeout: Duration
        let speaksControl: Bool
        /// Where packets of Socket.IO go; nil where it is not spoken.
        let namespace: String?

        /// - Parameter speaksControl: the client speaks `gateway.v1`.
        package init(_ settings: RouteSettings, speaksControl: Bool, namespace: String?) {
            pings = settings.pings
            pingInterval = settings.pingInterval
            silenceTimeout = settings.silenceTimeout
            self.speaksControl = speaksControl
            self.namespace = namespace
        }
    }

    let terms: Terms
    var state = State.open
    /// Read the two directions while they are passed on as they come.
    var clientFrames: FrameRelay
    var upstreamFrames: FrameRelay
    /// Reads both directions instead where whole messages are read.
    var messages: MessageDirections? { intake.messages }
    /// From whom it may be read. Nothing of it changes.
    package let intake: SocketIntake
    var toClient = WaitingFrames()
    /// Nil when the upstream's connection is gone.
    var toUpstream: WaitingFrames? = WaitingFrames()
    var liveness: ClientLiveness
    var queue: SendQueueLimit
    var controlRate: ControlRate
    var orders = SocketOrders()
    package internal(set) var timers = Timers<Timer>()

    /// - Parameters:
    ///   - settings: of the route.
    ///   - passesCompressed: the two ends speak compression with each other: frames may be
    ///     compressed and are not touched.
    ///   - compression: spoken here, with the client, the upstream or both.
    ///   - engine: a session of Engine.IO that was opened for the app.
    ///   - lastHeard: when octets last came from the client.
    package init(
        _ settings: RouteSettings, _ terms: Terms, passesCompressed: Bool,
        compression: MessageDirections.Terms, engine: EngineSession?, lastHeard: Instant,
        now: Instant
    ) {
        self.terms = terms
        clientFrames = FrameRelay(
            from: .client, limits: settings.clientLimits, allowsCompression: passesCompressed)
        upstreamFrames = FrameRelay(
            from: .server, limits: .none, allowsCompression: passesCompressed)
        let reads =
            compression.client != nil || compression.upstream != nil || terms.speaksControl
            || engine != nil
        let messages =
            reads
            ? MessageDirections(
                compression, limits: settings.compressedClientLimits,
                plainSize: settings.messageSize, engine: engine) : nil
        liveness = ClientLiveness(now: now, lastHeard: lastHeard)
        queue = SendQueueLimit(settings)
        intake = SocketIntake(
            messages: messages, answersHere: terms.pings == .answer || terms.speaksControl,
            queue: queue.size)
        controlRate = ControlRate(perSecond: settings.controlRate)
        timers[.look] = lastHeard + terms.pingInterval
        timers[.heartbeat] = engine?.nextPing ?? .never
    }

    // MARK: What it is asked

    package mutating func takeOrder() -> SocketOrder? { orders.take() }

    package var isOver: Bool { if case .over = state { true } else { false } }

    /// True while neither side, nor the gateway, has begun to close.
    package var isOpen: Bool { if case .open = state { true } else { false } }

    /// Whole messages are read.
    package var readsMessages: Bool { intake.readsMessages }

    /// Messages of the client's and of the upstream's so far.
    package var messageCounts: (fromClient: Int, fromUpstream: Int) {
        guard let messages else {
            return (clientFrames.messageCount, upstreamFrames.messageCount)
        }
        return (messages.fromClient.messageCount, messages.fromUpstream.messageCount)
    }

    /// Octets that are kept of messages that are not whole, or not read.
    package var heldCount: Int { intake.heldCount }

    /// What reads on behind the end, from the very octet at which the flow has stopped.
    package var closingSocket: ClosingSocket {
        ClosingSocket(
            reader: messages.map { .messages($0.fromClient) } ?? .frames(clientFrames))
    }

    // MARK: Flow control

    /// - Parameters:
    ///   - pending: octets that wait for the client.
    ///   - upstreamPending: octets that wait for the upstream; 0 when it is gone.
    package func wantsClientInput(behind pending: Int, upstreamPending: Int) -> Bool {
        intake.wantsClientInput(behind: pending, upstreamPending: upstreamPending)
    }

    package func wantsUpstreamInput(behind pending: Int) -> Bool {
        intake.wantsUpstreamInput(behind: pending)
    }

    /// The client took some of what waited for it.
    ///
    /// - Returns: true when the upstream may be read from again.
    package mutating func clientDrained(to pending: Int, now: Instant) -> Bool {
        liveness.moved(at: now)
        return queue.shrank(to: pending, now: now)
    }

    /// The upstream took some of what waited for it.
    ///
    /// - Returns: true when the client may be read from again: what it said while it was not is
    ///   heard soon.
    package mutating func upstreamDrained(to pending: Int, now: Instant) -> Bool {
        guard pending <= Flow.lowWater else { return false }
        liveness.moved(at: now)
        return true
    }

    /// Notes how many octets wait for the client behind what it was just sent.
    package mutating func clientHasWaiting(_ pending: Int, now: Instant) {
        guard let next = queue.grew(to: pending, now: now) else { return }
        timers[.queue] = next
    }
}

extension RouteSettings {
    /// What a client may send.
    fileprivate var clientLimits: FrameLimits {
        FrameLimits(
            messageSize: messageSize, frameSize: frameSize, fragmentCount: fragmentCount)
    }

    /// As `clientLimits`, with room for messages that became larger by being compressed: zlib adds
    /// at most a sixteenth, with its smallest window and memory.
    fileprivate var compressedClientLimits: FrameLimits {
        FrameLimits(
            messageSize: messageSize + messageSize / 16 + 64, frameSize: frameSize,
            fragmentCount: fragmentCount)
    }
}
