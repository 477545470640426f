internal import Bytes
internal import Clock
internal import Endings
internal import Entry
internal import HTTP
internal import HTTP1
internal import Identity
internal import Relays
internal import Sessions
internal import Settings
internal import Transport

extension StreamEnding {
    /// Of an event stream, or of what has no answer yet.
    init(_ end: Disconnection, of context: RequestContext, in worker: Worker) {
        self.init(
            end.cause.reason, detail: end.word, message: context.disconnection(end),
            comingBack: end.comingBack(in: worker),
            // Nobody is there to take the rest.
            awaitsBoundary: end.cause != .silent)
    }

    /// The process stops; there is a hint when to come back.
    static func draining(_ context: RequestContext, in worker: Worker) -> StreamEnding {
        StreamEnding(
            .draining, message: context.drainMessage,
            comingBack: .after(milliseconds: worker.reconnectDelayMilliseconds()))
    }
}

extension Stream {
    var acknowledgements: Acknowledgements {
        Acknowledgements(count: acknowledgedCount, outstanding: outstandingCount)
    }
}

/// Event streams: what is to be done with them says `EventFlow`, and here it is done.
extension Exchange {
    /// A client that does not acknowledge what was sent for this long is gone.
    private static let userTimeoutMilliseconds: Int32 = 30_000

    func beginEvents(_ fields: Fields, in worker: Worker) {
        events = EventFlow(
            plan.route.settings, isOpaque: fields.hasContentCoding, now: worker.now)
        client.stream.setUserTimeout(milliseconds: Self.userTimeoutMilliseconds)
        client.pace.forgetTaking()
        askTokenLater(in: worker)
        var output: [UInt8] = []
        let step = events?.begin(
            session: context.sessionMessage, hasFinished: client.hasFinished, into: &output)
        // The head goes in front of it.
        if let step { carryOut(step, &output, in: worker) }
        watchEvents(in: worker)
    }

    // MARK: Events of the app's

    func forwardEvents(_ data: Span<UInt8>, in worker: Worker) {
        var output: [UInt8] = []
        var index = 0
        while let step = events?.received(data, at: &index, now: worker.now, into: &output) {
            if case .pass(let range) = step {
                send(data.extracting(range), in: worker)
            } else {
                carryOut(step, &output, in: worker)
            }
        }
    }

    /// The app's response is whole.
    func appEnded(in worker: Worker) {
        var output: [UInt8] = []
        guard let step = events?.appEnded(into: &output) else { return }
        carryOut(step, &output, in: worker)
    }

    // MARK: What it is told

    /// The gateway says something of its own, behind the event that is on its way.
    func say(_ reply: ControlReply, in worker: Worker) {
        guard !hasEnded else { return }
        var output: [UInt8] = []
        let step = events?.say(reply.eventName, reply.octets, now: worker.now, into: &output)
        told(step, output, in: worker)
    }

    /// Asks the client whether it is there, by a comment.
    func ask(in worker: Worker) {
        var output: [UInt8] = []
        let step = events?.ask(now: worker.now, into: &output)
        told(step, output, in: worker)
    }

    /// Somebody waits for the place of this client.
    func probe(in worker: Worker) {
        guard !hasEnded else { return }
        let hasFinished = client.hasFinished
        var output: [UInt8] = []
        let step =
            events == nil
            ? EventFlow.probedUnheard(hasFinished: hasFinished)
            : events?.probe(
                hasFinished: hasFinished, acknowledged: client.stream.acknowledgedCount,
                now: worker.now, into: &output)
        told(step, output, in: worker)
    }

    func disconnect(_ end: Disconnection, in worker: Worker) {
        if context.kind.isDownload { return fail(end.refusal, in: worker) }
        self.end(StreamEnding(end, of: context, in: worker), in: worker)
    }

    /// The process stops. Event streams end with a hint to come back; what answers soon may finish.
    func drain(in worker: Worker) {
        client.request.makeLast()
        if events == nil { return drainWaiting(in: worker) }
        end(.draining(context, in: worker), in: worker)
    }

