internal import Bytes
internal import Clock
internal import Endings
internal import EventStream
internal import HTTP
internal import HTTP1
internal import Identity
internal import Relays
internal import Sessions
internal import Settings
internal import Transport

/// What an event stream needs beyond a response's body: whole events only, so that ours fit in
/// between.
struct EventRelay {
    /// The longest beginning of an event that is held back until its end comes.
    static let heldSize = 64 * 1024

    /// The app compresses it, although it was not asked to: nobody can tell where events end, and
    /// nothing of ours is put in.
    let isOpaque: Bool
    var boundary = EventBoundary()
    /// Octets of the app's were sent.
    private(set) var hasBegun = false
    /// The beginning of an event whose end has not come.
    var held: [UInt8] = []
    /// A part of an event that was too long to be held has been sent: ours must wait for its end.
    var isInsideEvent = false
    /// When octets were last sent to the client.
    var lastSent: Instant
    /// Events of ours that wait for that.
    private(set) var waiting: [[UInt8]] = []
    /// The stream ends as soon as it may.
    var pendingEnd: StreamEnd?
    /// The client is asked whether it is there.
    var probe: AcknowledgementProbe?
    var sendQueue: SendQueueLimit

    /// Nothing of ours can be put in now.
    var isClosed: Bool { isOpaque || isInsideEvent }

    /// How many octets to leave out in front of what is sent next: a byte order mark, when it is
    /// the first of all. Behind an event of ours it would be a part of a field's name.
    mutating func skippedCount() -> Int {
        defer { hasBegun = true }
        return hasBegun ? 0 : boundary.markCount
    }

    /// Octets that are kept of events whose end has not come.
    var heldCount: Int { waiting.reduce(held.count) { $0 + $1.count } }
    /// Events of ours that wait for the end of one of the upstream's.
    static let waitingLimit = 16

    /// Behind an event whose end does not come, only the last words are kept.
    mutating func wait(_ event: [UInt8]) {
        if waiting.count == Self.waitingLimit { waiting.removeFirst() }
        waiting.append(event)
    }

    mutating func takeWaiting() -> [[UInt8]] {
        defer { waiting = [] }
        return waiting
    }
}

/// How a live event stream is ended by rule.
struct StreamEnd {
    /// The data of the `force_disconnect` event; nil to end without one.
    var message: [UInt8]?
    var retryMilliseconds: Int
    var reason: EndReason
    var detail: String?
}

extension StreamEnd {
    init(_ end: Disconnection, of context: RequestContext, in worker: Worker) {
        self.init(
            message: context.disconnection(end),
            retryMilliseconds: end.retryMilliseconds(in: worker), reason: end.cause.reason,
            detail: end.word)
    }

    /// The process stops; there is a hint when to come back.
    static func draining(_ context: RequestContext, in worker: Worker) -> StreamEnd {
        StreamEnd(
            message: context.drainMessage,
            retryMilliseconds: worker.reconnectDelayMilliseconds(), reason: .draining)
    }
}

/// Event streams: forwarded event by event, never buffered, kept alive, ended by rule.
extension Exchange {
    /// A client that does not acknowledge what was sent for this long is gone.
    private static let userTimeoutMilliseconds: Int32 = 30_000
    /// How long the end of a stream waits for the event that is on its way.
    private static let boundaryTimeout: Duration = .seconds(2)

    func beginEvents(_ fields: Fields, in worker: Worker) {
        let isOpaque = fields.hasContentCoding
        let queue = SendQueueLimit(plan.route.settings)
        events = EventRelay(isOpaque: isOpaque, lastSent: worker.now, sendQueue: queue)
        client.stream.setUserTimeout(milliseconds: Self.userTimeoutMilliseconds)
        if !isOpaque, let message = context.sessionMessage {
            var event: [UInt8] = []
            EventEncoder.append(
                event: "session", data: String(decoding: message, as: UTF8.self), to: &event)
            send(event.span, in: worker)
        }
        // A client that has left answers that with a reset.
        if client.hasFinished { appendComment(in: worker) }
        scheduleEventCheck(in: worker)
        client.pace.forgetTaking()
    }

