package import Clock
package import Endings
internal import EventStream
package import Settings

/// An event stream (WHATWG HTML §9.2.5) on its way from the app to the client: whole events only
/// (`WholeEvents`), so that what the gateway says itself fits in between, kept alive by comments,
/// ended by rule.
///
///     open --end by rule, between two events--> over
///     open --end by rule, within one--> ending --its end, or the app's--> over
///                                       ending --it does not come in time--> over, cut
///     open --the app's end--> over
///
/// The driver tells it what happens, does what each `Step` says, and calls `timePassed` when
/// `nextDue` has come. The app's octets pass as ranges of the input; what is to be sent besides is
/// written to an array of the driver's.
package struct EventFlow: ~Copyable, Sendable {
    /// What has to be done, in the order in which it is said.
    package enum Step: Sendable, Equatable {
        /// Octets of the input, in this range, go to the client.
        case pass(Range<Int>)
        /// What was written goes to the client.
        case send
        /// The response ends behind what was written.
        case end(StreamEnding)
        /// The connection is broken off: the rest of an event that has begun will not come.
        case cut(StreamEnding)
        /// The connection is broken off: the client has not taken enough for too long.
        case tooSlow
        /// The client is taken to have left.
        case leave
        /// The asker whether the client is there hears that it is.
        case answered
        /// The client that was asked has acknowledged nothing for so long that nothing will come.
        case silent
        /// The end of the token, and whatever else has a moment of its own, is asked about. When to
        /// ask again is told by `setExpiry`.
        case askToken
    }

    package enum Timer: Int, CaseIterable, Sendable {
        /// A comment, unless something else was sent.
        case comment
        /// An acknowledgement is looked for.
        case probe
        /// The token is asked about.
        case expiry
        /// A full queue is judged.
        case queue
        /// An end by rule waits no longer for the event that is on its way.
        case boundary
    }

    private enum State {
        case open
        /// Ends by rule as soon as it may.
        case ending(StreamEnding)
        case over
    }

    /// Events of ours that wait for the end of one of the app's. Behind one whose end does not
    /// come, only the last words are kept.
    static let waitingLimit = 16
    /// How long an end by rule waits for the event that is on its way.
    private static let boundaryTimeout: Duration = .seconds(2)

    private let commentInterval: Duration
    private var state = State.open
    private var events: WholeEvents
    /// Events of ours, and how many octets they are.
    private var waiting: [[UInt8]] = []
    private var waitingSize = 0
    /// When octets were last sent to the client.
    private var lastSent: Instant
    private var probe: AcknowledgementProbe?
    private var sendQueue: SendQueueLimit
    private var timers = Timers<Timer>()

    /// - Parameter isOpaque: the app compresses the stream, although it was not asked to.
    package init(_ settings: RouteSettings, isOpaque: Bool, now: Instant) {
        commentInterval = settings.lasting.commentInterval
        events = WholeEvents(isOpaque: isOpaque)
        lastSent = now
        sendQueue = SendQueueLimit(settings)
        if !isOpaque { timers[.comment] = now + commentInterval }
    }

    /// When `timePassed` is to be called; `.never` while nothing is due.
    package var nextDue: Instant { timers.next }

    /// Octets that are kept here.
    package var heldCount: Int { events.heldCount + waitingSize }

    /// Nothing of ours can be put in now.
    package var isClosed: Bool { events.position != .between }

    /// The end by rule that waits for the end of an event: why the stream ends, whatever comes
    /// first.
    package var pendingEnd: StreamEnding? {
        if case .ending(let end) = state { end } else { nil }
    }

    /// True while the stream was not ended, and is not about to be.
    private var isOpen: Bool { if case .open = state { true } else { false } }

    // MARK: The app

    /// Takes octets of the app's from `index` on; to be called until it answers nil, with the same
    /// input.
    ///
    /// - Parameter output: empty whenever it is called.
    package mutating func received(
        _ input: Span<UInt8>, at index: inout Int, now: Instant, into output: inout [UInt8]
    ) -> Step? {
        switch state {
        case .open:
            if !waiting.isEmpty, events.position == .between {
                takeWaiting(into: &output)
                return sent(at: now)
            }
        case .ending(let end):
            if events.position == .between { return finish(end, into: &output) }
        case .over:
            events.skip(input, at: &index)
            return nil
        }
        switch events.next(input, at: &index, into: &output) {
        case .range(let range):
            lastSent = now
            return .pass(range)
        case .written: return sent(at: now)
        case nil: return nil
        }
    }

    /// The app's response is whole. A last event without its empty line goes on as it is; an end by
    /// rule that waited for one is the end.
    package mutating func appEnded(into output: inout [UInt8]) -> Step? {
        switch state {
        case .open: events.takeHeld(into: &output)
        case .ending(let end):
            close()
            return .end(end)
        case .over: return nil
        }
        close()
        return output.isEmpty ? nil : .send
    }

    /// The app has broken off its response.
    ///
    /// - Returns: nil where that is how the stream ends; an end by rule that had to wait comes
    ///   first.
    package mutating func appLost() -> Step? {
        guard case .ending(let end) = state else { return nil }
        close()
        return .cut(end)
    }

    private mutating func sent(at now: Instant) -> Step {
        lastSent = now
        return .send
    }

    private mutating func takeWaiting(into output: inout [UInt8]) {
        for event in waiting { output.append(contentsOf: event) }
        waiting = []
        waitingSize = 0
    }

    private mutating func close() {
        state = .over
        events.forgetHeld()
        waiting = []
        waitingSize = 0
        probe = nil
        timers = Timers()
    }
}

