internal import Bookkeeping
internal import Clients
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import Loop
internal import Origins
internal import Relays
internal import Sessions
internal import Upstreams

extension StreamEnding {
    /// Of an event stream, or of what has no answer yet.
    init(_ end: Disconnection, of context: RequestContext, comingBackIn milliseconds: Int) {
        self.init(
            end.cause.reason, detail: end.word, message: context.disconnection(end),
            comingBack: end.comingBack(in: milliseconds),
            // Nobody is there to take the rest.
            awaitsBoundary: end.cause != .silent)
    }

    /// No fault of the client's: there is a hint when to come back.
    static func draining(
        _ context: RequestContext, _ detail: String? = nil, comingBackIn milliseconds: Int
    ) -> StreamEnding {
        StreamEnding(
            .draining, detail: detail, message: context.drainMessage(comingBackIn: milliseconds),
            comingBack: .after(milliseconds: milliseconds))
    }
}

/// Event streams: what is to be done with them says `EventFlow`, and here it is done.
extension Exchange {
    /// A client that does not acknowledge what was sent for this long is gone.
    private static let userTimeoutMilliseconds: Int32 = 30_000

    func beginEvents(_ fields: Fields) {
        events = EventFlow(plan.route.settings, isOpaque: fields.hasContentCoding, now: loop.now)
        upstream?.connection.delayAcknowledgements()
        client.request.becomeEventStream(userTimeoutMilliseconds: Self.userTimeoutMilliseconds)
        var output: [UInt8] = []
        let step = events?.begin(
            session: context.sessionMessage, hasFinished: client.request.hasFinished, into: &output)
        // The head goes in front of it.
        if let step { carryOut(step, &output) }
        askTokenLater()
        watchEvents()
        LastingUse(client: client).begin()
    }

    // MARK: Events of the app's

    func forwardEvents(_ data: Span<UInt8>) {
        var output: [UInt8] = []
        var index = 0
        while let step = events?.received(data, at: &index, now: loop.now, into: &output) {
            if case .pass(let range) = step {
                send(data.extracting(range))
            } else {
                carryOut(step, &output)
            }
        }
    }

    /// Asked for every piece of a response: nearly all are none of a stream.
    var passesEvents: Bool { isOpenEnded && events != nil }

    /// The app's response is whole.
    func appEnded() {
        guard passesEvents else { return }
        var output: [UInt8] = []
        guard let step = events?.appEnded(into: &output) else { return }
        carryOut(step, &output)
    }

    // MARK: What it is told

    /// The gateway says something of its own, behind the event that is on its way.
    func say(_ reply: ControlReply) {
        guard !hasEnded else { return }
        var output: [UInt8] = []
        let step = events?.say(reply.eventName, reply.octets, now: loop.now, into: &output)
        told(step, output)
    }

    /// Asks the client whether it is there, by a comment.
    func ask() {
        var output: [UInt8] = []
        let step = events?.ask(now: loop.now, into: &output)
        told(step, output)
    }

    /// Somebody waits for the place of this client.
    func probe() {
        guard !hasEnded else { return }
        let hasFinished = client.request.hasFinished
        var output: [UInt8] = []
        let step =
            events == nil
            ? EventFlow.probedUnheard(hasFinished: hasFinished)
            : events?.probe(
                hasFinished: hasFinished, acknowledged: client.request.acknowledgedCount,
                now: loop.now, into: &output)
        told(step, output)
    }

    func disconnect(_ end: Disconnection) {
        if context.found.kind.isDownload { return fail(end.refusal) }
        self.end(
            StreamEnding(end, of: context, comingBackIn: loop.reconnectDelayMilliseconds()))
    }

    /// The process stops: what answers soon may finish.
    func drain() {
        client.request.makeLast()
        if events == nil, wait.isActive { fail(.draining) }
    }

    func end(_ end: StreamEnding) {
        guard !hasEnded else { return }
        guard events == nil else {
            var output: [UInt8] = []
            let step = events?.end(end, now: loop.now, into: &output)
            return told(step, output)
        }
        // A response that has begun, and that is no stream, is nothing that lasts.
        guard case .awaiting = response else { return }
        // No response has begun: the same is said in an answer of our own.
        closeUpstream()
        hasEnded = true
        client.end(end, head: head, context)
    }

    func rescheduleExpiry() {
        if wait.isActive { return watchToken() }
        guard !hasEnded, events != nil else { return }
        askTokenLater()
        watchEvents()
    }

    func eventTimerFired() {
        if wait.isActive { return checkToken() }
        loop.clearScratch()
        let stream = client.request
        var output: [UInt8] = []
        while !hasEnded,
            let step = events?.timePassed(
                to: loop.now, taken: stream.takenCount,
                acknowledgements: stream.acknowledgements, into: &output)
        {
            carryOut(step, &output)
        }
        if hasEnded { return }
        client.request.flush()
        noteQueue()
        watchEvents()
    }

    /// The queue has grown: when it is full the upstream is read no more, and the clock starts.
    func noteQueue() {
        guard client.request.waiting > 0 else { return }
        events?.queueGrew(to: client.request.waiting, now: loop.now)
        watchEvents()
    }

    private func watchEvents() {
        guard !hasEnded, let due = events?.nextDue else { return }
        client.request.set(.flow, at: due)
    }

    private func askTokenLater() {
        let due = context.live?.nextDue(at: loop.now) ?? .never
        if case .askToken = events?.setExpiry(due, now: loop.now) { askToken() }
    }

    // MARK: What it says is to be done

    /// What was to be done when it was told something, which goes out at once.
    private func told(_ step: EventFlow.Step?, _ output: [UInt8]) {
        if let step {
            var output = output
            loop.clearScratch()
            carryOut(step, &output)
        }
        if hasEnded { return }
        client.request.flush()
        noteQueue()
        watchEvents()
    }

    private func carryOut(_ step: EventFlow.Step, _ output: inout [UInt8]) {
        switch step {
        case .pass: break
        case .send:
            send(output.span)
            output.removeAll(keepingCapacity: true)
        case .end(let end):
            if !output.isEmpty { send(output.span) }
            finishEvents(end)
        case .cut(let end): cut(end.reason, end.detail)
        case .tooSlow:
            thread.shared.counters.note(slow: \.queues)
            cut(.slowConsumer, nil)
        case .leave: leave(.normal)
        case .answered: context.session?.lease.answered(now: loop.now)
        case .silent: context.session?.lease.answered(false, now: loop.now)
        case .askToken: askToken()
        }
    }

    /// Sends the end of the response behind the last event.
    private func finishEvents(_ end: StreamEnding) {
        closeUpstream()
        client.request.makeLast()
        client.request.end()
        client.request.flush()
        response = .complete
        context.outcome.detail = end.detail
        conclude(end.reason)
        client.answered()
    }

    /// The rest of an event that is on its way will not come, or not be taken.
    private func cut(_ reason: EndReason, _ detail: String?) {
        closeUpstream()
        loop.clearScratch()
        context.outcome.detail = detail
        conclude(reason)
        client.cut()
    }

    private func askToken() {
        // What follows from it is sent behind this.
        client.request.flush()
        guard let live = context.live, live.expire(context, client) else { return }
        askTokenLater()
    }

    /// The app has broken off its response: true when an end by rule that waited is the end.
    func endsByRule() -> Bool {
        guard let step = events?.appLost() else { return false }
        var output: [UInt8] = []
        carryOut(step, &output)
        return true
    }
}