    /// The gateway says something of its own, behind the event that is on its way.
    func say(_ reply: ControlReply, in worker: Worker) {
        guard let relay = events, !relay.isOpaque, !hasEnded, relay.pendingEnd == nil else {
            return
        }
        var event: [UInt8] = []
        EventEncoder.append(
            event: reply.eventName, data: String(decoding: reply.octets, as: UTF8.self), to: &event)
        guard !relay.isInsideEvent else {
            events?.wait(event)
            return
        }
        worker.scratch.removeAll(keepingCapacity: true)
        send(event.span, in: worker)
        sendScratch(worker)
    }

    /// Asks the client whether it is there: it has to acknowledge a comment. Before its response
    /// has begun there is no way to ask, and it is the upstream that is waited for.
    func probe(in worker: Worker) {
        // To an opaque one nothing can be said; TCP will know in time.
        guard let relay = events, !relay.isOpaque else {
            // Who waits for its place does not wait for one who has perhaps left.
            if client.hasFinished { return leave(.normal, in: worker) }
            context.session?.lease.answered(now: worker.now)
            return
        }
        if hasEnded || relay.pendingEnd != nil { return }
        events?.probe = AcknowledgementProbe(of: client.stream, now: worker.now)
        if !relay.isInsideEvent { sendComment(in: worker) }
        scheduleEventCheck(in: worker)
    }

    func sendComment(in worker: Worker) {
        worker.scratch.removeAll(keepingCapacity: true)
        appendComment(in: worker)
        sendScratch(worker)
    }

    private func appendComment(in worker: Worker) {
        var comment: [UInt8] = []
        EventEncoder.appendComment(to: &comment)
        send(comment.span, in: worker)
        events?.lastSent = worker.now
    }

    private func checkProbe(in worker: Worker) {
        guard let outcome = events?.probe?.outcome(of: client.stream, now: worker.now) else {
            return
        }
        events?.probe = nil
        if outcome == .isThere { context.session?.lease.answered(now: worker.now) }
    }

    func rescheduleExpiry(in worker: Worker) {
        if let relay = events, !hasEnded, relay.pendingEnd == nil { scheduleEventCheck(in: worker) }
    }

    private func scheduleEventCheck(in worker: Worker) {
        let interval = plan.route.settings.commentInterval
        var next = (events?.lastSent ?? worker.now) + interval
        if next <= worker.now { next = worker.now + interval }
        if events?.probe != nil { next = min(next, worker.now + AcknowledgementProbe.interval) }
        client.set(
            .check, at: min(next, context.live?.nextDue(in: worker) ?? .never), in: worker)
    }

    /// The queue has grown: when it is full the upstream is read no more, and the clock starts.
    func noteQueue(in worker: Worker) {
        let pending = client.stream.pendingCount
        guard let next = events?.sendQueue.grew(to: pending, now: worker.now) else { return }
        client.set(.queue, at: next, in: worker)
    }

    private func judgeQueue(in worker: Worker) {
        switch events?.sendQueue.judge(taken: client.stream.takenCount, now: worker.now) {
        case .inTime(let next): client.set(.queue, at: next, in: worker)
        // How it ends is settled already when it does.
        case .tooSlow where events?.pendingEnd == nil:
            worker.shared.counters.note(slow: \.queues)
            cut(.slowConsumer, in: worker)
        case .tooSlow, nil: break
        }
    }

    func forwardEvents(_ data: Span<UInt8>, in worker: Worker) {
        guard var relay = events else { return }
        // Taken out so that appending to what is held copies nothing.
        events = nil
        defer { events = relay }
        relay.lastSent = worker.now
        if relay.isOpaque { return send(data, in: worker) }
        if let end = relay.boundary.scan(data) {
            if relay.held.isEmpty {
                send(data.extracting(relay.skippedCount()..<end), in: worker)
            } else {
                relay.held.append(copying: data.extracting(0..<end))
                sendHeld(&relay, in: worker)
            }
            relay.isInsideEvent = false
            for event in relay.takeWaiting() { send(event.span, in: worker) }
            if relay.pendingEnd != nil { return }
            if end < data.count { relay.held.append(copying: data.extracting(end..<data.count)) }
        } else {
            relay.held.append(copying: data)
        }
        if relay.held.count > EventRelay.heldSize {
            sendHeld(&relay, in: worker)
            relay.isInsideEvent = true
        }
    }