// MARK: - What the gateway says

extension EventFlow {
    /// The stream begins.
    ///
    /// - Parameters:
    ///   - session: the data of the first event of all, for a client that reads it.
    ///   - hasFinished: the client sends no more: a comment asks whether it is there.
    package mutating func begin(
        session: [UInt8]?, hasFinished: Bool, into output: inout [UInt8]
    ) -> Step? {
        if isClosed { return nil }
        if let session { Self.append("session", session, to: &output) }
        if hasFinished { EventEncoder.appendComment(to: &output) }
        return output.isEmpty ? nil : .send
    }

    /// The gateway says something of its own, behind the event that is on its way.
    package mutating func say(
        _ name: String, _ data: [UInt8], now: Instant, into output: inout [UInt8]
    ) -> Step? {
        guard isOpen else { return nil }
        switch events.position {
        case .opaque: return nil
        case .between:
            Self.append(name, data, to: &output)
            return sent(at: now)
        case .within:
            var event: [UInt8] = []
            Self.append(name, data, to: &event)
            if waiting.count == Self.waitingLimit { waitingSize -= waiting.removeFirst().count }
            waitingSize += event.count
            waiting.append(event)
            return nil
        }
    }

    private static func append(_ name: String, _ data: [UInt8], to output: inout [UInt8]) {
        EventEncoder.append(
            event: name, data: String(decoding: data, as: UTF8.self), to: &output)
    }

    /// A comment, which a client that has left answers with a reset.
    package mutating func ask(now: Instant, into output: inout [UInt8]) -> Step? {
        guard isOpen, !isClosed else { return nil }
        EventEncoder.appendComment(to: &output)
        return sent(at: now)
    }

    // MARK: Is the client there?

    /// A newcomer waits for the place of this client: it has to acknowledge a comment.
    ///
    /// - Parameters:
    ///   - hasFinished: the client sends no more.
    ///   - acknowledged: octets that the client's system has acknowledged.
    package mutating func probe(
        hasFinished: Bool, acknowledged: @autoclosure () -> Int64, now: Instant,
        into output: inout [UInt8]
    ) -> Step? {
        guard isOpen else { return nil }
        if events.position == .opaque { return Self.probedUnheard(hasFinished: hasFinished) }
        probe = AcknowledgementProbe(at: now, acknowledged: acknowledged())
        timers[.probe] = now + AcknowledgementProbe.interval
        return ask(now: now, into: &output)
    }