    private func end(_ end: StreamEnding, in worker: Worker) {
        guard !hasEnded else { return }
        guard events == nil else {
            var output: [UInt8] = []
            let step = events?.end(end, now: worker.now, into: &output)
            return told(step, output, in: worker)
        }
        // A response that has begun, and that is no stream, is nothing that lasts.
        guard case .awaiting = response else { return }
        // No response has begun: the same is said in an answer of our own.
        closeUpstream(in: worker)
        hasEnded = true
        Answer.end(end, head: head, context: context, to: client, in: worker)
    }

    func rescheduleExpiry(in worker: Worker) {
        guard !hasEnded, events != nil else { return }
        askTokenLater(in: worker)
        watchEvents(in: worker)
    }

    func eventTimerFired(in worker: Worker) {
        if wait.isActive { return checkToken(in: worker) }
        worker.scratch.removeAll(keepingCapacity: true)
        let stream = client.stream
        var output: [UInt8] = []
        while !hasEnded,
            let step = events?.timePassed(
                to: worker.now, taken: stream.takenCount,
                acknowledgements: stream.acknowledgements, into: &output)
        {
            carryOut(step, &output, in: worker)
        }
        if hasEnded { return }
        client.request.flush(in: worker)
        noteQueue(in: worker)
        watchEvents(in: worker)
    }

    /// The queue has grown: when it is full the upstream is read no more, and the clock starts.
    func noteQueue(in worker: Worker) {
        guard client.request.waiting > 0 else { return }
        events?.queueGrew(to: client.request.waiting, now: worker.now)
        watchEvents(in: worker)
    }

    private func watchEvents(in worker: Worker) {
        guard let due = events?.nextDue else { return }
        client.set(.flow, at: due, in: worker)
    }

    private func askTokenLater(in worker: Worker) {
        events?.setExpiry(context.live?.nextDue(in: worker) ?? .never)
    }

    // MARK: What it says is to be done

    /// What was to be done when it was told something, which goes out at once.
    private func told(_ step: EventFlow.Step?, _ output: [UInt8], in worker: Worker) {
        if let step {
            var output = output
            worker.scratch.removeAll(keepingCapacity: true)
            carryOut(step, &output, in: worker)
        }
        if hasEnded { return }
        client.request.flush(in: worker)
        noteQueue(in: worker)
        watchEvents(in: worker)
    }

    private func carryOut(
        _ step: EventFlow.Step, _ output: inout [UInt8], in worker: Worker
    ) {
        switch step {
        // Done where the input is.
        case .pass: break
        case .send:
            send(output.span, in: worker)
            output.removeAll(keepingCapacity: true)
        case .end(let end):
            if !output.isEmpty { send(output.span, in: worker) }
            finishEvents(end, in: worker)
        case .cut(let end): cut(end.reason, end.detail, in: worker)
        case .tooSlow:
            worker.shared.counters.note(slow: \.queues)
            cut(.slowConsumer, nil, in: worker)
        case .leave: leave(.normal, in: worker)
        case .answered: context.session?.lease.answered(now: worker.now)
        case .silent: context.session?.lease.answered(false, now: worker.now)
        case .askToken:
            // What follows from it is sent behind this.
            client.request.flush(in: worker)
            askToken(in: worker)
        }
    }

    /// Sends the end of the response behind the last event.
    private func finishEvents(_ end: StreamEnding, in worker: Worker) {
        closeUpstream(in: worker)
        client.request.makeLast()
        client.request.end(in: worker)
        client.request.flush(in: worker)
        response = .complete
        context.detail = end.detail
        conclude(end.reason, in: worker)
        client.answered(in: worker)
    }

    /// The rest of an event that is on its way will not come, or not be taken.
    private func cut(_ reason: EndReason, _ detail: String?, in worker: Worker) {
        closeUpstream(in: worker)
        context.detail = detail
        conclude(reason, in: worker)
        client.cut(in: worker)
    }

    private func askToken(in worker: Worker) {
        guard let live = context.live, live.expire(context, client, in: worker) else { return }
        askTokenLater(in: worker)
    }

    /// The app has broken off its response: true when an end by rule that waited is the end.
    func endsByRule(in worker: Worker) -> Bool {
        guard let step = events?.appLost() else { return false }
        var output: [UInt8] = []
        carryOut(step, &output, in: worker)
        return true
    }
}