    private func sendHeld(_ relay: inout EventRelay, in worker: Worker) {
        let skipped = relay.skippedCount()
        if skipped < relay.held.count {
            send(relay.held.span.extracting(skipped..<relay.held.count), in: worker)
        }
        relay.held = []
    }

    /// The stream ended by itself: a last event without its empty line goes on as it is.
    func flushEvents(in worker: Worker) {
        guard var relay = events, !relay.held.isEmpty else { return }
        sendHeld(&relay, in: worker)
        events = relay
    }

    func disconnect(_ end: Disconnection, in worker: Worker) {
        if context.kind.isDownload { return fail(end.refusal, in: worker) }
        self.end(StreamEnd(end, of: context, in: worker), in: worker)
    }

    /// The process stops. Event streams end with a hint to come back; what answers soon may finish.
    func drain(in worker: Worker) {
        client.makeLast()
        guard let relay = events, relay.pendingEnd == nil else {
            return drainWaiting(in: worker)
        }
        end(.draining(context, in: worker), in: worker)
    }

    private func end(_ end: StreamEnd, in worker: Worker) {
        guard !hasEnded else { return }
        guard let relay = events else {
            // A response that has begun, and that is no stream, is nothing that lasts.
            guard case .awaiting = response else { return }
            // No response has begun: the same is said in an answer of our own.
            closeUpstream(in: worker)
            hasEnded = true
            return Answer.end(end, head: head, context: context, to: client, in: worker)
        }
        events?.pendingEnd = end
        if relay.isInsideEvent {
            return client.set(.end, at: worker.now + Self.boundaryTimeout, in: worker)
        }
        finishEvents(in: worker)
    }

    /// Sends the last event and the end of the response.
    private func finishEvents(in worker: Worker) {
        guard let relay = events, let end = relay.pendingEnd else { return }
        closeUpstream(in: worker)
        events?.held = []
        worker.scratch.removeAll(keepingCapacity: true)
        if !relay.isOpaque {
            var event: [UInt8] = []
            Answer.append(end, to: &event)
            send(event.span, in: worker)
        }
        if clientFraming == .chunked { HeadEncoder.appendLastChunk(to: &worker.scratch) }
        sendScratch(worker)
        response = .complete
        context.detail = end.detail
        conclude(end.reason, in: worker)
        client.makeLast()
        client.answered(in: worker)
    }

    /// Called after events were forwarded, when an end was waiting for the boundary.
    func endIfPending(in worker: Worker) {
        guard let relay = events, relay.pendingEnd != nil, !relay.isInsideEvent else { return }
        finishEvents(in: worker)
    }

    func eventTimerFired(_ timer: ClientConnection.Timer, in worker: Worker) {
        if timer == .check, wait.isActive { return checkToken(in: worker) }
        guard let relay = events, !hasEnded else { return }
        switch timer {
        case .end: cut(relay.pendingEnd?.reason ?? .normal, in: worker)
        case .queue: judgeQueue(in: worker)
        case .check: check(in: worker)
        case .phase, .connect, .sending, .taking, .heartbeat, .asking: break
        }
    }

    /// The rest of an event that is on its way will not come, or not be taken.
    private func cut(_ reason: EndReason, in worker: Worker) {
        closeUpstream(in: worker)
        context.detail = events?.pendingEnd?.detail
        conclude(reason, in: worker)
        client.close(in: worker)
    }

    /// Every comment interval: a comment when nothing was sent for so long.
    private func check(in worker: Worker) {
        if let live = context.live, events?.pendingEnd == nil,
            !live.expire(context, client, in: worker)
        {
            return
        }
        checkProbe(in: worker)
        guard let relay = events else { return }
        let interval = plan.route.settings.commentInterval
        if relay.pendingEnd != nil { return }
        // The client stands between two events, also while the beginning of one is held back.
        if worker.now - relay.lastSent >= interval, !relay.isClosed { sendComment(in: worker) }
        scheduleEventCheck(in: worker)
    }
}