    /// As `probe`, where nothing can be said to the client, because its stream has not begun or is
    /// compressed: TCP will know in time, and the app is what is waited for. But who waits for a
    /// place does not wait for one who has perhaps left.
    package static func probedUnheard(hasFinished: Bool) -> Step {
        hasFinished ? .leave : .answered
    }

    private mutating func lookForAcknowledgement(
        _ acknowledgements: Acknowledgements, now: Instant
    ) -> Step? {
        switch probe?.outcome(acknowledgements, now: now) {
        case .isThere:
            probe = nil
            return .answered
        case .isSilent:
            probe = nil
            return .silent
        case nil: if probe != nil { timers[.probe] = now + AcknowledgementProbe.interval }
        }
        return nil
    }

    // MARK: The client's queue

    /// The app may be read from.
    package func hasRoom(behind pending: Int) -> Bool { sendQueue.hasRoom(behind: pending) }

    /// More waits for the client now: when it is too much a clock starts.
    package mutating func queueGrew(to pending: Int, now: Instant) {
        guard isOpen, let next = sendQueue.grew(to: pending, now: now) else { return }
        timers[.queue] = next
    }

    /// The client took something. True when the app may be read from again.
    package mutating func queueShrank(to pending: Int, now: Instant) -> Bool {
        guard sendQueue.shrank(to: pending, now: now) else { return false }
        timers.clear(.queue)
        return true
    }

    private mutating func judgeQueue(taken: Int64, now: Instant) -> Step? {
        switch sendQueue.judge(taken: taken, now: now) {
        case .inTime(let next): timers[.queue] = next
        case .tooSlow:
            close()
            return .tooSlow
        case nil: break
        }
        return nil
    }

    // MARK: Ends by rule

    /// The stream is ended by rule; the first end that is told is the one.
    package mutating func end(
        _ end: StreamEnding, now: Instant, into output: inout [UInt8]
    ) -> Step? {
        guard isOpen else { return nil }
        guard events.position == .within else { return finish(end, into: &output) }
        guard end.awaitsBoundary else {
            close()
            return .cut(end)
        }
        state = .ending(end)
        probe = nil
        timers = Timers()
        timers[.boundary] = now + Self.boundaryTimeout
        return nil
    }

    /// What is held is the beginning of an event that nobody will hear.
    private mutating func finish(_ end: StreamEnding, into output: inout [UInt8]) -> Step {
        if !isClosed {
            takeWaiting(into: &output)
            end.append(to: &output)
        }
        close()
        return .end(end)
    }

    // MARK: Time

    /// When the token is to be asked about next; `.never` for not by itself. Where that has come it
    /// is asked about before anything else is said.
    package mutating func setExpiry(_ instant: Instant, now: Instant) -> Step? {
        timers.clear(.expiry)
        guard isOpen else { return nil }
        if instant <= now { return .askToken }
        timers[.expiry] = instant
        return nil
    }

    /// Does what is due by `now`; to be called until it answers nil.
    ///
    /// - Parameters:
    ///   - taken: octets that the client has acknowledged since its connection was opened.
    ///   - acknowledgements: what the client's system has acknowledged.
    ///   - output: empty whenever it is called.
    package mutating func timePassed(
        to now: Instant, taken: @autoclosure () -> Int64,
        acknowledgements: @autoclosure () -> Acknowledgements, into output: inout [UInt8]
    ) -> Step? {
        while let timer = timers.takeDue(at: now) {
            let step: Step? =
                switch timer {
                case .comment: comment(now: now, into: &output)
                case .probe: lookForAcknowledgement(acknowledgements(), now: now)
                case .expiry: .askToken
                case .queue: judgeQueue(taken: taken(), now: now)
                case .boundary: appLost()
                }
            if let step { return step }
        }
        return nil
    }

    /// The client stands between two events, also while the beginning of one is held back.
    private mutating func comment(now: Instant, into output: inout [UInt8]) -> Step? {
        let step = now - lastSent >= commentInterval ? ask(now: now, into: &output) : nil
        let next = lastSent + commentInterval
        timers[.comment] = next > now ? next : now + commentInterval
        return step
    }
}
